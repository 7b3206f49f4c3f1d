// The walk along a path. Called by the path operations with the namespace mutex held, which keeps
// every inode that the tree reaches alive, so that steps take no references; `held` and `found`
// keep what the tree does not reach.
#include "fs/path_walk.h"

#include "abi/errno.h"
#include "fs/directory.h"
#include "fs/memory_fs.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define LINK_FOLLOW_LIMIT 40u

struct shared_mutex namespace_mutex;

static const char *skip_slashes(const char *text)
{
    while (*text == '/')
        text++;
    return text;
}

// Most bytes of names are above the slash: one comparison for these.
never_inlined static size_t component_length(const char *name)
{
    const uint8_t *end = (const uint8_t *)name;
    while (*end > '/' || (*end != '/' && *end != '\0'))
        end++;
    return (size_t)(end - (const uint8_t *)name);
}

// Cuts the next component off `rest`, which begins with no slash. LAST_ROOT when only slashes are
// left.
static inline enum last_component take_component(struct path_walk *walk)
{
    const char *name = walk->rest;
    size_t length = component_length(name);
    const char *end = name + length, byte = *end;
    walk->name = name;
    walk->name_length = (uint32_t)length;
    walk->trailing_slash = byte == '/';
    walk->rest = byte ? skip_slashes(end) : end;
    if (unlikely(length == 0))
        return LAST_ROOT;
    if (likely(name[0] != '.') || length > 2)
        return LAST_NAME;
    if (length == 1)
        return LAST_DOT;
    return name[1] == '.' ? LAST_DOT_DOT : LAST_NAME;
}

// A name that the directory computes. *inode is NULL when there is none.
static int find_computed(struct path_walk *walk, struct inode **inode)
{
    const struct name_operations *operations = walk->directory->name_operations;
    *inode = NULL;
    if (!operations || !operations->lookup)
        return 0;
    struct inode *found;
    int error = operations->lookup(walk->directory, walk->name, walk->name_length, &found);
    if (error)
        return error == -ENOENT ? 0 : error;
    if (walk->found)
        inode_release(walk->found);
    walk->found = found;
    *inode = found;
    return 0;
}

// What the component is when it is no entry. A directory's tree holds no name that is too long, and
// what is no directory has none.
never_inlined static int find_no_entry(struct path_walk *walk, struct inode **inode)
{
    *inode = walk->directory;
    if (walk->last == LAST_INODE)
        return walk->trailing_slash && !inode_is_directory(walk->directory) ? -ENOTDIR : 0;
    if (!inode_is_directory(walk->directory))
        return -ENOTDIR;
    if (walk->last == LAST_DOT_DOT)
        *inode = walk->directory->parent;
    if (walk->last != LAST_NAME)
        return 0;
    return walk->name_length > NAME_LIMIT ? -ENAMETOOLONG : find_computed(walk, inode);
}

static inline const struct directory_entry *find_entry(const struct path_walk *walk)
{
    if (unlikely(walk->last != LAST_NAME))
        return NULL;
    return directory_find(walk->directory, walk->name, walk->name_length);
}

static inline int find_component(struct path_walk *walk, struct inode **inode)
{
    const struct directory_entry *entry = find_entry(walk);
    if (unlikely(!entry))
        return find_no_entry(walk, inode);
    *inode = entry->inode;
    return 0;
}

int path_walk_find_last(struct path_walk *walk, struct inode **inode)
{
    return find_component(walk, inode);
}

// Puts the target in front of what is left to walk.
static int splice_target(struct path_walk *walk, const char *target)
{
    size_t target_length = strlen(target);
    size_t rest_length = strlen(walk->rest);
    // The slash after the link stays, since it says that a directory is wanted.
    char *text = memory_allocate(target_length + 1 + rest_length + 1);
    if (!text)
        return -ENOMEM;
    memcpy(text, target, target_length);
    if (walk->trailing_slash)
        text[target_length++] = '/';
    memcpy(text + target_length, walk->rest, rest_length + 1);
    memory_release(walk->text);
    walk->text = text;
    walk->rest = skip_slashes(text);
    if (target[0] == '/')
        walk->directory = memory_fs_root();
    return 0;
}

