// Structures that calls read, filled so that most are right. In a call that need not be good, a
// field may be anything.
#include "callfuzz.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WORDS 16u // of the largest structure here but siginfo's

static void quiet_handler(int signal)
{
}

static void fill_action(struct fuzzer *fuzzer, uint64_t *words)
{
    static const uint32_t flags[] = { 0, 0x10000000, 0x40000000, 0x04, 0x08000000, 0x80000000 };
    uint32_t choice = random_below(fuzzer, 12);
    words[0] = choice > 1 ? (uint64_t)quiet_handler : choice; // SIG_DFL, SIG_IGN
    words[1] = 0x04000000;                                    // SA_RESTORER
    for (unsigned i = 0; i < 2; i++)
        words[1] |= flags[random_below(fuzzer, COUNT_OF(flags))];
    words[2] = (uint64_t)invoke_restorer;
    words[3] = random_word(fuzzer) & random_word(fuzzer);
}

// Only short sleeps, and moments that have passed.
static void fill_time(struct fuzzer *fuzzer, uint64_t *words, uint32_t units)
{
    words[0] = 0;
    words[1] = random_below(fuzzer, units);
}

static void fill_timer(struct fuzzer *fuzzer, uint64_t *words)
{
    memset(words, 0, 32);
    if (one_in(fuzzer, 3))
        words[1] = random_below(fuzzer, 20000); // the interval
    words[3] = random_below(fuzzer, 5000);
}

static void fill_polls(struct fuzzer *fuzzer, uint64_t *words)
{
    struct pollfd *polls = (void *)words;
    for (unsigned i = 0; i < 8; i++) {
        polls[i] = (struct pollfd){ .fd = (int)random_below(fuzzer, 24) - 1,
                                    .events = (short)random_below(fuzzer, 64) };
    }
}

static void fill_info(struct fuzzer *fuzzer, uint64_t *words)
{
    siginfo_t *info = memset(words, 0, sizeof(*info));
    info->si_code = one_in(fuzzer, 2) ? SI_QUEUE : -(int)random_below(fuzzer, 60) - 10;
    info->si_value.sival_ptr = (void *)random_word(fuzzer);
}

static void fill_stack(struct fuzzer *fuzzer, uint64_t *words)
{
    words[0] = ARENA_STACK;
    words[1] = one_in(fuzzer, 4) ? 2 : 0; // SS_DISABLE
    words[2] = ARENA_STACK_SIZE;
}

static void fill_attributes(struct fuzzer *fuzzer, uint64_t *words)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t times[3];
    } attributes = { .size = 48, .nice = (int32_t)random_below(fuzzer, 40) - 20 };
    if (one_in(fuzzer, 3)) {
        attributes.policy = 1 + random_below(fuzzer, 2);
        attributes.priority = 1 + random_below(fuzzer, 40);
    }
    attributes.flags = random_below(fuzzer, 2);
    memset(words, 0, 256);
    memcpy(words, &attributes, sizeof(attributes));
}

// Processes that share nothing, and threads that end at once.
static void fill_clone(struct fuzzer *fuzzer, uint64_t *words)
{
    static const uint64_t flags[] = { 0,
                                      0x50f00,
                                      CLONE_VM | CLONE_VFORK,
                                      CLONE_FILES,
                                      CLONE_CHILD_SETTID,
                                      CLONE_PARENT_SETTID | CLONE_VFORK };
    memset(words, 0, 88);
    words[0] = flags[random_below(fuzzer, COUNT_OF(flags))];
    words[2] = words[3] = (uint64_t)take_room(fuzzer, 8);
    words[4] = words[0] & CLONE_THREAD ? 0 : SIGCHLD;
    if (words[0] & CLONE_VM) {
        words[5] = ARENA_STACK_TOP - 0x2000;
        words[6] = 0x2000;
    }
}

static void fill_word(struct fuzzer *fuzzer, uint32_t *words)
{
    if (one_in(fuzzer, 2)) { // a robust list or a word that others may hold
        words[0] = 0;
        words[1] = random_below(fuzzer, 2) << 30;
    }
}

