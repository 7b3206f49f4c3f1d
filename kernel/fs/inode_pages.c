// Contents of regular files: page frames in a tree, shared with every mapping of the file. Readers,
// writers and page faults take references of frames and copy without a lock. Pages that are there
// are looked up without one, too, so that many may run the same program; who removes pages keeps
// that away first. Invariant: a byte that a program can see was written by somebody or is zero.
#include "fs/inode_pages.h"

#include "abi/errno.h"
#include "cpu/interrupts.h"
#include "cpu/percpu.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "sched/scheduler.h"

#define DROP_STEP 8u       // pages given back under the lock at a time
#define RESERVED_SHARE 16u // one frame in so many is not for files, so that programs run on

static uint64_t count_pages(uint64_t size)
{
    return (size + PAGE_SIZE - 1) / PAGE_SIZE;
}

// The page at `index` with a reference, NULL when it is a hole. inode->lock held, or peek_page().
static struct frame *lookup_page(struct inode *inode, uint64_t index)
{
    struct frame *frame = page_tree_get(&inode->pages, index);
    if (frame)
        frame_reference(frame);
    return frame;
}

// Says so first and looks second whether somebody removes pages; he does it the other way round.
// NULL also when he does.
static struct frame *peek_page(struct inode *inode, uint64_t index)
{
    struct frame *frame = NULL;
    interrupts_off();
    atomic_store(&this_cpu()->pages_looked_up, inode);
    if (likely(!atomic_load(&inode->removes_pages)))
        frame = lookup_page(inode, index);
    atomic_store_explicit(&this_cpu()->pages_looked_up, NULL, memory_order_release);
    interrupts_restore();
    return frame;
}

// inode->lock held until pages_removed(). Waits for who is looking, with interrupts off as we are.
static void remove_pages(struct inode *inode)
{
    const struct percpu *cpu;
    atomic_store(&inode->removes_pages, true);
    for_each_cpu(cpu)
    {
        while (atomic_load(&cpu->pages_looked_up) == inode)
            cpu_relax();
    }
}

static void pages_removed(struct inode *inode)
{
    atomic_store_explicit(&inode->removes_pages, false, memory_order_release);
}

static size_t bytes_at(const struct inode *inode, uint64_t offset)
{
    uint64_t size = atomic_load_explicit(&inode->size, memory_order_relaxed);
    return offset < size ? min_of(PAGE_SIZE - offset % PAGE_SIZE, size - offset) : 0;
}

// A page is looked for after the size that it is within.
size_t inode_find_page(struct inode *inode, uint64_t offset, struct frame **frame)
{
    size_t available = bytes_at(inode, offset);
    *frame = available ? peek_page(inode, offset / PAGE_SIZE) : NULL;
    if (*frame || available == 0)
        return available;
    spinlock_acquire(&inode->lock);
    available = bytes_at(inode, offset);
    if (available)
        *frame = lookup_page(inode, offset / PAGE_SIZE);
    spinlock_release(&inode->lock);
    return available;
}

// Puts a zeroed page into a hole; whoever was first wins. Unless it may lie past the end, the size
// is looked at again, since the file may have shrunk meanwhile.
static struct frame *fill_hole(struct inode *inode, uint64_t index, bool past_end, int *error)
{
    struct frame *fresh = frame_allocate_zeroed(FRAME_FILE);
    *error = -ENOMEM;
    if (!fresh)
        return NULL;
    struct frame *frame = NULL;
    spinlock_acquire(&inode->lock);
    if (!past_end && index >= count_pages(inode->size)) {
        *error = -ERANGE;
    } else {
        frame = lookup_page(inode, index);
        if (!frame && page_tree_put(&inode->pages, index, fresh) == 0) {
            frame = fresh;
            frame_reference(frame);
            fresh = NULL;
        }
    }
    spinlock_release(&inode->lock);
    if (fresh)
        frame_release(fresh);
    return frame;
}

uint64_t inode_page_room(void)
{
    struct frame_counts frames;
    frames_count(&frames);
    uint64_t reserve = frames.total / RESERVED_SHARE;
    return frames.free > reserve ? frames.free - reserve : 0;
}