// Goes on at an inode whose reference the walk takes over. The one held before was needed by the
// step that led here.
static void hold_directory(struct path_walk *walk, struct inode *inode)
{
    if (walk->held)
        inode_release(walk->held);
    walk->held = inode;
    walk->directory = inode;
}

static int jump_to_inode(struct path_walk *walk, struct inode *link)
{
    struct inode *target;
    int error = link->link_operations->follow(link, &target);
    if (error)
        return error;
    hold_directory(walk, target);
    return 0;
}

static int splice_computed(struct path_walk *walk, struct inode *link)
{
    char *target = memory_allocate(PATH_LIMIT);
    if (!target)
        return -ENOMEM;
    int64_t length = link->link_operations->read(link, target, PATH_LIMIT - 1);
    int error = length < 0 ? (int)length : splice_target(walk, target); // memory comes zeroed
    memory_release(target);
    return error;
}

static bool link_jumps(const struct inode *link)
{
    return link->link_operations && link->link_operations->follow;
}

static int enter_link(struct path_walk *walk, struct inode *link)
{
    if (++walk->link_count > LINK_FOLLOW_LIMIT)
        return -ELOOP;
    if (!link->link_operations)
        return splice_target(walk, link->link_target);
    return link_jumps(link) ? jump_to_inode(walk, link) : splice_computed(walk, link);
}

// A link, or what has no entry.
never_inlined static int step_aside(struct path_walk *walk)
{
    struct inode *inode;
    int error = find_component(walk, &inode);
    if (error)
        return error;
    if (!inode)
        return -ENOENT;
    if (inode_is_link(inode))
        return enter_link(walk, inode);
    if (inode == walk->found) {
        walk->found = NULL;
        hold_directory(walk, inode);
    }
    walk->directory = inode;
    return 0;
}

// One component that is not the last: `directory` becomes what it names.
static inline int step_into(struct path_walk *walk)
{
    const struct directory_entry *entry = find_entry(walk);
    if (unlikely(!entry || inode_is_link(entry->inode)))
        return step_aside(walk);
    walk->directory = entry->inode;
    return 0;
}

// The last component is there. What links were put in front of may be longer than what is given.
static int check_end(const struct path_walk *walk)
{
    if (!walk->text && walk->rest - walk->path >= (ptrdiff_t)PATH_LIMIT)
        return -ENAMETOOLONG;
    return inode_is_directory(walk->directory) ? 0 : -ENOTDIR;
}

// Up to the last component of `rest`.
static int advance(struct path_walk *walk)
{
    for (;;) {
        preempt_point();
        walk->last = take_component(walk);
        if (*walk->rest == '\0')
            return check_end(walk);
        int error = step_into(walk);
        if (error)
            return error;
    }
}

int path_walk_to_last(struct path_walk *walk, struct inode *start, const char *path)
{
    walk->directory = start;
    walk->held = walk->found = NULL;
    walk->path = path;
    walk->rest = skip_slashes(path);
    walk->text = NULL;
    walk->link_count = 0;
    if (path[0] == '\0')
        return -ENOENT;
    if (path[0] == '/')
        walk->directory = memory_fs_root();
    return advance(walk);
}

int path_walk_follow_last(struct path_walk *walk, struct inode *link)
{
    int error = enter_link(walk, link);
    if (error)
        return error;
    if (link_jumps(link)) {
        walk->last = LAST_INODE;
        return 0;
    }
    return advance(walk);
}

void path_walk_end(struct path_walk *walk)
{
    if (walk->found)
        inode_release(walk->found);
    if (walk->held)
        inode_release(walk->held);
    if (walk->text)
        memory_release(walk->text);
}
