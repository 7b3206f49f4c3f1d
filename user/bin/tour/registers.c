// Scene 8: both register sets of a process that waits, as /proc/PID/registers shows them, and what
// it finds in its registers when it goes on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "instructions.h"
#include "kernel_log.h"

#define ARCH_SET_GS 0x1001
#define ALARM_SECONDS 10 // ends a child that nobody releases
#define LOOK_LIMIT 400
#define LOOK_PAUSE_NS 5000000u
#define CONTEXT_COUNT 8

static const uint64_t firsts[2] = { 0xa000a000a000a000u, 0xb000b000b000b000u };
static const char *const general_names[REGISTER_COUNT] = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};
static const char *const context_names[CONTEXT_COUNT] = { "rbx", "rbp", "r12", "r13",
                                                          "r14", "r15", "rip", "rsp" };

// What the file says of one process.
struct two_sets {
    uint64_t user[REGISTER_COUNT], user_rip;
    uint64_t kernel[CONTEXT_COUNT];
    unsigned user_seen, kernel_seen; // how many lines were understood
    unsigned long vector;            // by which the program entered the kernel
    char place[64];                  // the name of kernel rip
};

static int hold(void *which)
{
    static uint64_t words[2]; // at different addresses, so that the GS bases differ
    size_t index = (size_t)which;
    words[index] = firsts[index] ^ 1;
    alarm(ALARM_SECONDS);
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &words[index]) != 0)
        return 1;
    hold_pattern(firsts[index], &shared->images[index]);
    __asm__ volatile("movq %%gs:0, %0" : "=r"(shared->images[index].gs_word));
    return 0;
}

static void parse_user(struct two_sets *sets, const char *name, const char *value)
{
    if (strcmp(name, "rip") == 0)
        sets->user_rip = strtoull(value, NULL, 16);
    if (strcmp(name, "entered") == 0)
        (void)sscanf(value, "by vector %lu", &sets->vector);
    for (size_t i = 0; i < REGISTER_COUNT; i++)
        if (strcmp(name, general_names[i]) == 0) {
            sets->user[i] = strtoull(value, NULL, 16);
            sets->user_seen++;
        }
}

static void parse_kernel(struct two_sets *sets, const char *name, const char *value)
{
    for (size_t i = 0; i < CONTEXT_COUNT; i++)
        if (strcmp(name, context_names[i]) == 0) {
            char *end;
            sets->kernel[i] = strtoull(value, &end, 16);
            sets->kernel_seen++;
            if (strcmp(name, "rip") == 0)
                (void)sscanf(end, " %63s", sets->place);
        }
}

static bool read_sets(pid_t pid, struct two_sets *sets)
{
    char path[40], line[128], set[16], name[16];
    int rest;
    memset(sets, 0, sizeof(*sets));
    snprintf(path, sizeof(path), "/proc/%d/registers", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%15s %15s %n", set, name, &rest) != 2)
            continue;
        if (strcmp(set, "user") == 0)
            parse_user(sets, name, line + rest);
        else if (strcmp(set, "kernel") == 0)
            parse_kernel(sets, name, line + rest);
    }
    fclose(file);
    return sets->user_seen == REGISTER_COUNT && sets->kernel_seen == CONTEXT_COUNT;
}

static bool is_holding(const struct two_sets *sets)
{
    return sets->user_rip >= (uint64_t)hold_begin && sets->user_rip < (uint64_t)hold_end &&
           sets->vector == VECTOR_TIMER;
}

// Waits until the timer has taken the process off while it held its pattern.
static bool catch_holding(pid_t pid, struct two_sets *sets)
{
    for (int i = 0; i < LOOK_LIMIT; i++) {
        if (read_sets(pid, sets) && is_holding(sets))
            return true;
        sleep_ns(LOOK_PAUSE_NS);
    }
    return false;
}

static void show_sets(const struct two_sets *sets)
{
    gap();
    note("A's user registers, saved by hardware and entry code on its kernel stack");
    for (size_t i = 0; i < REGISTER_COUNT; i += 3) {
        for (size_t k = i; k < i + 3 && k < REGISTER_COUNT; k++)
            printf("  %4s %016llx", general_names[k], (unsigned long long)sets->user[k]);
        printf("\n");
    }
    note(" rip %016llx, inside its loop; entered by vector 0x%lx, the timer",
         (unsigned long long)sets->user_rip, sets->vector);
    printf("\n");
    note("A's kernel registers, saved by switch_context(), found by its process entry");
    for (size_t i = 0; i < CONTEXT_COUNT; i += 2)
        printf("  %4s %016llx  %4s %016llx\n", context_names[i],
               (unsigned long long)sets->kernel[i], context_names[i + 1],
               (unsigned long long)sets->kernel[i + 1]);
    gap();
}

static void judge_sets(const struct two_sets *a, const struct two_sets *b)
{
    uint64_t rip = a->kernel[6], rsp = a->kernel[7];
    expect(pattern_holds(a->user, firsts[0], PATTERN_ALL) &&
               pattern_holds(b->user, firsts[1], PATTERN_ALL),
           "the user sets are the patterns of A and of B");
    bool is_switch = strncmp(a->place, "schedule+", 9) == 0 ||
                     strncmp(a->place, "switch_to+", 10) == 0; // as the compiler arranged them
    expect(rip >> 63 && is_switch, "A's kernel goes on behind the switch: 0x%llx, %s",
           (unsigned long long)rip, a->place);
    expect(b->kernel[6] == rip, "so does B's, at the same place");
    expect(rsp >> 63 && b->kernel[7] >> 63 && rsp != b->kernel[7],
           "each has a kernel stack: at 0x%llx and 0x%llx", (unsigned long long)rsp,
           (unsigned long long)b->kernel[7]);
}

static void judge_images(const int *statuses)
{
    for (size_t i = 0; i < 2; i++) {
        const struct register_image *image = &shared->images[i];
        char name = i == 0 ? 'A' : 'B';
        expect(pattern_holds(image->general, firsts[i], PATTERN_ALL),
               "%c went on with every general register as it was", name);
        expect(pattern_vectors_hold(image, firsts[i]) && image->gs_word == (firsts[i] ^ 1),
               "and %c with its vector registers and GS base", name);
        expect(statuses[i] == 0, "%c came to its end", name);
    }
}

void show_switch(void)
{
    struct two_sets sets[2];
    pid_t pids[2];
    int statuses[2];
    if (kernel_timer_is_off()) {
        not_shown("  This boot has timer=off: nobody would take the CPU from these two.");
        return;
    }
    shared_clear();
    for (size_t i = 0; i < 2; i++)
        pids[i] = child_start(hold, (void *)i);
    bool caught = catch_holding(pids[0], &sets[0]) && catch_holding(pids[1], &sets[1]);
    atomic_store(&shared->release, 1);
    for (size_t i = 0; i < 2; i++)
        statuses[i] = child_wait(pids[i]);
    if (expect(caught, "the timer stopped both of them, and /proc/PID/registers shows them")) {
        show_sets(&sets[0]);
        judge_sets(&sets[0], &sets[1]);
    }
    judge_images(statuses);
}
