// Rows of calls on descriptors.
#include "failwalk.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>

static long opened[2];

static void fill_pipe(void)
{
    int ends[2];
    (void)CALL(SYS_pipe2, ends, 0);
    opened[0] = ends[0];
    opened[1] = ends[1];
    (void)CALL(SYS_write, opened[1], scene.places[5], PAGE);
}

static void open_new(void)
{
    opened[0] = CALL(SYS_open, NEW, O_RDWR | O_CREAT, 0644);
}

static void open_proc(void)
{
    opened[0] = CALL(SYS_open, "/proc", O_RDONLY | O_DIRECTORY);
}

static void open_status(void)
{
    opened[0] = CALL(SYS_open, "/proc/self/status", O_RDONLY);
}

static void open_terminal(void)
{
    opened[0] = CALL(SYS_open, "/dev/console", O_RDWR | O_NOCTTY);
}

static long two_pieces(void)
{
    struct iovec *pieces = (struct iovec *)scene.places[4];
    pieces[0] = (struct iovec){ scene.places[0], 100 };
    pieces[1] = (struct iovec){ scene.places[1], PAGE };
    return (long)pieces;
}

ACT(read_pages, SYS_pread64, scene.file, scene.places[0], PAGE, PAGE / 2)
ACT(read_pipe, SYS_read, opened[0], scene.places[0], PAGE)
ACT(read_status, SYS_read, opened[0], scene.places[0], PAGE)
ACT(write_new, SYS_write, opened[0], scene.places[0], PAGE)
ACT(write_hole, SYS_pwrite64, opened[0], scene.places[0], PAGE, 1l << 30)
ACT(write_pipe, SYS_write, opened[1], scene.places[0], PAGE)
ACT(write_null, SYS_write, scene.null, scene.places[0], PAGE)
ACT(readv_two, SYS_readv, scene.file, two_pieces(), 2)
ACT(writev_two, SYS_writev, opened[0], two_pieces(), 2)
ACT(preadv_two, SYS_preadv, scene.file, two_pieces(), 2, 0)
ACT(pwritev_two, SYS_pwritev, opened[0], two_pieces(), 2, 0)
ACT(sendfile_pipe, SYS_sendfile, opened[1], scene.file, 0, PAGE)
ACT(sendfile_file, SYS_sendfile, opened[0], scene.file, scene.places[0], 2 * PAGE)
ACT(pipe_plain, SYS_pipe, scene.places[0])
ACT(pipe2_cloexec, SYS_pipe2, scene.places[0], O_CLOEXEC)
ACT(dup2_far, SYS_dup2, scene.file, 900)
ACT(dup3_far, SYS_dup3, scene.file, 700, O_CLOEXEC)
ACT(fcntl_dup, SYS_fcntl, scene.file, F_DUPFD, 500)
ACT(fcntl_flags, SYS_fcntl, scene.file, F_GETFL)
ACT(fcntl_cloexec, SYS_fcntl, scene.file, F_GETFD)
ACT(ioctl_pipe, SYS_ioctl, opened[0], FIONREAD, scene.places[0])
ACT(ioctl_terminal, SYS_ioctl, opened[0], 0x5401, scene.places[0])
ACT(ioctl_window, SYS_ioctl, opened[0], TIOCGWINSZ, scene.places[0])
ACT(getdents64_folder, SYS_getdents64, scene.folder, scene.places[0], PAGE)
ACT(getdents64_proc, SYS_getdents64, opened[0], scene.places[0], PAGE)
ACT(ftruncate_longer, SYS_ftruncate, opened[0], 3 * PAGE + 5)
ACT(ftruncate_shorter, SYS_ftruncate, scene.file, PAGE + 5)
ACT(fchmod_file, SYS_fchmod, scene.file, 0644)
ACT(close_file, SYS_close, opened[0])
ACT(close_pipe, SYS_close, opened[1])
ACT(lseek_folder, SYS_lseek, scene.folder, 0, 0)

static long act_poll_many(void)
{
    struct pollfd *polls = (struct pollfd *)scene.places[0];
    for (int i = 0; i < 200; i++)
        polls[i] = (struct pollfd){ (int)(i % 2 ? opened[0] : scene.file), POLLIN, 0 };
    return CALL(SYS_poll, polls, 200, 0);
}

static long act_ppoll_wait(void)
{
    struct pollfd *polls = (struct pollfd *)scene.places[0];
    long *limit = (long *)scene.places[1];
    polls[0] = (struct pollfd){ (int)opened[1], POLLIN, 0 }; // never
    limit[0] = 0;
    limit[1] = 1000000;
    return CALL(SYS_ppoll, polls, 1, limit, scene.places[2], 8);
}

static long act_select_three(void)
{
    FD_SET((int)opened[0], (fd_set *)scene.places[0]);
    FD_SET((int)opened[1], (fd_set *)scene.places[1]);
    return CALL(SYS_select, opened[1] + 1, scene.places[0], scene.places[1], scene.places[2],
                scene.places[3]);
}

static long act_pselect6_many(void)
{
    long *mask = (long *)scene.places[4];
    FD_SET((int)opened[0], (fd_set *)scene.places[0]);
    mask[0] = (long)scene.places[5];
    mask[1] = 8;
    return CALL(SYS_pselect6, 1000, scene.places[0], 0, 0, scene.places[3], mask);
}

const struct row file_rows[] = {
    { "pread64 pages", SYS_pread64, NULL, act_read_pages, RETURNS, 0 },
    ROW(read, pipe, fill_pipe),
    ROW(read, status, open_status),
    ROW(write, new, open_new),
    { "pwrite64 hole", SYS_pwrite64, open_new, act_write_hole, RETURNS, 0 },
    ROW(write, pipe, fill_pipe),
    ROW(write, null, NULL),
    ROW(readv, two, NULL),
    ROW(writev, two, open_new),
    ROW(preadv, two, NULL),
    ROW(pwritev, two, open_new),
    ROW(sendfile, pipe, fill_pipe),
    ROW(sendfile, file, open_new),
    ROW(pipe, plain, NULL),
    ROW(pipe2, cloexec, NULL),
    ROW(dup2, far, NULL),
    ROW(dup3, far, NULL),
    ROW(fcntl, dup, NULL),
    ROW(fcntl, flags, NULL),
    ROW(fcntl, cloexec, NULL),
    ROW(ioctl, pipe, fill_pipe),
    ROW(ioctl, terminal, open_terminal),
    ROW(ioctl, window, open_terminal),
    ROW(getdents64, folder, NULL),
    ROW(getdents64, proc, open_proc),
    ROW(ftruncate, longer, open_new),
    ROW(ftruncate, shorter, NULL),
    ROW(fchmod, file, NULL),
    ROW(close, file, open_new),
    ROW(close, pipe, fill_pipe),
    ROW(lseek, folder, NULL),
    ROW(poll, many, fill_pipe),
    ROW(ppoll, wait, fill_pipe),
    ROW(select, three, fill_pipe),
    ROW(pselect6, many, fill_pipe),
};
const size_t file_row_count = COUNT_OF(file_rows);
