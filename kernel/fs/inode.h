// Inodes of the memory file system, and of what looks like files in it (devices). An inode lives
// while anything refers to it: a directory entry, an open file, a mapping, a working directory.
// Locks: the namespace mutex guards directories and link counts; `write_mutex` serialises writers
// of one file; `lock` guards the page tree and the size, so that page faults can look pages up.
#pragma once

#include <stdatomic.h>

#include "abi/file.h"
#include "cpu/spinlock.h"
#include "lib/list.h"
#include "lib/rbtree.h"
#include "mem/page_tree.h"
#include "sched/mutex.h"
#include "vm/memory_object.h"

#define FILE_SIZE_LIMIT (1ull << 40) // bytes; more is -EFBIG

struct file_operations;
struct inode;

// A symbolic link whose target is computed (/proc/self/exe). Called with the namespace mutex held:
// must not look paths up.
struct link_operations {
    // The target as text, for readlink: its length; copies at most `size` bytes. -errno.
    int64_t (*read)(struct inode *link, char *buffer, size_t size);
    // Where the link leads, without going by the text; one reference for the caller. -errno. NULL:
    // the text says it.
    int (*follow)(struct inode *link, struct inode **target);
};

#define COMPUTED_NAME_SIZE 16u

// One of the names that name_operations compute.
struct computed_name {
    char text[COMPUTED_NAME_SIZE]; // NUL-terminated
    uint64_t number;               // of its inode
    uint32_t mode;                 // of which getdents64 tells the kind
};

// A directory with computed names (/proc, /proc/PID), besides those in its tree. Nobody can make,
// remove or rename a name there. Called with the namespace mutex held: must not look paths up.
// Each may be NULL: no computed names.
struct name_operations {
    // The inode of a name, with a reference for the caller. It lives by references only; one that
    // is a directory holds one of its `parent`. -ENOENT, -ENOMEM.
    int (*lookup)(struct inode *directory, const char *name, uint32_t length,
                  struct inode **result);
    // The first name at or after *position, which becomes that name's own. 1, 0 at the end, -errno.
    int (*next)(struct inode *directory, uint64_t *position, struct computed_name *name);
    // What the directory itself is called, when lookup() made it. -ENOENT.
    int (*own_name)(const struct inode *directory, char name[COMPUTED_NAME_SIZE]);
};

// A name in a directory. Guarded by the namespace mutex.
struct directory_entry {
    struct rb_node node;         // in the directory: by prefix, then length, then the rest
    uint64_t prefix;             // the name's first eight bytes, zeroes behind it, as a number
    struct list_node order_link; // in order of creation, for getdents64
    uint64_t cookie;             // d_off of this entry; grows, never reused in a directory
    struct inode *inode;         // one reference
    uint32_t name_length;
    char name[]; // NUL-terminated
};

struct inode {
    struct memory_object object; // for mmap and exec of regular files
    atomic_uint references;
    uint64_t number;
    uint32_t mode;       // S_IF... and permission bits
    bool has_fixed_mode; // chmod gives -EPERM: those of /proc/PID
    uint32_t uid, gid;
    uint32_t link_count;
    uint64_t device;  // of the file system
    uint64_t rdevice; // of a device node
    struct abi_timespec accessed, modified, changed;
    struct mutex write_mutex;
    struct spinlock lock;
    atomic_bool removes_pages; // nobody looks pages up without the lock
    // Each side counts itself first and looks at the other afterwards, so that one of them sees it.
    atomic_uint write_openers; // open for writing: exec refuses with -ETXTBSY, as Linux
    atomic_uint executing;     // being executed: open for writing gives -ETXTBSY

    _Atomic(uint64_t) size; // bytes; directories and links too
    struct page_tree pages; // regular files

    struct rb_tree entries;       // directories
    struct list_node entry_order; // likewise
    uint64_t next_cookie;
    // Of a directory. Not a reference while it has a name (the tree keeps parents alive); one
    // reference once it was removed, so that `..` still leads somewhere, and in computed ones.
    struct inode *parent;
    // Of a directory: its name in `parent`, its own once it was removed. NULL: root, computed, or
    // replaced by a rename.
    struct directory_entry *own_entry;
    char *link_target;                               // symbolic links
    char *mapped_path;                               // when first mapped, for /proc; `lock`
    const struct link_operations *link_operations;   // instead of link_target
    const struct name_operations *name_operations;   // directories
    const struct file_operations *device_operations; // devices and pseudo files
    void *device_data;
};

// One reference, no link, times set to now. NULL: no memory.
must_check struct inode *inode_create(uint32_t mode);
static inline void inode_reference(struct inode *inode)
{
    atomic_fetch_add_explicit(&inode->references, 1, memory_order_relaxed);
}
void inode_free(struct inode *inode); // when the last reference has gone
// The last release frees it, with its pages. May be called with the address-space mutex held.
static inline void inode_release(struct inode *inode)
{
    if (atomic_fetch_sub_explicit(&inode->references, 1, memory_order_acq_rel) == 1)
        inode_free(inode);
}
void inode_stat(struct inode *inode, struct abi_stat *stat);
// Kernel-side reading of a regular file, for exec and the boot code. Bytes read, short at the end;
// -EISDIR and the like.
must_check int64_t inode_read(struct inode *inode, uint64_t offset, void *buffer, size_t length);
// Kernel-side writing of a regular file, for unpacking. 0, -EFBIG or -ENOMEM. May sleep.
must_check int inode_write(struct inode *inode, uint64_t offset, const void *data, size_t length);
// -EISDIR, -EINVAL (not a regular file), -EFBIG, -ETXTBSY. May sleep.
must_check int inode_truncate(struct inode *inode, uint64_t size);
// Wall-clock time, as files are stamped with.
struct abi_timespec inode_now(void);
// A fresh inode number, for what has no inode but must answer fstat.
uint64_t inode_number_next(void);
uint64_t inodes_live(void);
// Pages that files may still take; what is left then is a reserve for programs and the kernel.
uint64_t inode_page_room(void);
// The file that an object of a mapping is; NULL when it is none. No reference is taken.
struct inode *inode_of_object(struct memory_object *object);
