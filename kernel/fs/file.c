// Open files: their life, and the checks that every read and write passes before its operation.
// Called by the system calls, the descriptor table and the boot code.
#include "fs/file.h"

#include "abi/errno.h"
#include "mem/object_cache.h"

static OBJECT_CACHE(file_cache, "file", struct file);

const struct file_operations path_only_operations = { 0 };

struct file *file_create(const struct file_operations *operations, struct inode *inode,
                         uint32_t flags)
{
    struct file *file = object_allocate(&file_cache);
    if (!file)
        return NULL;
    atomic_store_explicit(&file->references, 1, memory_order_relaxed);
    atomic_store_explicit(&file->flags, flags, memory_order_relaxed);
    file->operations = operations;
    file->position_use = operations->position_use;
    mutex_init(&file->position_mutex, "file position", MUTEX_RANK_FILE_POSITION);
    if (inode) {
        inode_reference(inode);
        file->inode = inode;
    }
    file->is_write_opener = operations == &regular_file_operations && file_is_writable(file);
    if (file->is_write_opener)
        atomic_fetch_add(&inode->write_openers, 1);
    return file;
}

void file_reference(struct file *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
}

void file_place_drop(struct file_place *place)
{
    if (place->directory)
        inode_release(place->directory);
    if (place->long_name)
        memory_release(place->long_name);
}

static inline void end_file(struct file *file)
{
    if (file->operations->release)
        file->operations->release(file);
    if (file->is_write_opener)
        atomic_fetch_sub(&file->inode->write_openers, 1);
    if (file->inode)
        inode_release(file->inode);
    file_place_drop(&file->place);
    object_release(&file_cache, file);
}

static void end_file_late(struct late_release *what)
{
    end_file(container_of(what, struct file, late));
}

static inline bool drop_reference(struct file *file)
{
    return atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) == 1;
}

void file_release(struct file *file)
{
    if (drop_reference(file))
        end_file(file);
}

void file_release_late(struct file *file)
{
    if (drop_reference(file))
        late_release_add(&file->late, end_file_late);
}

uint64_t files_live(void)
{
    return object_cache_live(&file_cache);
}

int64_t file_transfer_at(struct file *file, file_transfer operation, struct user_iterator *iterator,
                         uint64_t *position)
{
    if (position)
        return file->position_use == POSITION_NONE ? -ESPIPE : operation(file, iterator, position);
    mutex_acquire(&file->position_mutex);
    int64_t result = operation(file, iterator, &file->position);
    mutex_release(&file->position_mutex);
    return result;
}

int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    if (file_is_path_only(file))
        return -EBADF;
    if (!file->operations->seek)
        return -ESPIPE;
    mutex_acquire(&file->position_mutex);
    int64_t result = file->operations->seek(file, offset, whence);
    mutex_release(&file->position_mutex);
    return result;
}

// Every byte counts as data: holes are not told apart.
int64_t file_seek_within(struct file *file, int64_t offset, int whence, uint64_t size)
{
    int64_t base = 0;
    switch (whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = (int64_t)file->position;
        break;
    case SEEK_END:
        base = (int64_t)size;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (offset < 0 || (uint64_t)offset >= size)
            return -ENXIO;
        offset = whence == SEEK_HOLE ? (int64_t)size : offset;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
        return -EINVAL;
    file->position = (uint64_t)offset;
    return offset;
}

void file_stat(struct file *file, struct abi_stat *stat)
{
    if (file->operations->stat)
        file->operations->stat(file, stat);
    else
        inode_stat(file->inode, stat);
}
