// Pipes and FIFOs. Called through file.c. The mutex guards the slots and is held while user memory
// is copied; the counters are atomic so that waiters can look at them between wait_prepare() and
// wait_block(). Invariant: slots are read in order and none that is in use is empty.
#include "fs/pipe.h"

#include "abi/errno.h"
#include "fs/pipe_state.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "sched/scheduler.h"

#define PIPE_DEVICE_NUMBER 2u // st_dev of pipes without a name
#define IOCTL_FIONREAD 0x541bu

_Static_assert(PIPE_ATOMIC_LIMIT <= PAGE_SIZE, "append_slot takes that much whole");

void pipe_attach(struct pipe *pipe, struct file *file)
{
    if (file_is_readable(file)) {
        atomic_fetch_add(&pipe->readers, 1);
        atomic_fetch_add(&pipe->reader_opens, 1);
    }
    if (file_is_writable(file)) {
        atomic_fetch_add(&pipe->writers, 1);
        atomic_fetch_add(&pipe->writer_opens, 1);
    }
    atomic_fetch_add(&pipe->users, 1);
    file->data = pipe;
    file->position_use = POSITION_NONE;
}

// The count of users falls last: until then the other end cannot free the pipe under our hands.
bool pipe_detach(struct pipe *pipe, struct file *file)
{
    if (file_is_readable(file))
        atomic_fetch_sub(&pipe->readers, 1);
    if (file_is_writable(file))
        atomic_fetch_sub(&pipe->writers, 1);
    wait_wake_all(&pipe->queue);
    return atomic_fetch_sub(&pipe->users, 1) == 1;
}

// An inode without a name that ends of the pipe share: /proc/PID/fd leads to it.
static struct inode *create_inode(int *error)
{
    *error = -ENOMEM;
    struct inode *inode = inode_create(S_IFIFO | 0600);
    if (!inode)
        return NULL;
    inode->device = PIPE_DEVICE_NUMBER;
    inode->link_count = 1;
    inode->device_data = pipe_allocate(error);
    if (inode->device_data)
        return inode;
    inode_release(inode);
    return NULL;
}

static struct file *create_end(struct inode *inode, uint32_t flags)
{
    struct file *file = file_create(&fifo_operations, inode, flags);
    if (file)
        pipe_attach(inode->device_data, file);
    return file;
}

int pipe_create(uint32_t flags, struct file *ends[2])
{
    int error;
    struct inode *inode = create_inode(&error);
    if (!inode)
        return error;
    ends[0] = create_end(inode, (flags & O_NONBLOCK) | O_RDONLY);
    if (!ends[0]) {
        pipe_free(inode->device_data);
        inode_release(inode);
        return -ENOMEM;
    }
    ends[1] = create_end(inode, (flags & O_NONBLOCK) | O_WRONLY);
    inode_release(inode); // the files have references of their own
    if (!ends[1]) {
        file_release(ends[0]); // frees the pipe, being its only user
        return -ENOMEM;
    }
    return 0;
}

bool pipe_is_unnamed(const struct inode *inode)
{
    return inode->device == PIPE_DEVICE_NUMBER;
}

static uint32_t count_slots(const struct pipe *pipe)
{
    return atomic_load_explicit(&pipe->slot_count, memory_order_relaxed);
}

// Plain stores: the mutex's release, which comes before any wake-up, is a locked instruction.
static void set_slot_count(struct pipe *pipe, uint32_t count)
{
    atomic_store_explicit(&pipe->slot_count, count, memory_order_release);
}

static struct pipe_slot *slot_at(struct pipe *pipe, uint32_t number)
{
    return &pipe->slots[(pipe->first + number) % PIPE_SLOT_COUNT];
}

static bool pipe_has_data(const struct pipe *pipe)
{
    return count_slots(pipe) > 0;
}

static bool pipe_is_full(const struct pipe *pipe)
{
    uint32_t count = count_slots(pipe);
    return count == PIPE_SLOT_COUNT || (count > 0 && !pipe_may_have_more_pages());
}

static bool read_can_go_on(const struct pipe *pipe)
{
    return pipe_has_data(pipe) || atomic_load(&pipe->writers) == 0;
}

static bool write_can_go_on(const struct pipe *pipe)
{
    return !pipe_is_full(pipe) || atomic_load(&pipe->readers) == 0;
}

