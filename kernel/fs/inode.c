// Life of inodes: creation, references, what stat says of them. Pages are in inode_pages.c, names
// in directory.c. Invariant: whoever can reach an inode without the namespace mutex holds a
// reference.
#include "fs/inode.h"

#include "cpu/clock.h"
#include "fs/directory.h"
#include "fs/inode_pages.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/object_cache.h"

#define DEVICE_NUMBER 1u // st_dev of the one file system
#define NANOSECONDS_PER_SECOND 1000000000ull

static OBJECT_CACHE(inode_cache, "inode", struct inode);
static atomic_ullong next_number = 1;

struct inode *inode_create(uint32_t mode)
{
    struct inode *inode = object_allocate(&inode_cache);
    if (!inode)
        return NULL;
    inode->object.operations = &inode_object_operations;
    atomic_store_explicit(&inode->references, 1, memory_order_relaxed);
    inode->number = inode_number_next();
    inode->mode = mode;
    inode->device = DEVICE_NUMBER;
    inode->accessed = inode->modified = inode->changed = inode_now();
    mutex_init(&inode->write_mutex, "inode write", MUTEX_RANK_INODE_WRITE);
    spinlock_init(&inode->lock, "inode", LOCK_RANK_FS);
    list_init(&inode->entry_order);
    inode->next_cookie = DIRECTORY_FIRST_COOKIE;
    return inode;
}

// Frees an inode that nothing refers to. Returns the reference of the parent that a removed
// directory held, for the caller to drop.
static struct inode *free_one(struct inode *inode)
{
    struct inode *parent = inode->parent;
    kassert(list_is_empty(&inode->entry_order));
    inode_drop_pages(inode, 0);
    memory_release(inode->own_entry);
    memory_release(inode->link_target);
    memory_release(inode->mapped_path);
    object_release(&inode_cache, inode);
    return parent;
}

// Removed directories form chains of parents as long as a program likes, so: a loop, no recursion.
void inode_free(struct inode *inode)
{
    do
        inode = free_one(inode);
    while (inode && atomic_fetch_sub_explicit(&inode->references, 1, memory_order_acq_rel) == 1);
}

void inode_stat(struct inode *inode, struct abi_stat *stat)
{
    memset(stat, 0, sizeof(*stat));
    stat->dev = inode->device;
    stat->ino = inode->number;
    stat->nlink = inode->link_count; // as it is at some moment: the namespace mutex guards it
    stat->rdev = inode->rdevice;
    stat->blksize = PAGE_SIZE;
    spinlock_acquire(&inode->lock);
    stat->mode = inode->mode;
    stat->uid = inode->uid;
    stat->gid = inode->gid;
    stat->size = (int64_t)inode->size;
    stat->blocks = (int64_t)(inode->pages.page_count * (PAGE_SIZE / 512));
    stat->atime = inode->accessed;
    stat->mtime = inode->modified;
    stat->ctime = inode->changed;
    spinlock_release(&inode->lock);
}

struct abi_timespec inode_now(void)
{
    uint64_t now_ns = clock_now_ns();
    return (struct abi_timespec){
        .seconds = (int64_t)(clock_boot_unix_seconds() + now_ns / NANOSECONDS_PER_SECOND),
        .nanoseconds = (int64_t)(now_ns % NANOSECONDS_PER_SECOND),
    };
}

uint64_t inode_number_next(void)
{
    return atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
}

uint64_t inodes_live(void)
{
    return object_cache_live(&inode_cache);
}
