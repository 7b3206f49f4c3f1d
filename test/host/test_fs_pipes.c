// Pipes: what is written is read in order, whole small writes, full and hung-up ends.
#include <string.h>

#include "abi/errno.h"
#include "fs/pipe.h"
#include "fs_fixture.h"
#include "test.h"
#include "threads.h"

#define PIPE_BYTES 65536

static uint8_t buffer[200000];
static struct file *ends[2];

static uint8_t byte_at(uint64_t place)
{
    return (uint8_t)(place * 7 + (place >> 8));
}

static void close_both(void)
{
    file_release(ends[0]);
    file_release(ends[1]);
}

static uint64_t write_some(uint64_t place, size_t length)
{
    for (size_t i = 0; i < length; i++)
        buffer[i] = byte_at(place + i);
    int64_t result = fs_write(ends[1], buffer, length, NULL);
    if (result < 0) {
        CHECK_EQUAL(result, -EAGAIN);
        return 0;
    }
    CHECK(length > PAGE_SIZE || result == (int64_t)length); // all or nothing
    return (uint64_t)result;
}

static uint64_t read_some(uint64_t place, uint64_t written, size_t length)
{
    int64_t result = fs_read(ends[0], buffer, length, NULL);
    if (result < 0) {
        CHECK_EQUAL(result, -EAGAIN);
        CHECK_EQUAL(written, place);
        return 0;
    }
    CHECK_EQUAL(result, written - place < length ? written - place : length);
    for (int64_t i = 0; i < result; i++)
        CHECK_EQUAL(buffer[i], byte_at(place + (uint64_t)i));
    return (uint64_t)result;
}

TEST(fs_pipe_against_model)
{
    uint64_t written = 0, read = 0;

    fs_start();
    CHECK_EQUAL(pipe_create(O_NONBLOCK, ends), 0);
    for (int i = 0; i < 10000; i++) {
        size_t length = 1 + random_below(random_below(3) != 0 ? 5000 : 70000);
        if (random_below(2) != 0)
            written += write_some(written, length);
        else
            read += read_some(read, written, length);
    }
    close_both();
    fs_end();
}

// A slot is freed only when it is fully read; what fits into the last page is merged.
TEST(fs_pipe_capacity)
{
    fs_start();
    CHECK_EQUAL(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQUAL(fs_read(ends[0], buffer, 1, NULL), -EAGAIN);
    CHECK_EQUAL(fs_write(ends[1], buffer, 100000, NULL), PIPE_BYTES);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EAGAIN);
    CHECK_EQUAL(fs_read(ends[0], buffer, 100, NULL), 100);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EAGAIN);
    CHECK_EQUAL(fs_read(ends[0], buffer, 4000, NULL), 4000);
    CHECK_EQUAL(fs_write(ends[1], buffer, 4096, NULL), 4096);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EAGAIN);
    CHECK_EQUAL(fs_read(ends[0], buffer, 100000, NULL), PIPE_BYTES - 4100 + 4096);
    for (int i = 0; i < PIPE_BYTES; i++)
        CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), 1);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EAGAIN);
    CHECK_EQUAL(fs_read(ends[0], buffer, sizeof(buffer), NULL), PIPE_BYTES);
    close_both();
    fs_end();
}

TEST(fs_pipe_wrong_ends_and_bad_memory)
{
    uint64_t position = 0;

    fs_start();
    CHECK_EQUAL(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQUAL(fs_read(ends[1], buffer, 1, NULL), -EBADF);
    CHECK_EQUAL(fs_write(ends[0], buffer, 1, NULL), -EBADF);
    CHECK_EQUAL(file_seek(ends[0], 0, SEEK_SET), -ESPIPE);
    CHECK_EQUAL(fs_read(ends[0], buffer, 1, &position), -ESPIPE);
    user_bad_end = (uint64_t)buffer + sizeof(buffer);
    user_bad_start = (uint64_t)buffer + 6;
    CHECK_EQUAL(fs_write(ends[1], buffer, 16, NULL), -EFAULT);
    user_bad_start = (uint64_t)buffer + 4096;
    CHECK_EQUAL(fs_write(ends[1], buffer, 8192, NULL), 4096);
    user_bad_start = (uint64_t)buffer + 6;
    CHECK_EQUAL(fs_read(ends[0], buffer, 4096, NULL), -EFAULT);
    user_bad_start = user_bad_end = 0;
    CHECK_EQUAL(fs_read(ends[0], buffer, 8192, NULL), 4096); // nothing was lost
    close_both();
    fs_end();
}

static uint32_t poll_end(struct file *file)
{
    struct wait_queue *queue;

    return file->operations->poll(file, &queue);
}

TEST(fs_pipe_hang_up)
{
    struct abi_stat stat;

    fs_start();
    CHECK_EQUAL(pipe_create(0, ends), 0);
    CHECK_EQUAL(poll_end(ends[1]), POLLOUT);
    file_release(ends[0]);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EPIPE);
    CHECK_EQUAL(fs_write(ends[1], buffer, 0, NULL), 0);
    CHECK_EQUAL(poll_end(ends[1]) & POLLERR, POLLERR);
    file_stat(ends[1], &stat);
    CHECK_EQUAL(stat.mode, S_IFIFO | 0600);
    file_release(ends[1]);

    CHECK_EQUAL(pipe_create(0, ends), 0);
    CHECK_EQUAL(fs_write(ends[1], buffer, sizeof(buffer), NULL), PIPE_BYTES);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EINTR); // it waited
    CHECK_EQUAL(poll_end(ends[0]), POLLIN);
    file_release(ends[1]);
    CHECK_EQUAL(poll_end(ends[0]), POLLIN | POLLHUP);
    CHECK_EQUAL(fs_read(ends[0], buffer, PIPE_BYTES, NULL), PIPE_BYTES);
    CHECK_EQUAL(fs_read(ends[0], buffer, 1, NULL), 0);
    file_release(ends[0]);
    fs_end();
}

