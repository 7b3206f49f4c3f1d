// Opening and closing pipes by their inode, which has a name (FIFO) or is reached by /proc/PID/fd.
// Called through path_open() and file.c. The inode's write_mutex guards its pipe, which exists
// while any file has the FIFO open.
#include "abi/errno.h"
#include "fs/pipe_state.h"

// What an opener finds when it comes: who is there, and how many have ever come.
struct company {
    uint32_t readers, writers, reader_opens, writer_opens;
};

// The pipe of the inode, made when this is the first opener; the file is counted in. Who was there
// is noted in the same step: a partner that sees us does not wait for us, and may be gone again
// before we look for it; then its opening is one more than what was noted.
static struct pipe *join_pipe(struct file *file, struct company *found, int *error)
{
    struct inode *inode = file->inode;
    mutex_acquire(&inode->write_mutex);
    struct pipe *pipe = inode->device_data;
    if (!pipe)
        pipe = inode->device_data = pipe_allocate(error);
    if (pipe) {
        found->readers = atomic_load(&pipe->readers);
        found->writers = atomic_load(&pipe->writers);
        found->reader_opens = atomic_load(&pipe->reader_opens);
        found->writer_opens = atomic_load(&pipe->writer_opens);
        pipe_attach(pipe, file);
        wait_wake_all(&pipe->queue);
    }
    mutex_release(&inode->write_mutex);
    return pipe;
}

void fifo_release(struct file *file)
{
    struct inode *inode = file->inode;
    struct pipe *pipe = file->data;
    mutex_acquire(&inode->write_mutex);
    if (pipe_detach(pipe, file)) {
        inode->device_data = NULL;
        pipe_free(pipe);
    }
    mutex_release(&inode->write_mutex);
}

// Until somebody opens the other end, even if they leave again at once. 0 or -ERESTARTSYS.
static int wait_for_partner(struct pipe *pipe, const atomic_uint *opens, uint32_t opens_before)
{
    struct waiter waiter = { 0 };
    int result = 0;
    while (!result) {
        wait_prepare(&pipe->queue, &waiter, WAIT_INTERRUPTIBLE);
        if (atomic_load(opens) != opens_before)
            break;
        result = wait_block(WAIT_FOREVER);
    }
    wait_finish(&pipe->queue, &waiter);
    return result;
}

int fifo_open(struct file *file)
{
    struct company found;
    int error;
    struct pipe *pipe = join_pipe(file, &found, &error);
    if (!pipe)
        return error;
    error = 0;
    bool reads = file_is_readable(file), writes = file_is_writable(file);
    if (pipe_is_unnamed(file->inode)) // opened again by /proc/PID/fd: both ends have been there
        return 0;
    if (file_is_nonblocking(file)) {
        if (writes && !reads && found.readers == 0)
            error = -ENXIO;
    } else if (reads && !writes && found.writers == 0) {
        error = wait_for_partner(pipe, &pipe->writer_opens, found.writer_opens);
    } else if (writes && !reads && found.readers == 0) {
        error = wait_for_partner(pipe, &pipe->reader_opens, found.reader_opens);
    }
    if (error)
        fifo_release(file);
    return error;
}
