// Who is moved or moves himself: where he runs then, and with what in his registers.
#include "cpus.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_NS (10 * 1000000ull)

// Where the mask before and after is one and the same CPU, that was where we ran: in the time that
// a look may take the mask is changed once at most.
static int watch_own_cpu(void *argument)
{
    uint64_t deadline_ns = clock_ns() + *(const uint64_t *)argument;
    unsigned looks = 0;
    while (clock_ns() < deadline_ns) {
        cpu_set_t before, after;
        uint64_t begin_ns = clock_ns();
        if (sched_getaffinity(0, sizeof(before), &before) != 0)
            fail("sched_getaffinity");
        unsigned cpu = own_cpu();
        if (sched_getaffinity(0, sizeof(after), &after) != 0)
            fail("sched_getaffinity");
        if (!CPU_EQUAL(&before, &after) || CPU_COUNT(&before) != 1 ||
            clock_ns() - begin_ns > LOOK_NS)
            continue;
        looks++;
        if (!CPU_ISSET(cpu, &before)) {
            printf("cpus: pid %d ran on CPU %u, which its mask does not have\n", getpid(), cpu);
            return 1;
        }
    }
    return looks == 0;
}

#define ARCH_SET_GS 0x1001

// Moves itself with a value in a vector register and at GS:0, and looks at them and at FS:0 before
// anything else can touch them. A CPU that it comes back to may still have the last ones it saw.
static bool move_holding(unsigned cpu, uint64_t value)
{
    static uint64_t at_gs[64]; // one after the other: the base is another each time, too
    uint64_t in_vector, in_gs, in_fs, fs;
    long result = SYS_sched_setaffinity;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    at_gs[value % COUNT_OF(at_gs)] = value;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &at_gs[value % COUNT_OF(at_gs)]) != 0)
        fail("arch_prctl");
    __asm__ volatile("movq %%fs:0, %[fs]\n\t"
                     "movq %[value], %%xmm9\n\t"
                     "syscall\n\t"
                     "movq %%xmm9, %[in_vector]\n\t"
                     "movq %%gs:0, %[in_gs]\n\t"
                     "movq %%fs:0, %[in_fs]"
                     : "+a"(result), [in_vector] "=&r"(in_vector), [in_gs] "=&r"(in_gs),
                       [in_fs] "=&r"(in_fs), [fs] "=&r"(fs)
                     : "D"(0), "S"(sizeof(set)), "d"(&set), [value] "r"(value)
                     : "rcx", "r11", "xmm9", "memory");
    if (result == 0 && in_vector == value && in_gs == value && in_fs == fs)
        return true;
    printf("cpus: move %llu, to CPU %u: %ld; XMM9 has %llu, GS:0 %llu, FS:0 is %s\n",
           (unsigned long long)value, cpu, result, (unsigned long long)in_vector,
           (unsigned long long)in_gs, in_fs == fs ? "the same" : "another");
    return false;
}

// Moves itself, and looks without a system call in between.
int hop(void *argument)
{
    uint64_t deadline_ns = clock_ns() + *(const uint64_t *)argument;
    for (unsigned i = 0; clock_ns() < deadline_ns; i++) {
        if (!move_holding(i % cpu_count, i))
            return 1;
        for (unsigned look = 0; look < 20; look++)
            if (own_cpu() != i % cpu_count) {
                printf("cpus: pid %d went to CPU %u but ran elsewhere\n", getpid(), i % cpu_count);
                return 1;
            }
    }
    return 0;
}

int pinned(uint64_t duration_ns)
{
    pid_t pids[8];
    for (unsigned i = 0; i < COUNT_OF(pids); i++) {
        pids[i] = child_start(i < 6 ? watch_own_cpu : hop, &duration_ns);
        if (i < 6)
            set_cpu(pids[i], i % cpu_count);
    }
    uint64_t deadline_ns = clock_ns() + duration_ns / 10 * 9, changes = 0;
    for (; clock_ns() < deadline_ns; changes++, sleep_ns(LOOK_NS / 4))
        set_cpu(pids[changes % 6], (unsigned)rand() % cpu_count);
    int failures = end_all(pids, COUNT_OF(pids));
    printf("cpus: %llu changes of masks, %d of 8 left theirs\n", (unsigned long long)changes,
           failures);
    return failures;
}

#define CROWD 63 // more than one look goes through

struct behind {
    atomic_uint turns;        // of the one that may move
    atomic_uint others_turns; // of the rest
    atomic_uint first_cpu;    // where it ran when that was wanted; UINT32_MAX: not yet
    atomic_bool is_watched;   // it waits, from now on
};

static int turn_for_ever(void *argument)
{
    struct behind *behind = argument;
    for (;; behind->turns++)
        if (behind->is_watched && behind->first_cpu == UINT32_MAX)
            behind->first_cpu = own_cpu();
}

static int spin_for_ever(void *argument)
{
    for (struct behind *behind = argument;; behind->others_turns++)
        ;
}

// It runs, then another one does: now it is the last.
static void await_end_of_turn(const struct behind *behind)
{
    for (unsigned before = behind->turns; behind->turns == before;)
        ;
    for (unsigned before = behind->others_turns; behind->others_turns == before;)
        ;
}

int behind(void)
{
    struct behind *one =
        mmap(NULL, sizeof(*one), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cpu_set_t both;
    pid_t pids[CROWD + 1];
    if (one == MAP_FAILED || cpu_count < 2)
        fail("mmap, or one CPU");
    one->first_cpu = UINT32_MAX;
    set_cpu(0, 1);
    for (unsigned i = 0; i <= CROWD; i++) {
        pids[i] = child_start(i == CROWD ? turn_for_ever : spin_for_ever, one);
        set_cpu(pids[i], 0);
    }
    await_end_of_turn(one);
    one->is_watched = true;
    CPU_ZERO(&both);
    CPU_SET(0, &both);
    CPU_SET(1, &both);
    if (sched_setaffinity(pids[CROWD], sizeof(both), &both) != 0)
        fail("sched_setaffinity");
    for (unsigned i = 0; i < 100 && one->first_cpu == UINT32_MAX; i++)
        sleep_ns(2 * SECOND_NS); // a round takes less, and nothing else is to wake this CPU
    for (unsigned i = 0; i <= CROWD; i++)
        kill(pids[i], SIGKILL);
    for (unsigned i = 0; i <= CROWD; i++)
        child_wait(pids[i]);
    printf("cpus: behind %u that may not move: first went on on CPU %u\n", CROWD,
           (unsigned)one->first_cpu);
    return one->first_cpu != 1;
}