// Both release the mutex, and only then wake those who wait for what changed meanwhile: readers
// when the pipe is no longer empty, writers when it is no longer full. Once a transfer, not once a
// page.
static void release_and_tell_readers(struct pipe *pipe, bool was_empty)
{
    bool concerns_readers = was_empty && pipe_has_data(pipe) && PROTECT_PIPE_WAKE;
    mutex_release(&pipe->mutex);
    if (concerns_readers && wait_queue_has_waiters(&pipe->queue))
        wait_wake_all(&pipe->queue);
}

// Whether a writer found no room is asked after the release, a locked instruction: who says so and
// then sees the old count of slots is seen here. Who fills the pipe meanwhile leaves nothing to
// tell: the next reader does. Only slots tell that it was full; the share of further pages may have
// been used up then, and free since.
static void release_and_tell_writers(struct pipe *pipe, bool was_full)
{
    mutex_release(&pipe->mutex);
    if ((was_full || atomic_load(&pipe->was_limited)) && !pipe_is_full(pipe) &&
        wait_queue_has_waiters(&pipe->queue))
        wait_wake_all(&pipe->queue);
}

// By a writer before it waits for room; it looks at the pipe again afterwards.
static void note_limit(struct pipe *pipe)
{
    if (!atomic_load(&pipe->was_limited))
        atomic_store(&pipe->was_limited, true);
}

// Without the mutex, until the condition may hold: 0, or -ERESTARTSYS when it does not. The
// caller's file keeps the pipe.
never_inlined static int wait_for(struct pipe *pipe, bool (*condition)(const struct pipe *pipe))
{
    struct waiter waiter = { 0 };
    int result = 0;
    do {
        wait_prepare(&pipe->queue, &waiter, WAIT_INTERRUPTIBLE);
        if (!condition(pipe))
            result = wait_block(WAIT_FOREVER);
    } while (!result && !condition(pipe));
    wait_finish(&pipe->queue, &waiter);
    return result && !condition(pipe) ? result : 0;
}

// The first slot is read out. Its page moves on to the slot of the next write, unless that has one:
// a pipe that carries little goes round with one page, and one that was full keeps what it may hold
// anyway.
static void drop_first_slot(struct pipe *pipe)
{
    struct pipe_slot *slot = slot_at(pipe, 0);
    uint32_t left = count_slots(pipe) - 1;
    pipe->first = (pipe->first + 1) % PIPE_SLOT_COUNT;
    set_slot_count(pipe, left);
    struct pipe_slot *next_written = slot_at(pipe, left);
    if (!next_written->frame) {
        next_written->frame = slot->frame;
        slot->frame = NULL;
    }
}

// What is there now, as far as it goes. A slot that the program's memory cannot take stays queued.
static int64_t read_slots(struct pipe *pipe, struct user_iterator *target)
{
    int64_t moved = 0;
    while (target->remaining > 0 && pipe_has_data(pipe)) {
        struct pipe_slot *slot = slot_at(pipe, 0);
        size_t chunk = min_of((size_t)slot->length, target->remaining);
        const char *page = frame_pointer(slot->frame);
        if (user_iterator_write(target, page + slot->offset, chunk) < chunk)
            return moved ? moved : -EFAULT;
        moved += (int64_t)chunk;
        slot->offset += (uint32_t)chunk;
        slot->length -= (uint32_t)chunk;
        if (slot->length == 0)
            drop_first_slot(pipe);
        preempt_point();
    }
    return moved;
}

// The mutex, if there is something to read.
static bool acquire_with_data(struct pipe *pipe)
{
    if (!pipe_has_data(pipe))
        return false;
    mutex_acquire(&pipe->mutex);
    if (pipe_has_data(pipe))
        return true;
    mutex_release(&pipe->mutex); // another reader was faster
    return false;
}

static int64_t read_pipe(struct file *file, struct user_iterator *target, uint64_t *position)
{
    struct pipe *pipe = file->data;
    if (target->remaining == 0)
        return 0;
    while (!acquire_with_data(pipe)) {
        if (atomic_load(&pipe->writers) == 0 && !pipe_has_data(pipe))
            return 0;
        int result = file_is_nonblocking(file) ? -EAGAIN : wait_for(pipe, read_can_go_on);
        if (result)
            return result;
    }
    bool was_full = count_slots(pipe) == PIPE_SLOT_COUNT;
    int64_t result = read_slots(pipe, target);
    release_and_tell_writers(pipe, was_full);
    return result;
}

