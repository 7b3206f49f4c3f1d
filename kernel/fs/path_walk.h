// Stepping through a path, for the files of this folder. Nothing here recurses: a symbolic link's
// target is put in front of the rest of the path, on the heap.
#pragma once

#include "fs/inode.h"
#include "fs/late_release.h"
#include "sched/shared_mutex.h"

// Guards the whole tree: entries, parents, link counts. Held throughout a walk: shared by who only
// looks, so that walks on all CPUs go on beside each other; alone by who makes or removes a name.
extern struct shared_mutex namespace_mutex;
// Its release, with whatever waits for that. No other lock held; may sleep.
static inline void namespace_release(void)
{
    shared_mutex_release(&namespace_mutex);
    late_releases_finish();
}
static inline void namespace_release_shared(void)
{
    shared_mutex_release_shared(&namespace_mutex);
    late_releases_finish();
}

enum last_component {
    LAST_NAME, // an ordinary name
    LAST_DOT,
    LAST_DOT_DOT,
    LAST_ROOT,  // the path is only slashes
    LAST_INODE, // a computed link led straight to `directory`, whatever that is
};

struct path_walk {
    struct inode *directory; // where the last component is looked up
    struct inode *held;      // `directory`, when it is outside the tree perhaps: one reference
    struct inode *found;     // a computed name led here: likewise, until the next step
    const char *path;        // as it was given
    const char *rest;        // not yet walked; begins with no slash
    char *text;              // what `rest` points into after a symbolic link
    uint32_t link_count;
    enum last_component last;
    bool trailing_slash; // after the last component
    const char *name;    // the last component, not terminated
    uint32_t name_length;
};

// Starts and walks up to, not into, the last component. Whatever is returned, path_walk_end() is
// called afterwards. -ENOENT for an empty path, and the errors of the steps.
must_check int path_walk_to_last(struct path_walk *walk, struct inode *start, const char *path);
// The last component is this symbolic link: walks through it, up to the last component of where it
// leads.
must_check int path_walk_follow_last(struct path_walk *walk, struct inode *link);
// What the last component is: *inode without a reference, good while the walk lasts; NULL when the
// name does not exist. -ENOTDIR, -ENAMETOOLONG.
must_check int path_walk_find_last(struct path_walk *walk, struct inode **inode);
// The absolute path of the inode that the last component led to, on the heap. NULL: it has none
// that the walk knows, one of PATH_LIMIT or more, or no memory.
must_check char *path_name_of_walk(const struct path_walk *walk, struct inode *inode);
void path_walk_end(struct path_walk *walk);
