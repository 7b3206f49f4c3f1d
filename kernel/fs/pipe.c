// Pipes and FIFOs. Called through file.c. The mutex guards the slots and is held while user memory
// is copied; the counters are atomic so that waiters can look at them between wait_prepare() and
// wait_block(). Invariant: slots are read in order and none that is in use is empty.
#include "fs/pipe.h"

#include "abi/errno.h"
#include "fs/pipe_state.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define PIPE_DEVICE_NUMBER 2u // st_dev of pipes without a name
#define IOCTL_FIONREAD 0x541bu

static OBJECT_CACHE(pipe_cache, "pipe", struct pipe);

struct pipe *pipe_allocate(void)
{
    struct pipe *pipe = object_allocate(&pipe_cache);
    if (!pipe)
        return NULL;
    mutex_init(&pipe->mutex, "pipe", MUTEX_RANK_PIPE);
    wait_queue_init(&pipe->queue);
    return pipe;
}

void pipe_free(struct pipe *pipe)
{
    for (uint32_t i = 0; i < PIPE_SLOT_COUNT; i++) {
        if (pipe->slots[i].frame)
            frame_release(pipe->slots[i].frame);
    }
    if (pipe->spare)
        frame_release(pipe->spare);
    object_release(&pipe_cache, pipe);
}

uint64_t pipes_live(void)
{
    return pipe_cache.live;
}

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
    file->is_stream = true;
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
static struct inode *create_inode(void)
{
    struct inode *inode = inode_create(S_IFIFO | 0600);
    if (!inode)
        return NULL;
    inode->device = PIPE_DEVICE_NUMBER;
    inode->link_count = 1;
    inode->device_data = pipe_allocate();
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
    struct inode *inode = create_inode();
    if (!inode)
        return -ENOMEM;
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

static bool pipe_has_data(const struct pipe *pipe)
{
    return atomic_load(&pipe->slot_count) > 0;
}

static bool pipe_is_full(const struct pipe *pipe)
{
    return atomic_load(&pipe->slot_count) == PIPE_SLOT_COUNT;
}

static bool read_can_go_on(const struct pipe *pipe)
{
    return pipe_has_data(pipe) || atomic_load(&pipe->writers) == 0;
}

static bool write_can_go_on(const struct pipe *pipe)
{
    return !pipe_is_full(pipe) || atomic_load(&pipe->readers) == 0;
}

// Gives the mutex up until the condition may hold: 0, or -ERESTARTSYS when it does not. The
// caller's file keeps the pipe.
static int wait_for(struct pipe *pipe, bool (*condition)(const struct pipe *pipe))
{
    struct waiter waiter = { 0 };
    int result = 0;
    mutex_release(&pipe->mutex);
    while (!result) {
        wait_prepare(&pipe->queue, &waiter, WAIT_INTERRUPTIBLE);
        if (condition(pipe))
            break;
        result = wait_block(WAIT_FOREVER);
    }
    wait_finish(&pipe->queue, &waiter);
    mutex_acquire(&pipe->mutex);
    return condition(pipe) ? 0 : result;
}

// The first slot is read out: its page is kept for the next write or goes back.
static void drop_first_slot(struct pipe *pipe)
{
    struct pipe_slot *slot = &pipe->slots[pipe->first];
    bool was_full = pipe_is_full(pipe);
    struct frame *frame = slot->frame;
    *slot = (struct pipe_slot){ 0 };
    pipe->first = (pipe->first + 1) % PIPE_SLOT_COUNT;
    atomic_fetch_sub(&pipe->slot_count, 1);
    if (pipe->spare)
        frame_release(frame);
    else
        pipe->spare = frame;
    if (was_full)
        wait_wake_all(&pipe->queue);
}

// What is there now, as far as it goes. A slot that the program's memory cannot take stays queued.
static int64_t read_slots(struct pipe *pipe, struct user_iterator *target)
{
    int64_t moved = 0;
    while (target->remaining > 0 && pipe_has_data(pipe)) {
        struct pipe_slot *slot = &pipe->slots[pipe->first];
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

static int64_t read_pipe(struct file *file, struct user_iterator *target, uint64_t *position)
{
    struct pipe *pipe = file->data;
    int64_t result = 0;
    if (target->remaining == 0)
        return 0;
    mutex_acquire(&pipe->mutex);
    while (result == 0 && !pipe_has_data(pipe) && atomic_load(&pipe->writers) != 0)
        result = file_is_nonblocking(file) ? -EAGAIN : wait_for(pipe, read_can_go_on);
    if (result == 0)
        result = read_slots(pipe, target);
    mutex_release(&pipe->mutex);
    return result;
}

// The part of a write that is not whole pages goes into the rest of the last page when it fits
// there as a whole. The bytes moved, 0 or -EFAULT.
static int64_t merge_into_last(struct pipe *pipe, struct user_iterator *source)
{
    size_t chunk = source->remaining % PAGE_SIZE;
    uint32_t count = atomic_load(&pipe->slot_count);
    if (chunk == 0 || count == 0)
        return 0;
    struct pipe_slot *slot = &pipe->slots[(pipe->first + count - 1) % PIPE_SLOT_COUNT];
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
    struct frame *frame = pipe->spare ? pipe->spare : frames_allocate(0, FRAME_PIPE);
    pipe->spare = frame;
    if (!frame)
        return -ENOMEM;
    size_t chunk = min_of(source->remaining, PAGE_SIZE);
    if (user_iterator_read(source, frame_pointer(frame), chunk) < chunk)
        return -EFAULT;
    pipe->spare = NULL;
    uint32_t count = atomic_load(&pipe->slot_count);
    pipe->slots[(pipe->first + count) % PIPE_SLOT_COUNT] =
        (struct pipe_slot){ .frame = frame, .length = (uint32_t)chunk };
    atomic_fetch_add(&pipe->slot_count, 1);
    if (count == 0 && PROTECT_PIPE_WAKE)
        wait_wake_all(&pipe->queue);
    return (int64_t)chunk;
}

// One step of a write; mutex held. The bytes moved (0: waited, try again) or -errno.
static int64_t write_step(struct file *file, struct pipe *pipe, struct user_iterator *source)
{
    if (atomic_load(&pipe->readers) == 0)
        return -EPIPE;
    if (!pipe_is_full(pipe))
        return append_slot(pipe, source);
    return file_is_nonblocking(file) ? -EAGAIN : wait_for(pipe, write_can_go_on);
}

static int64_t write_slots(struct file *file, struct pipe *pipe, struct user_iterator *source)
{
    if (atomic_load(&pipe->readers) == 0)
        return -EPIPE;
    int64_t moved = merge_into_last(pipe, source);
    if (moved < 0)
        return moved;
    while (source->remaining > 0) {
        int64_t step = write_step(file, pipe, source);
        if (step < 0)
            return moved ? moved : step;
        moved += step;
        preempt_point();
    }
    return moved;
}

static int64_t write_pipe(struct file *file, struct user_iterator *source, uint64_t *position)
{
    struct pipe *pipe = file->data;
    if (source->remaining == 0)
        return 0;
    mutex_acquire(&pipe->mutex);
    int64_t result = write_slots(file, pipe, source);
    mutex_release(&pipe->mutex);
    return result;
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
