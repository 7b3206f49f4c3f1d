// Memory that tasks use at the same time, in faults and in system calls, while one of them changes
// it. Nothing may be lost, and the kernel answers with counts or EFAULT.
#include "sharers.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 32

static volatile uint64_t *pages;
static _Atomic unsigned touch_round;
static _Atomic unsigned touched[SHARER_LIMIT];
static int zero_file, pipe_ends[2];
static atomic_bool surprised;

// All pages of a round, as close to the others as it gets.
static void touch_pages(int number)
{
    unsigned round = touch_round;
    if (touched[number] == round) {
        let_others_run();
        return;
    }
    for (size_t i = 0; i < PAGES; i++)
        pages[i * PAGE / sizeof(*pages) + (size_t)number] = round;
    touched[number] = round;
}

static bool everything_is_there(unsigned round)
{
    for (size_t i = 0; i < PAGES; i++) {
        for (int number = 0; number < sharer_count; number++) {
            if (pages[i * PAGE / sizeof(*pages) + (size_t)number] != round)
                return false;
        }
    }
    return true;
}

static bool faults_at_once(bool fork_in_between)
{
    pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(pages != MAP_FAILED);
    touch_round = 0;
    for (int i = 0; i < SHARER_LIMIT; i++)
        touched[i] = 0;
    sharers_start_with(touch_pages);
    while (round_begins()) {
        unsigned round = ++touch_round;
        pid_t child = fork_in_between ? fork() : -1;
        if (child == 0)
            _exit(0);
        uint64_t limit = clock_ns() + 20000000000ull;
        for (int i = 0; i < sharer_count; i++) {
            while (touched[i] != round) {
                EXPECT(clock_ns() < limit);
                let_others_run();
            }
        }
        EXPECT(everything_is_there(round));
        if (child > 0)
            EXPECT(child_wait(child) == 0);
        else
            EXPECT(madvise((void *)pages, PAGES * PAGE, MADV_DONTNEED) == 0);
    }
    sharers_stop();
    munmap((void *)pages, PAGES * PAGE);
    return true;
}

static bool first_touch_by_all(void)
{
    return faults_at_once(false);
}

static bool copy_on_write_by_all(void)
{
    return faults_at_once(true);
}

// The kernel's answer itself: the sharers have one errno for all.
static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

// Into the pages, out of them, and strings. A count or EFAULT, nothing else.
static void call_kernel(int number)
{
    long length = PAGES * (long)PAGE;
    long got = call(SYS_read, zero_file, (long)pages, length);
    if (got > length || (got < 0 && got != -EFAULT))
        surprised = true;
    got = call(SYS_open, (long)pages, O_RDONLY, 0);
    if (got != -EFAULT && got != -ENOENT && got != -ENAMETOOLONG)
        surprised = true;
    got = call(SYS_write, pipe_ends[1], (long)pages, PAGE);
    if (got < 0 && got != -EFAULT)
        surprised = true;
    char sink[PAGE];
    if (got > 0 && call(SYS_read, pipe_ends[0], (long)sink, got) < 0)
        surprised = true;
}

static bool system_calls_on_changing_memory(void)
{
    size_t size = PAGES * PAGE;
    pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(pages != MAP_FAILED);
    zero_file = open("/dev/zero", O_RDONLY);
    EXPECT(zero_file >= 0 && pipe(pipe_ends) == 0);
    sharers_start_with(call_kernel);
    while (round_begins()) {
        EXPECT(munmap((char *)pages + 3 * PAGE, 5 * PAGE) == 0);
        EXPECT(mprotect((void *)pages, 2 * PAGE, PROT_READ) == 0);
        EXPECT(mprotect((char *)pages + 20 * PAGE, 4 * PAGE, PROT_NONE) == 0);
        sched_yield();
        EXPECT(mmap((void *)pages, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (void *)pages);
        sched_yield();
    }
    sharers_stop();
    EXPECT(!surprised);
    return true;
}

const struct test use_tests[] = {
    { "first-touch-by-all", first_touch_by_all },
    { "copy-on-write-by-all", copy_on_write_by_all },
    { "system-calls-on-changing-memory", system_calls_on_changing_memory },
};
const size_t use_test_count = COUNT_OF(use_tests);
