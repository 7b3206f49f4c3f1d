// Scene 5: bad addresses handed to write(). What came out of the pipe decides.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "kernel_log.h"
#include "shared.h"

#define KERNEL_CODE 0xffffffff80001000ull
#define NOT_THERE 0x20000000ull
#define ALL_MEMORY 0xffff800000100000ull // the kernel's map of all RAM, from the first MiB on
#define LENGTH 64

struct bad {
    uint64_t address;
    const char *what;
};

static const struct bad bad[] = {
    { KERNEL_CODE, "the kernel's code" },
    { NOT_THERE, "memory that is not there" },
    { ALL_MEMORY, "the kernel's map of all memory" },
};

static int64_t raw_write(int fd, uint64_t address, uint64_t length)
{
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_write), "D"(fd), "S"(address), "d"(length)
                     : "rcx", "r11", "memory");
    return result;
}

static int write_all(void *fd)
{
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        shared->results[i] = raw_write(*(int *)fd, bad[i].address, LENGTH);
    return 0;
}

static void judge_fault(const struct ring *ring, uint32_t thread)
{
    size_t fault = ring_find(ring, 0, thread, TRACE_FAULT, VECTOR_PAGE_FAULT, NOT_THERE);
    if (!expect(fault < ring->count, "the kernel itself stumbled over 0x%llx, in copy_from_user",
                NOT_THERE))
        return;
    size_t entry = ring_find_before(ring, fault, thread, TRACE_ENTRY, VECTOR_SYSCALL, ANY);
    size_t end = ring_find(ring, fault, thread, TRACE_EXIT, ANY, ANY);
    ring_show(ring, entry, end);
    note("Two faults: it copies eight bytes at a time; when they are refused, it tries");
    note("again byte by byte, to know how far it gets. Both are foreseen: the kernel");
    note("goes on at the fix-up of its instruction, and the call answers EFAULT.");
    expect(end < ring->count, "and went on: the program got an answer");
    size_t earlier = ring_find(ring, 0, thread, TRACE_FAULT, VECTOR_PAGE_FAULT, KERNEL_CODE);
    expect(earlier == ring->count, "the kernel's own address was refused before any access");
}

void show_pointer(void)
{
    struct ring ring;
    char leaked[LENGTH * 4];
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0)
        fail("pipe");
    shared_clear();
    uint64_t since = read_tsc();
    pid_t child = child_start(write_all, &ends[1]);
    int status = child_wait(child);
    ssize_t count = read(ends[0], leaked, sizeof(leaked));
    close(ends[0]);
    close(ends[1]);
    if (!ring_read(&ring, since))
        return;
    uint32_t thread = ring_thread(&ring, child);
    ring_forget_names();
    ring_name(thread, "A");
    judge_fault(&ring, thread);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect(shared->results[i] == -EFAULT, "write from %s: answer %lld (-EFAULT)", bad[i].what,
               (long long)shared->results[i]);
    expect(count < 0, "nothing came out of the pipe (%lld bytes)",
           count < 0 ? 0ll : (long long)count);
    expect(status == 0, "A lived through it and exited");
}
