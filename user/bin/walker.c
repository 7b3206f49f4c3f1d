// Shows rows 1 and 8 of kernel/README.md: memory as a program sees it. Fresh memory of every kind
// is zero though others filled it before; break, map, protect and unmap at their edges;
// copy-on-write after fork.
//   walker            all checks; exits with the number that failed
//   walker hog        takes memory until the system says no, by -ENOMEM or SIGKILL
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define DIRTY_SIZE (16ul << 20)

static char zero_data[64 * PAGE];

static unsigned char *map_bytes(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

static bool all_bytes_are(const unsigned char *memory, size_t size, unsigned char value)
{
    const uint64_t pattern = 0x0101010101010101ul * value;
    for (size_t i = 0; i + 8 <= size; i += 8)
        if (*(const uint64_t *)(memory + i) != pattern)
            return false;
    return true;
}

// Leaves frames full of a neighbour's bytes behind: anonymous memory, stack, a pipe and a file.
static int fill_and_leave(void *unused)
{
    static char secret[64 * 1024];
    int ends[2];
    memset(secret, 0x5a, sizeof(secret));
    memset(map_bytes(DIRTY_SIZE), 0x5a, DIRTY_SIZE);
    if (pipe(ends) == 0 && write(ends[1], secret, sizeof(secret)) < 0)
        return 1;
    int fd = open("/tmp/walker-secret", O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (fd < 0 || write(fd, secret, sizeof(secret)) != sizeof(secret))
        return 1;
    return unlink("/tmp/walker-secret") != 0;
}

static bool fresh_maps_are_zero(void)
{
    for (int i = 0; i < 2; i++) {
        if (child_run(fill_and_leave, NULL) != 0)
            return false;
        unsigned char *memory = map_bytes(DIRTY_SIZE);
        if (!all_bytes_are(memory, DIRTY_SIZE, 0))
            return false;
        munmap(memory, DIRTY_SIZE);
    }
    return true;
}

static int read_byte(void *address)
{
    return *(volatile unsigned char *)address & 0;
}

static int write_byte(void *address)
{
    *(volatile unsigned char *)address = 1;
    return 0;
}

static bool dies(int (*access)(void *), void *address)
{
    int status = child_run(access, address);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

// The C library keeps the break for itself, so this asks the kernel.
static bool break_moves_to(unsigned char *wanted)
{
    return syscall(SYS_brk, wanted) == (long)wanted;
}

static bool fresh_break_is_zero(void)
{
    unsigned char *start = (unsigned char *)syscall(SYS_brk, 0);
    unsigned char *end = start + (1 << 20);
    if (child_run(fill_and_leave, NULL) != 0 || !break_moves_to(end) ||
        !all_bytes_are(start, 1 << 20, 0))
        return false;
    memset(start, 0x77, 1 << 20);
    // Given back and taken again: zero again, from the first whole page on.
    unsigned char *page = (unsigned char *)(((uintptr_t)start + PAGE - 1) & ~(PAGE - 1));
    return break_moves_to(start) && break_moves_to(end) &&
           all_bytes_are(page, (size_t)(end - page), 0) && break_moves_to(start) &&
           dies(write_byte, page + PAGE);
}

static bool unset_data_is_zero(void)
{
    return all_bytes_are((unsigned char *)zero_data, sizeof(zero_data), 0);
}

static bool fresh_stack_is_zero(void)
{
    volatile unsigned char *deep = (unsigned char *)__builtin_frame_address(0) - 512 * 1024;
    for (size_t i = 0; i < 16 * PAGE; i++)
        if (deep[i] != 0)
            return false;
    return true;
}

// A hole in a file, and the end of its last page in a mapping, hold nothing of others.
static bool file_gaps_are_zero(void)
{
    unsigned char buffer[3 * PAGE];
    int fd = open("/tmp/walker-gap", O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (fd < 0 || child_run(fill_and_leave, NULL) != 0 || pwrite(fd, "x", 1, 2 * PAGE) != 1)
        return false;
    bool good = pread(fd, buffer, sizeof(buffer), 0) == 2 * PAGE + 1 &&
                all_bytes_are(buffer, 2 * PAGE, 0) && buffer[2 * PAGE] == 'x';
    unsigned char *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    good = good && map != MAP_FAILED && map[2 * PAGE] == 'x' &&
           all_bytes_are(map + 2 * PAGE + 8, PAGE - 8, 0);
    close(fd);
    unlink("/tmp/walker-gap");
    return good;
}

static bool edges_hold(void)
{
    unsigned char *map = map_bytes(5 * PAGE);
    memset(map, 1, 5 * PAGE);
    // A hole in the middle, a read-only page, one without any rights.
    if (munmap(map + PAGE, PAGE) != 0 || mprotect(map + 2 * PAGE, PAGE, PROT_READ) != 0 ||
        mprotect(map + 3 * PAGE, PAGE, PROT_NONE) != 0)
        return false;
    bool good = child_run(write_byte, map + PAGE - 1) == 0 && dies(read_byte, map + PAGE) &&
                dies(read_byte, map + 2 * PAGE - 1) && child_run(read_byte, map + 2 * PAGE) == 0 &&
                dies(write_byte, map + 2 * PAGE) && dies(read_byte, map + 3 * PAGE) &&
                child_run(write_byte, map + 4 * PAGE) == 0;
    // Rights come back, contents were kept; a page mapped into the hole is fresh.
    good = good && mprotect(map + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE) == 0 &&
           all_bytes_are(map + 2 * PAGE, 2 * PAGE, 1) &&
           mmap(map + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1, 0) == map + PAGE &&
           all_bytes_are(map + PAGE, PAGE, 0);
    return munmap(map, 5 * PAGE) == 0 && good && dies(read_byte, map) &&
           dies(read_byte, map + 4 * PAGE);
}

static int write_copy(void *memory)
{
    if (!all_bytes_are(memory, 64 * PAGE, 0x11))
        return 1;
    memset(memory, 0x22, 32 * PAGE); // half of it; the rest stays shared
    sleep_ns(2000000);
    return !all_bytes_are(memory, 32 * PAGE, 0x22) ||
           !all_bytes_are((unsigned char *)memory + 32 * PAGE, 32 * PAGE, 0x11);
}

// Neither side sees what the other writes after fork, whoever writes first.
static bool copies_are_private(void)
{
    unsigned char *memory = map_bytes(64 * PAGE);
    memset(memory, 0x11, 64 * PAGE);
    pid_t first = child_start(write_copy, memory), second = child_start(write_copy, memory);
    sleep_ns(1000000);
    bool good = all_bytes_are(memory, 64 * PAGE, 0x11);
    memset(memory, 0x33, 64 * PAGE);
    good = child_wait(first) == 0 && child_wait(second) == 0 && good;
    // The last owner writes without losing what is there.
    return all_bytes_are(memory, 64 * PAGE, 0x33) && good && munmap(memory, 64 * PAGE) == 0;
}

static int hog(void)
{
    for (uint64_t taken = 0;; taken += DIRTY_SIZE) {
        void *memory =
            mmap(NULL, DIRTY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            printf("walker: refused after %llu MiB\n", (unsigned long long)(taken >> 20));
            return 0;
        }
        for (size_t i = 0; i < DIRTY_SIZE; i += PAGE)
            ((volatile char *)memory)[i] = 1;
    }
}

static const struct {
    const char *name;
    bool (*holds)(void);
} checks[] = {
    { "unset-data-is-zero", unset_data_is_zero },   { "fresh-stack-is-zero", fresh_stack_is_zero },
    { "fresh-maps-are-zero", fresh_maps_are_zero }, { "fresh-break-is-zero", fresh_break_is_zero },
    { "file-gaps-are-zero", file_gaps_are_zero },   { "edges-hold", edges_hold },
    { "copies-are-private", copies_are_private },
};

int main(int argc, char **argv)
{
    int failures = 0;
    if (argc > 1 && strcmp(argv[1], "hog") == 0)
        return hog();
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        bool good = checks[i].holds();
        printf("%s %s\n", good ? "ok" : "BAD", checks[i].name);
        failures += !good;
    }
    return failures;
}
