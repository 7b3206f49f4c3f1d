// Lengths and edges: zero, huge and wrapping lengths, buffers that go bad midway, vectors, strings
// at the end of a page, and copies that meet pages which must first be made.
#include "usercopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define KERNEL ((char *)0xffff800000001000)

static int ends[2], file, null_device;

static void expect(const char *name, long result, long wanted)
{
    char detail[96];
    long got = result == -1 ? -errno : result;
    snprintf(detail, sizeof(detail), "%ld, expected %ld", got, wanted);
    report(name, got == wanted, detail);
}

static long raw_write(int fd, const void *data, size_t size)
{
    return syscall(SYS_write, fd, data, size);
}

static long raw_read(int fd, void *data, size_t size)
{
    return syscall(SYS_read, fd, data, size);
}

static void drain(void)
{
    static char sink[65536];
    int waiting = 1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    while (waiting > 0)
        waiting = (int)read(ends[0], sink, sizeof(sink));
    fcntl(ends[0], F_SETFL, 0);
}

static void check_lengths(void)
{
    expect("write-0-null", raw_write(ends[1], NULL, 0), 0);
    expect("write-0-unmapped", raw_write(ends[1], places.unmapped, 0), 0);
    expect("write-0-kernel", raw_write(file, KERNEL, 0), -EFAULT);
    expect("write-0-non-canonical", raw_write(file, (void *)0x800000000000, 0), -EFAULT);
    expect("write-minus-1", raw_write(file, places.good, -1ul), -EFAULT);
    expect("write-wrap", raw_write(file, (void *)-16ul, 32), -EFAULT);
    expect("write-to-limit", raw_write(file, (void *)(0x7ffffffff000 - 16), 16), -EFAULT);
    expect("write-past-limit", raw_write(file, (void *)(0x7ffffffff000 - 16), 64), -EFAULT);
    expect("read-into-half", raw_read(file, (void *)0x7fffffffffff, 0x7fff000000000000), -EFAULT);
    expect("null-device-takes-all", raw_write(null_device, places.unmapped, 100), 100);
    expect("null-device-not-kernel", raw_write(null_device, KERNEL, 100), -EFAULT);
}

static void check_straddling(void)
{
    char *edge = places.unmapped - 6;
    memset(places.good, 'g', 2 * PAGE);
    expect("file-write-6-of-16", raw_write(file, edge, 16), 6);
    expect("file-position-after-write", lseek(file, 0, SEEK_CUR), 6);
    lseek(file, 0, SEEK_SET);
    expect("file-read-6-of-16", (pwrite(file, "0123456789abcdef", 16, 0), raw_read(file, edge, 16)),
           6);
    expect("file-position-after-read", lseek(file, 0, SEEK_CUR), 6);
    report("file-read-6-bytes", memcmp(edge, "012345", 6) == 0, "wrong bytes");
    expect("pipe-write-6-of-16", raw_write(ends[1], edge, 16), -EFAULT);
    expect("pipe-write-page-of-two", raw_write(ends[1], places.unmapped - PAGE, 2 * PAGE), PAGE);
    drain();
    if (write(ends[1], "0123456789abcdef", 16) != 16)
        fail("write");
    expect("pipe-read-6-of-16", raw_read(ends[0], edge, 16), -EFAULT);
    expect("pipe-read-left-queued", raw_read(ends[0], places.good, 64), 16);
}

static void check_vectors(void)
{
    struct iovec good_bad_good[] = { { places.good, 4 },
                                     { places.unmapped, 4 },
                                     { places.good, 4 } };
    struct iovec with_kernel[] = { { places.good, 4 }, { KERNEL, 4 } };
    struct iovec negative[] = { { places.good, 4 }, { places.good, (size_t)-1 } };
    static struct iovec many[1025];
    expect("writev-good-head", syscall(SYS_writev, file, good_bad_good, 3), 4);
    expect("writev-kernel-base", syscall(SYS_writev, file, with_kernel, 2), -EFAULT);
    expect("writev-negative-length", syscall(SYS_writev, file, negative, 2), -EINVAL);
    expect("writev-too-many", syscall(SYS_writev, file, many, 1025), -EINVAL);
    expect("writev-1024-empty", syscall(SYS_writev, file, many, 1024), 0);
    expect("writev-none", syscall(SYS_writev, file, places.good, 0), 0);
    expect("writev-negative-count", syscall(SYS_writev, file, places.good, -1), -EINVAL);
}