#define FILLER_LIMIT 1000u

static struct file *fillers[FILLER_LIMIT][2];

// Pipes that hold all they can, until one does not get what it has room for: the share of further
// pages is used up. How many.
static unsigned use_up_share(void)
{
    unsigned count = 0;
    int64_t written;

    do {
        CHECK(count < FILLER_LIMIT);
        CHECK_EQUAL(pipe_create(O_NONBLOCK, fillers[count]), 0);
        written = fs_write(fillers[count][1], buffer, PIPE_BYTES, NULL);
        CHECK(written > 0);
        count++;
    } while (written == PIPE_BYTES);
    return count;
}

static void give_back_share(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        file_release(fillers[i][0]);
        file_release(fillers[i][1]);
    }
}

static uint64_t wake_ups_of_read(size_t length)
{
    uint64_t before = wake_ups;

    CHECK_EQUAL(fs_read(ends[0], buffer, length, NULL), length);
    return wake_ups - before;
}

// With one page of sixteen in use it is full, since there is no second one. Who was told so is
// woken by the next reader, though nothing in this pipe has come free.
TEST(fs_pipe_poller_hears_that_the_share_came_free)
{
    fs_start();
    CHECK_EQUAL(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQUAL(fs_write(ends[1], buffer, 100, NULL), 100);
    unsigned count = use_up_share();
    CHECK_EQUAL(wake_ups_of_read(1), 0); // nobody was told, nobody needs to know
    CHECK_EQUAL(poll_end(ends[1]), 0);
    CHECK_EQUAL(wake_ups_of_read(1), 0); // full still
    give_back_share(count);
    CHECK_EQUAL(wake_ups_of_read(1), 1);
    CHECK_EQUAL(poll_end(ends[1]), POLLOUT);
    close_both();
    fs_end();
}

TEST(fs_pipe_writer_hears_that_the_share_came_free)
{
    fs_start();
    CHECK_EQUAL(pipe_create(O_NONBLOCK, ends), 0);
    unsigned count = use_up_share();
    CHECK_EQUAL(fs_write(ends[1], buffer, 2 * PAGE_SIZE, NULL), PAGE_SIZE);
    CHECK_EQUAL(fs_write(ends[1], buffer, 1, NULL), -EAGAIN);
    give_back_share(count);
    CHECK_EQUAL(wake_ups_of_read(1), 1);
    CHECK_EQUAL(fs_write(ends[1], buffer, PIPE_BYTES, NULL), PIPE_BYTES - PAGE_SIZE);
    close_both();
    fs_end();
}

// Of the last page read: without the share a pipe has one page at a time, and it carries on.
TEST(fs_pipe_goes_on_with_one_page)
{
    fs_start();
    CHECK_EQUAL(pipe_create(O_NONBLOCK, ends), 0);
    unsigned count = use_up_share();
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(fs_write(ends[1], buffer, 2 * PAGE_SIZE, NULL), PAGE_SIZE);
        CHECK_EQUAL(poll_end(ends[1]), 0);
        CHECK_EQUAL(wake_ups_of_read(PAGE_SIZE), 1);
        CHECK_EQUAL(poll_end(ends[1]), POLLOUT);
    }
    give_back_share(count);
    close_both();
    fs_end();
}

static struct inode *fifo_inode;
static int64_t partner_result;

// Another CPU opens the other end and closes it again, before the first opener has looked for it.
static void come_and_go(struct mutex *mutex)
{
    struct file *partner;

    if (mutex != &fifo_inode->write_mutex)
        return;
    after_mutex_release = NULL;
    partner_result = path_open(memory_fs_root(), "/fifo", O_WRONLY | O_NONBLOCK, 0, &partner);
    if (partner_result == 0)
        file_release(partner);
}

TEST(fs_fifo_partner_that_has_gone_again)
{
    struct file *reader;

    fs_start();
    CHECK_EQUAL(path_make_node(memory_fs_root(), "/fifo", S_IFIFO | 0600, 0, NULL, NULL), 0);
    CHECK_EQUAL(path_lookup(memory_fs_root(), "/fifo", 0, &fifo_inode), 0);
    partner_result = -1;
    after_mutex_release = come_and_go;
    CHECK_EQUAL(path_open(memory_fs_root(), "/fifo", O_RDONLY, 0, &reader), 0); // does not wait
    CHECK_EQUAL(partner_result, 0);
    CHECK_EQUAL(fs_read(reader, buffer, 1, NULL), 0);
    file_release(reader);
    inode_release(fifo_inode);
    fs_end();
}