static struct frame *make_page(struct inode *inode, uint64_t index, bool takes_reserve, int *error)
{
    spinlock_acquire(&inode->lock);
    struct frame *frame = lookup_page(inode, index);
    spinlock_release(&inode->lock);
    if (frame)
        return frame;
    *error = -ENOSPC;
    return takes_reserve || inode_page_room() > 0 ? fill_hole(inode, index, true, error) : NULL;
}

struct frame *inode_make_page(struct inode *inode, uint64_t index, int *error)
{
    return make_page(inode, index, false, error);
}

static struct inode *object_inode(struct memory_object *object)
{
    return container_of(object, struct inode, object);
}

static struct frame *get_object_page(struct memory_object *object, uint64_t index, int *error)
{
    struct inode *inode = object_inode(object);
    struct frame *frame = NULL;
    if (likely(index < count_pages(atomic_load_explicit(&inode->size, memory_order_relaxed))))
        frame = peek_page(inode, index);
    if (likely(frame))
        return frame;
    spinlock_acquire(&inode->lock);
    bool inside = index < count_pages(inode->size);
    if (inside)
        frame = lookup_page(inode, index);
    spinlock_release(&inode->lock);
    if (frame)
        return frame;
    if (!inside) {
        *error = -ERANGE;
        return NULL;
    }
    *error = -ENOSPC;
    return inode_page_room() > 0 ? fill_hole(inode, index, false, error) : NULL;
}

static void reference_object(struct memory_object *object)
{
    inode_reference(object_inode(object));
}

static void release_object(struct memory_object *object)
{
    inode_release(object_inode(object));
}

struct inode *inode_of_object(struct memory_object *object)
{
    if (object->operations != &inode_object_operations)
        return NULL;
    return container_of(object, struct inode, object);
}

const struct memory_object_operations inode_object_operations = {
    .get_page = get_object_page,
    .reference = reference_object,
    .release = release_object,
};

void inode_mark_written(struct inode *inode, uint64_t end)
{
    struct abi_timespec now = inode_now();
    spinlock_acquire(&inode->lock);
    if (end > inode->size)
        inode->size = end;
    inode->modified = inode->changed = now;
    spinlock_release(&inode->lock);
}

// Zeroes what the last page holds behind `size`, up to `end` at the most. inode->lock held.
static void clear_last_page(struct inode *inode, uint64_t size, uint64_t end)
{
    uint64_t page_end = align_up(size, PAGE_SIZE);
    struct frame *frame = page_tree_get(&inode->pages, size / PAGE_SIZE);
    if (size % PAGE_SIZE != 0 && frame && end > size)
        memset((char *)frame_pointer(frame) + size % PAGE_SIZE, 0, min_of(end, page_end) - size);
}

void inode_discard_unwritten(struct inode *inode, struct frame *frame, uint64_t index)
{
    uint64_t page_start = index * PAGE_SIZE;
    spinlock_acquire(&inode->lock);
    uint64_t good_end = max_of(inode->size, page_start);
    if (good_end < page_start + PAGE_SIZE) {
        memset((char *)frame_pointer(frame) + good_end % PAGE_SIZE, 0,
               page_start + PAGE_SIZE - good_end);
        remove_pages(inode);
        page_tree_truncate(&inode->pages, count_pages(inode->size));
        pages_removed(inode);
    }
    spinlock_release(&inode->lock);
}

void inode_clear_gap(struct inode *inode, uint64_t offset)
{
    spinlock_acquire(&inode->lock);
    clear_last_page(inode, inode->size, offset);
    spinlock_release(&inode->lock);
}

// In steps that keep interrupts off only shortly.
void inode_drop_pages(struct inode *inode, uint64_t first)
{
    bool done = false;
    while (!done) {
        spinlock_acquire(&inode->lock);
        remove_pages(inode);
        done = page_tree_truncate_step(&inode->pages, first, DROP_STEP);
        pages_removed(inode);
        spinlock_release(&inode->lock);
        preempt_point();
    }
}

static int check_regular(const struct inode *inode)
{
    if ((inode->mode & S_IFMT) == S_IFDIR)
        return -EISDIR;
    return (inode->mode & S_IFMT) == S_IFREG && !inode->device_operations ? 0 : -EINVAL;
}