static void check_strings(void)
{
    char *end = places.unmapped;
    struct stat status;
    memcpy(end - 5, "/tmp", 5);
    expect("path-ends-with-page", syscall(SYS_newfstatat, AT_FDCWD, end - 5, &status, 0), 0);
    memcpy(end - 4, "/tmp", 4);
    expect("path-runs-out", syscall(SYS_newfstatat, AT_FDCWD, end - 4, &status, 0), -EFAULT);
    expect("path-empty", syscall(SYS_open, "", O_RDONLY), -ENOENT);
    memset(places.good, '/', 2 * PAGE);
    places.good[PAGE] = '\0'; // 4096 characters and the terminator: one too many
    expect("path-too-long", syscall(SYS_open, places.good, O_RDONLY), -ENAMETOOLONG);
    places.good[PAGE - 1] = '\0';
    report("path-longest", syscall(SYS_access, places.good, F_OK) == 0, "4095 slashes are a path");
    char *argv[] = { "x", KERNEL, NULL };
    expect("execve-kernel-argument", syscall(SYS_execve, "/bin/busybox", argv, NULL), -EFAULT);
}

static int read_over_copy(void *page)
{
    return raw_read(ends[0], page, 64) != 64 || memcmp(page, "from the pipe", 14) != 0;
}

// The kernel's copy itself must bring pages: first touch, and copy-on-write after fork.
static void check_faults_inside(void)
{
    static const char message[64] = "from the pipe";
    char *fresh = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        fail("mmap");
    expect("write-from-untouched", raw_write(ends[1], fresh, 3 * PAGE), 3 * PAGE);
    expect("read-into-untouched", raw_read(ends[0], fresh + 4 * PAGE + 100, 2 * PAGE), 2 * PAGE);
    drain();
    strcpy(fresh, "the parent's");
    if (raw_write(ends[1], message, sizeof(message)) != sizeof(message))
        fail("write");
    report("read-into-shared-copy", child_run(read_over_copy, fresh) == 0, "child saw wrong bytes");
    report("parent-keeps-its-copy", strcmp(fresh, "the parent's") == 0, "parent's page changed");
    // The shared page of zeros, read first and then written by the kernel.
    volatile char first = fresh[7 * PAGE];
    if (raw_write(ends[1], message, sizeof(message)) != sizeof(message))
        fail("write");
    expect("read-into-zero-page", first + raw_read(ends[0], fresh + 7 * PAGE, 64), 64);
    report("zero-page-got-bytes", strcmp(fresh + 7 * PAGE, message) == 0, "wrong bytes");
    munmap(fresh, 8 * PAGE);
}

// Zeroes are written by instructions of their own.
static void check_zeroes(void)
{
    int zeroes = open("/dev/zero", O_RDONLY);
    if (zeroes < 0)
        fail("/dev/zero");
    expect("zeroes-to-unmapped", raw_read(zeroes, places.unmapped, 64), -EFAULT);
    expect("zeroes-to-read-only", raw_read(zeroes, places.read_only, 64), -EFAULT);
    expect("zeroes-up-to-the-end", raw_read(zeroes, places.good + 2 * PAGE - 13, 64), 13);
    close(zeroes);
}

void check_edges(void)
{
    file = open("/tmp/usercopy-edges", O_CREAT | O_RDWR | O_TRUNC, 0600);
    null_device = open("/dev/null", O_WRONLY);
    if (file < 0 || null_device < 0 || pipe(ends) != 0)
        fail("preparing");
    check_lengths();
    check_straddling();
    check_vectors();
    check_strings();
    check_faults_inside();
    check_zeroes();
    close(file);
    unlink("/tmp/usercopy-edges");
}
