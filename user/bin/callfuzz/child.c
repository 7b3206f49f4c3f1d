// One child: its threads, and the calls that they make.
#include "callfuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPAIR_CALLS 100u
#define FULL_REPAIR_CALLS 400u
#define THREAD_STACK 65536u

struct share {
    struct fuzzer fuzzer;
    unsigned long count;
};

// Who would be hit by a signal that ends the run: everybody, or init.
static bool hits_others(int32_t pid)
{
    return pid == -1 || pid == 1 || pid == getppid();
}

void make_harmless(size_t call, uint64_t arguments[ARGUMENT_LIMIT], int32_t self)
{
    unsigned signal_argument = 0;
    switch (calls[call].number) {
    case SYS_kill:
    case SYS_tkill:
    case SYS_rt_sigqueueinfo:
        signal_argument = 1;
        break;
    case SYS_tgkill:
    case SYS_rt_tgsigqueueinfo:
        signal_argument = 2;
        break;
    case SYS_prlimit64:
        if (hits_others((int32_t)arguments[0]))
            arguments[2] = 0;
        break;
    case SYS_syslog: // not those that silence the console
        if ((uint32_t)arguments[0] >= 6 && (uint32_t)arguments[0] <= 8)
            arguments[0] = 3;
        break;
    default:
        break;
    }
    if (signal_argument != 0 &&
        (hits_others((int32_t)arguments[0]) || hits_others((int32_t)arguments[1])))
        arguments[signal_argument] = 0;
}

static void tell(const struct fuzzer *fuzzer, const struct call *call,
                 const uint64_t arguments[ARGUMENT_LIMIT])
{
    char line[256];
    int length = snprintf(line, sizeof(line),
                          "callfuzz: seed %u thread %u depth %u call %lu: %s(%#lx, %#lx, %#lx, "
                          "%#lx, %#lx, %#lx)\n",
                          fuzzer->slot->seed, fuzzer->thread, fuzzer->depth, fuzzer->number,
                          call->name, arguments[0], arguments[1], arguments[2], arguments[3],
                          arguments[4], arguments[5]);
    (void)!write(TELL_DESCRIPTOR, line, (size_t)length);
}

static void make_call(struct fuzzer *fuzzer)
{
    size_t call = random_below(fuzzer, (uint32_t)call_count);
    while (call_is_dear(call) && !one_in(fuzzer, 4))
        call = random_below(fuzzer, (uint32_t)call_count);
    uint64_t arguments[ARGUMENT_LIMIT];
    long result;
    fuzzer->is_good = random_below(fuzzer, 8) < 5;
    fuzzer->used = 0;
    for (unsigned i = 0; i < ARGUMENT_LIMIT; i++)
        arguments[i] = make_argument(fuzzer, call, i);
    make_harmless(call, arguments, fuzzer->self);
    if (fuzzer->verbose)
        tell(fuzzer, &calls[call], arguments);
    struct tally *tally = &fuzzer->shared->tallies[call];
    atomic_fetch_add(&tally->tries, 1);
    if (!make_special(fuzzer, call, arguments, &result))
        result = invoke(calls[call].number, arguments, false);
    if (result == LONG_MIN)
        atomic_fetch_sub(&tally->tries, 1);
    else if (result >= 0 || result < -4095)
        atomic_fetch_add(&tally->successes, 1);
    if (result != LONG_MIN)
        atomic_fetch_add(&fuzzer->slot->progress, 1);
}

void make_calls(struct fuzzer *fuzzer, unsigned long count)
{
    for (unsigned long i = 1; i <= count; i++) {
        fuzzer->number++;
        make_call(fuzzer);
        if (i % REPAIR_CALLS != 0 || fuzzer->depth > 0 || fuzzer->thread > 0)
            continue;
        world_make(fuzzer, i % FULL_REPAIR_CALLS == 0 ? REPAIR_FULL : REPAIR_QUICK);
    }
}

static void *run_thread(void *argument)
{
    struct share *share = argument;
    make_calls(&share->fuzzer, share->count);
    for (;;)
        syscall(SYS_exit, 0);
}

static void start_thread(struct share *share)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &attributes, run_thread, share);
}

static void leave_the_console(void)
{
    int console = dup2(1, TELL_DESCRIPTOR), null = open("/dev/null", O_RDWR);
    int place = open(".", O_RDONLY | O_DIRECTORY);
    if (console < 0 || null < 0 || place < 0)
        fail("descriptors");
    for (int fd = 0; fd < FIRST_FIXED; fd++)
        dup2(null, fd);
    dup2(place, PLACE_DESCRIPTOR);
    for (int fd = FIRST_FIXED; fd < PLACE_DESCRIPTOR; fd++)
        close(fd);
}

_Noreturn void child_live(struct shared *shared, struct slot *slot, unsigned long count,
                          bool verbose)
{
    static struct share shares[THREAD_LIMIT];
    struct fuzzer *first = &shares[0].fuzzer;
    char name[16];
    setsid();
    snprintf(name, sizeof(name), "fuzz-%08x", slot->seed);
    prctl(PR_SET_NAME, name);
    leave_the_console();
    *first = (struct fuzzer){
        .shared = shared, .slot = slot, .chance = slot->seed, .verbose = verbose, .self = getpid()
    };
    unsigned threads = one_in(first, 2) ? 1 : 2 + random_below(first, THREAD_LIMIT - 1);
    world_make(first, REPAIR_FIRST);
    for (unsigned i = 0; i < threads; i++) {
        shares[i].fuzzer = *first;
        shares[i].fuzzer.thread = i;
        shares[i].fuzzer.chance = random_word(first);
        shares[i].count = count / threads + (i == 0 ? count % threads : 0);
    }
    for (unsigned i = 1; i < threads; i++)
        start_thread(&shares[i]);
    make_calls(first, shares[0].count);
    for (;;)
        syscall(SYS_exit_group, 0);
}