int inode_truncate(struct inode *inode, uint64_t size)
{
    int error = check_regular(inode);
    if (error)
        return error;
    if (size > FILE_SIZE_LIMIT)
        return -EFBIG;
    // Counted as a writer first and looked at second, so that an exec that starts meanwhile
    // refuses.
    atomic_fetch_add(&inode->write_openers, 1);
    if (atomic_load(&inode->executing) != 0) {
        atomic_fetch_sub(&inode->write_openers, 1);
        return -ETXTBSY;
    }
    struct abi_timespec now = inode_now();
    mutex_acquire(&inode->write_mutex);
    spinlock_acquire(&inode->lock);
    bool shrinks = size < inode->size;
    clear_last_page(inode, min_of(size, inode->size), UINT64_MAX);
    inode->size = size;
    inode->modified = inode->changed = now;
    spinlock_release(&inode->lock);
    if (shrinks)
        inode_drop_pages(inode, count_pages(size));
    mutex_release(&inode->write_mutex);
    atomic_fetch_sub(&inode->write_openers, 1);
    return 0;
}

int64_t inode_read(struct inode *inode, uint64_t offset, void *buffer, size_t length)
{
    int error = check_regular(inode);
    if (error)
        return error;
    size_t moved = 0;
    while (moved < length) {
        struct frame *frame;
        size_t chunk = inode_find_page(inode, offset + moved, &frame);
        if (chunk == 0)
            break;
        chunk = min_of(chunk, length - moved);
        char *target = (char *)buffer + moved;
        if (frame) {
            memcpy(target, (char *)frame_pointer(frame) + (offset + moved) % PAGE_SIZE, chunk);
            frame_release(frame);
        } else {
            memset(target, 0, chunk);
        }
        moved += chunk;
        preempt_point();
    }
    return (int64_t)moved;
}

// A page that is all data needs no blanking: it is filled first and then put into the hole. False:
// there is no hole, or no memory.
static bool put_whole_page(struct inode *inode, uint64_t index, const void *data)
{
    struct frame *frame = frame_allocate(FRAME_FILE);
    if (!frame)
        return false;
    memcpy(frame_pointer(frame), data, PAGE_SIZE);
    spinlock_acquire(&inode->lock);
    bool done =
        !page_tree_get(&inode->pages, index) && page_tree_put(&inode->pages, index, frame) == 0;
    spinlock_release(&inode->lock);
    if (!done)
        frame_release(frame);
    return done;
}

// Writes within one page. 0 or -ENOMEM. write_mutex held.
static int write_chunk(struct inode *inode, uint64_t position, const void *data, size_t length)
{
    if (length == PAGE_SIZE && put_whole_page(inode, position / PAGE_SIZE, data))
        return 0;
    int error;
    struct frame *frame = make_page(inode, position / PAGE_SIZE, true, &error);
    if (!frame)
        return error;
    memcpy((char *)frame_pointer(frame) + position % PAGE_SIZE, data, length);
    frame_release(frame);
    return 0;
}

int inode_write(struct inode *inode, uint64_t offset, const void *data, size_t length)
{
    if (offset > FILE_SIZE_LIMIT || length > FILE_SIZE_LIMIT - offset)
        return -EFBIG;
    int error = 0;
    size_t moved = 0;
    mutex_acquire(&inode->write_mutex);
    inode_clear_gap(inode, offset);
    while (moved < length) {
        uint64_t position = offset + moved;
        size_t chunk = min_of(length - moved, PAGE_SIZE - position % PAGE_SIZE);
        error = write_chunk(inode, position, (const char *)data + moved, chunk);
        if (error)
            break;
        inode_mark_written(inode, position + chunk);
        moved += chunk;
        preempt_point();
    }
    mutex_release(&inode->write_mutex);
    return error;
}

// As Linux's "relatime": programs that look whether a file was read since it changed are served,
// and reading a file again and again writes nothing.
void inode_mark_accessed(struct inode *inode)
{
    struct abi_timespec now = inode_now();
    spinlock_acquire(&inode->lock);
    const struct abi_timespec *read = &inode->accessed, *wrote = &inode->modified;
    if (read->seconds < wrote->seconds ||
        (read->seconds == wrote->seconds && read->nanoseconds <= wrote->nanoseconds))
        inode->accessed = now;
    spinlock_release(&inode->lock);
}