static void fill_limit(struct fuzzer *fuzzer, uint64_t *words)
{
    words[0] = (64ul << 20) + random_below(fuzzer, 1u << 30);
    words[1] = ~0ul;
}

static void fill_moments(struct fuzzer *fuzzer, uint64_t *words)
{
    fill_time(fuzzer, words, 1000000000);
    fill_time(fuzzer, words + 2, 1000000000);
}

static void fill_cpus(struct fuzzer *fuzzer, uint64_t *words)
{
    memset(words, 0, 128);
    words[0] = one_in(fuzzer, 2) ? 0xff : 1ul << random_below(fuzzer, 8) | 1;
}

static void fill_poll_set(struct fuzzer *fuzzer, uint64_t *words)
{
    memset(words, 0, 128);
    words[0] = random_word(fuzzer) & 0x7ffe;
}

// Without those that faults, timer and supervisor send.
static void fill_set(struct fuzzer *fuzzer, uint64_t *words)
{
    words[0] = random_word(fuzzer) & random_word(fuzzer) & ~0x26d8ul;
    words[0] |= 1ul << (QUEUED_SIGNAL - 1);
}

static void fill_short_time(struct fuzzer *fuzzer, uint64_t *words)
{
    fill_time(fuzzer, words, 200000);
}

static void fill_shorter_time(struct fuzzer *fuzzer, uint64_t *words)
{
    fill_time(fuzzer, words, 200);
}

static void fill_priority(struct fuzzer *fuzzer, uint64_t *words)
{
    words[0] = one_in(fuzzer, 4) ? 1 + random_below(fuzzer, 40) : 0;
}

static void fill_offset(struct fuzzer *fuzzer, uint64_t *words)
{
    words[0] = random_below(fuzzer, 5000);
}

static void (*const fillers[NULL_OR_OUT])(struct fuzzer *fuzzer, uint64_t *words) = {
    [TIMESPEC] = fill_short_time,   [TIMEVAL] = fill_shorter_time,  [MOMENT] = fill_moments,
    [ITIMERVAL] = fill_timer,       [SIGNAL_SET] = fill_set,        [SIGNAL_ACTION] = fill_action,
    [SIGNAL_INFO] = fill_info,      [SIGNAL_STACK] = fill_stack,    [LIMIT] = fill_limit,
    [PRIORITY] = fill_priority,     [ATTRIBUTES] = fill_attributes, [CPU_MASK] = fill_cpus,
    [POLLS] = fill_polls,           [POLL_SET] = fill_poll_set,     [OFFSET_INOUT] = fill_offset,
    [CLONE_ARGUMENTS] = fill_clone,
};

static uint64_t make_word(struct fuzzer *fuzzer)
{
    uint64_t address = ARENA_WORDS + 64 * random_below(fuzzer, 8); // all threads'
    if (one_in(fuzzer, 4))
        address = PLAYGROUND + 64 * random_below(fuzzer, 8);
    else
        fill_word(fuzzer, (uint32_t *)address);
    return address;
}

static uint64_t make_mask_argument(struct fuzzer *fuzzer, uint64_t *words)
{
    words[0] = one_in(fuzzer, 3) ? 0 : make_struct(fuzzer, SIGNAL_SET);
    words[1] = 8;
    return (uint64_t)words;
}

uint64_t make_struct(struct fuzzer *fuzzer, enum kind kind)
{
    uint64_t *words = take_room(fuzzer, 256);
    if (kind == WORD)
        return make_word(fuzzer);
    if (kind == THREAD_POINTER) { // the one that is in force: the C library lives on it
        __asm__("movq %%fs:0, %0" : "=r"(words));
        return (uint64_t)words;
    }
    if (kind == MASK_ARGUMENT)
        return make_mask_argument(fuzzer, words);
    if (kind == NAME) {
        snprintf((char *)words, 16, "fuzz-%08x", fuzzer->slot->seed);
        return (uint64_t)words;
    }
    if (fillers[kind] != NULL)
        fillers[kind](fuzzer, words);
    if (!fuzzer->is_good && one_in(fuzzer, 6))
        words[random_below(fuzzer, WORDS)] = random_word(fuzzer);
    return (uint64_t)words;
}