// The part of a write that is not whole pages goes into the rest of the last page when it fits
// there as a whole. The bytes moved, 0 or -EFAULT.
static int64_t merge_into_last(struct pipe *pipe, struct user_iterator *source)
{
    size_t chunk = source->remaining % PAGE_SIZE;
    uint32_t count = count_slots(pipe);
    if (chunk == 0 || count == 0 || atomic_load(&pipe->readers) == 0)
        return 0;
    struct pipe_slot *slot = slot_at(pipe, count - 1);
    size_t end = slot->offset + slot->length;
    if (end + chunk > PAGE_SIZE)
        return 0;
    if (user_iterator_read(source, (char *)frame_pointer(slot->frame) + end, chunk) < chunk)
        return -EFAULT;
    slot->length += (uint32_t)chunk;
    return (int64_t)chunk;
}

// One page at the most into a fresh slot, all of it or nothing. The pipe is not full.
static int64_t append_slot(struct pipe *pipe, struct user_iterator *source)
{
    uint32_t count = count_slots(pipe);
    struct pipe_slot *slot = slot_at(pipe, count);
    if (!slot->frame && !pipe_add_page(pipe, slot))
        return -ENOMEM;
    size_t chunk = min_of(source->remaining, PAGE_SIZE);
    if (user_iterator_read(source, frame_pointer(slot->frame), chunk) < chunk)
        return -EFAULT;
    slot->offset = 0;
    slot->length = (uint32_t)chunk;
    set_slot_count(pipe, count + 1);
    return (int64_t)chunk;
}

// As much as fits; mutex held. The bytes moved (0: the pipe is full), or -errno when none were.
static int64_t fill_slots(struct pipe *pipe, struct user_iterator *source)
{
    if (atomic_load(&pipe->readers) == 0)
        return -EPIPE;
    int64_t moved = 0;
    while (source->remaining > 0 && !pipe_is_full(pipe)) {
        int64_t step = append_slot(pipe, source);
        if (step < 0)
            return moved ? moved : step;
        moved += step;
        preempt_point();
    }
    if (source->remaining > 0)
        note_limit(pipe); // from now on any room is worth telling
    return moved;
}

static int64_t write_pipe(struct file *file, struct user_iterator *source, uint64_t *position)
{
    struct pipe *pipe = file->data;
    if (source->remaining == 0)
        return 0;
    mutex_acquire(&pipe->mutex);
    int64_t moved = 0, step = merge_into_last(pipe, source);
    for (;;) {
        bool was_empty = !pipe_has_data(pipe);
        if (step >= 0) {
            moved += step;
            step = fill_slots(pipe, source);
        }
        release_and_tell_readers(pipe, was_empty);
        if (step < 0)
            break;
        moved += step;
        if (source->remaining == 0)
            return moved;
        step = file_is_nonblocking(file) ? -EAGAIN : wait_for(pipe, write_can_go_on);
        if (step < 0)
            break;
        mutex_acquire(&pipe->mutex);
    }
    return moved ? moved : step;
}

static int64_t control_pipe(struct file *file, uint32_t request, user_addr argument)
{
    struct pipe *pipe = file->data;
    int32_t queued = 0;
    if (request != IOCTL_FIONREAD)
        return -ENOTTY;
    mutex_acquire(&pipe->mutex);
    for (uint32_t i = 0; i < PIPE_SLOT_COUNT; i++)
        queued += (int32_t)pipe->slots[i].length;
    mutex_release(&pipe->mutex);
    return put_user(argument, queued);
}

// A FIFO that nobody has opened for writing yet is not hung up.
static uint32_t poll_pipe(struct file *file, struct wait_queue **queue)
{
    struct pipe *pipe = file->data;
    uint32_t events = 0;
    if (queue)
        *queue = &pipe->queue;
    if (file_is_readable(file)) {
        events |= pipe_has_data(pipe) ? POLLIN : 0;
        bool had_writer = atomic_load(&pipe->writer_opens) != 0;
        events |= had_writer && atomic_load(&pipe->writers) == 0 ? POLLHUP : 0;
    }
    if (file_is_writable(file)) {
        if (pipe_is_full(pipe))
            note_limit(pipe);
        events |= pipe_is_full(pipe) ? 0 : POLLOUT;
        events |= atomic_load(&pipe->readers) == 0 ? POLLERR : 0;
    }
    return events;
}

// The inode answers stat, and opening by path waits for the other end (fifo.c).
const struct file_operations fifo_operations = {
    .read = read_pipe,
    .write = write_pipe,
    .ioctl = control_pipe,
    .poll = poll_pipe,
    .release = fifo_release,
    .open = fifo_open,
};
