// Hands frames to rt_sigreturn that no handler was ever given: extremes in every field, random
// words and bytes everywhere, bad addresses. Each in a child of its own, which may end in any way;
// what must go on is everybody else. `badframe [count] [seed]`; prints how the children ended.
#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define FRAME_WORDS ((8u + 304u + 128u) / 8u)
#define CONTEXT_WORDS ((8u + 304u) / 8u)
#define REGISTER_WORD (8u / 8u + 40u / 8u)
#define FPU_WORD (REGISTER_WORD + 184u / 8u) // where the frame points at the FPU state

static const uint64_t extremes[] = {
    0,
    1,
    2,
    3,
    0x08,
    0x10,
    0x0b,
    0x28,
    0x2b,
    0x30,
    0x33,
    0x40,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x7ffffffff000,
    0x7fffffffffff,
    0x800000000000,
    0x0123456789abcdef,
    0xffff7fffffffffff,
    0xffff800000000000,
    0xffffffff80000000,
    0xfffffffffffffe00, // -512, as an interrupted call would return it
    0xffffffffffffff00,
    0xfffffffffffff000,
    UINT64_MAX,
    0x00033000,         // IOPL, RF
    0x003f7fd7,         // every flag
    0x0000000000200b33, // cs with a high part
    0x002b000000000033, // the right pair
    0x002b000000000008, // ring 0's code with the right stack
    0x0010000000000008, // ring 0's pair
    0x0000000000000033, // null stack segment
};

struct mutation {
    uint32_t words;     // of the frame, replaced by extremes or random numbers
    uint32_t fpu_bytes; // of the FPU image, likewise
    bool moves_fpu;     // the image lies somewhere else, unaligned or nowhere
};

static uint64_t random_state;

static uint64_t random_word(void) // xorshift64*
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static uint64_t strange_word(uint64_t now)
{
    switch (random_word() % 4) {
    case 0:
        return random_word();
    case 1:
        return now ^ 1ull << random_word() % 64;
    default:
        return extremes[random_word() % COUNT_OF(extremes)];
    }
}

static void mutate_fpu(uint8_t *image, uint32_t count)
{
    static const uint32_t places[] = { 24,  25,  26,  27,  464, 468, 472, 480, 512, 513,
                                       519, 520, 527, 528, 536, 568, 575, 576, 832, 836 };
    for (uint32_t i = 0; i < count; i++) {
        uint64_t choice = random_word();
        uint32_t place =
            choice & 1 ? places[(choice >> 8) % COUNT_OF(places)] : (choice >> 8) % 840;
        image[place] = (uint8_t)(choice & 2 ? 0xff : random_word());
    }
}

static struct mutation plan;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    uint64_t *frame = (uint64_t *)context - 1;
    uint8_t *image = (uint8_t *)frame[FPU_WORD];
    if (image)
        mutate_fpu(image, plan.fpu_bytes);
    for (uint32_t i = 0; i < plan.words; i++) {
        uint32_t word = 1 + random_word() % (CONTEXT_WORDS - 1);
        frame[word] = strange_word(frame[word]);
    }
    if (plan.moves_fpu)
        frame[FPU_WORD] = random_word() & 1 ? strange_word(frame[FPU_WORD])
                                            : frame[FPU_WORD] + random_word() % 128;
}

static void catch_signal(int signal)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigaction(signal, &action, NULL);
}

// Handler, mutated frame, sigreturn; what comes after may be anything, but not for long.
static int try_mutation(void *argument)
{
    uint64_t number = *(const uint64_t *)argument;
    random_state = (number + 1) * 0x9e3779b97f4a7c15ull | 1;
    plan = (struct mutation){ .words = (uint32_t)(random_word() % 4),
                              .fpu_bytes = number % 3 == 0 ? random_word() % 6 : 0,
                              .moves_fpu = number % 16 == 0 };
    catch_signal(SIGUSR1);
    if (number % 5 == 0)
        catch_signal(SIGSEGV); // the refusal itself gets a frame, which is mutated as well
    alarm(2);
    raise(SIGUSR1);
    return 0;
}

static void land(void)
{
    _exit(0);
}

// One field at a time, every extreme.
static int try_extreme(void *argument)
{
    uint64_t number = *(const uint64_t *)argument;
    uint64_t frame[FRAME_WORDS] __attribute__((aligned(16)));
    uint32_t word = 1 + (uint32_t)(number / COUNT_OF(extremes));
    memset(frame, 0, sizeof(frame));
    frame[REGISTER_WORD + 15] = (uint64_t)frame & ~0xfffull; // rsp, below this function's stack
    frame[REGISTER_WORD + 16] = (uint64_t)land;
    frame[REGISTER_WORD + 17] = 0x202;
    frame[REGISTER_WORD + 18] = 0x002b000000000033;
    frame[word] = extremes[number % COUNT_OF(extremes)];
    alarm(2);
    __asm__ volatile("movq %0, %%rsp; movl %1, %%eax; syscall; ud2"
                     :
                     : "r"(frame + 1), "i"(SYS_rt_sigreturn)
                     : "rax", "rcx", "r11", "memory");
    return 0;
}

// No frame at all: RSP points where nothing, or the kernel, is.
static int try_address(void *argument)
{
    uint64_t address = extremes[*(const uint64_t *)argument % COUNT_OF(extremes)];
    __asm__ volatile("movq %0, %%rsp; movl %1, %%eax; syscall; ud2"
                     :
                     : "r"(address), "i"(SYS_rt_sigreturn)
                     : "rax", "rcx", "r11", "memory");
    return 0;
}

struct tally {
    uint32_t exited, killed, survived_limit;
};

static void run_all(const char *name, int (*body)(void *), uint64_t first, uint64_t count)
{
    struct tally tally = { 0 };
    for (uint64_t i = first; i < first + count; i++) {
        bool timed_out;
        int status = child_wait_limited(child_start(body, &i), 5000000000ull, &timed_out);
        tally.survived_limit += timed_out;
        if (WIFEXITED(status))
            tally.exited++;
        else
            tally.killed++;
    }
    printf("badframe: %s: %u exited, %u killed, %u of them for taking too long\n", name,
           tally.exited, tally.killed, tally.survived_limit);
    fflush(NULL);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? (uint64_t)number_argument(argv[1]) : 2000;
    uint64_t seed = argc > 2 ? (uint64_t)number_argument(argv[2]) : 1;
    run_all("no frame", try_address, 0, COUNT_OF(extremes));
    run_all("extremes", try_extreme, 0, (CONTEXT_WORDS - 1) * COUNT_OF(extremes));
    run_all("mutations", try_mutation, seed * 1000000, count);
    return 0;
}
