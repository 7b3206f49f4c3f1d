// The descriptor table of a process (shared or copied by clone). Grows by doubling to its limit.
// Lock: the spinlock inside, taken inside; files are released outside it.
#pragma once

#include "fs/file.h"

#define FILE_TABLE_LIMIT 4096u // hard limit; RLIMIT_NOFILE may be lower

struct file_table {
    atomic_uint references; // one of each thread that uses it; others for a moment
    struct spinlock lock;
    uint32_t capacity;
    struct file **files;      // `capacity` slots, one reference each
    uint64_t *close_on_exec;  // bitmap
    uint64_t *used;           // bitmap: slot is taken or reserved
    struct late_release late; // once nobody has a reference
};

must_check struct file_table *file_table_create(void);
must_check struct file_table *file_table_copy(struct file_table *table); // for fork
void file_table_reference(struct file_table *table);
void file_table_release(struct file_table *table); // the last one closes everything
// The same with the namespace mutex held: the last one takes effect when that is released.
void file_table_release_late(struct file_table *table);
// The file with a reference for the caller; NULL: -EBADF.
must_check struct file *file_table_get(struct file_table *table, int descriptor);
// Is the running thread, whose table this is, its only user? Then it stays that until the thread
// itself makes another (a process or thread that shares the table), and nobody else can change it
// or take files out: whoever looks at it from outside (/proc) counts as a user for that long and
// changes nothing. Acquire: what the last other user did is seen.
static inline bool file_table_is_unshared(const struct file_table *table)
{
    return atomic_load_explicit(&table->references, memory_order_acquire) == 1;
}
// The file, for as long as the table is unshared and the caller does not close it: neither lock nor
// reference is taken. NULL: -EBADF.
static inline struct file *file_table_peek(const struct file_table *table, int descriptor)
{
    // One comparison: a negative number is beyond every capacity.
    return (uint32_t)descriptor < table->capacity ? table->files[descriptor] : NULL;
}
// Puts the file (the caller's reference moves into the table) at the lowest free slot >= minimum
// and < limit. The descriptor, or -EMFILE / -ENOMEM (then the caller keeps the reference).
must_check int file_table_install(struct file_table *table, struct file *file, int minimum,
                                  uint32_t limit, bool close_on_exec);
// dup2/dup3: puts a new reference of `file` exactly at `descriptor`, closing what was there.
must_check int file_table_replace(struct file_table *table, struct file *file, int descriptor,
                                  uint32_t limit, bool close_on_exec);
// The lowest open descriptor at or above `from` (not negative); -1 when there is none.
int file_table_next(struct file_table *table, int from);
must_check int file_table_close(struct file_table *table, int descriptor);
// Takes back what was installed, unless the program has closed or replaced it meanwhile. The caller
// has a reference of its own.
void file_table_uninstall(struct file_table *table, int descriptor, struct file *file);
int file_table_get_flags(struct file_table *table, int descriptor); // FD_CLOEXEC or 0; -EBADF
int file_table_set_flags(struct file_table *table, int descriptor, bool close_on_exec);
void file_table_close_on_exec(struct file_table *table);
