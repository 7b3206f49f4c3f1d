// Shows rows 3 and 10 of kernel/README.md: one offender per kind of illegal act, each in a process
// of its own, and its wait status compared with the tables of this folder.
//   offend list          names, and what must become of each
//   offend all           runs every one; a line each: `ok`, `BAD` or `skip`; exit 1 if any was BAD
//   offend NAME          commits the act in this process
#include "offend.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ACT_LIMIT_NS 20000000000u
#define HWCAP2_FSGSBASE 2

static const struct {
    const struct offence *offences;
    const size_t *count;
} groups[] = {
    { memory_offences, &memory_offence_count },
    { privileged_offences, &privileged_offence_count },
    { trap_offences, &trap_offence_count },
    { state_offences, &state_offence_count },
};

static const char *reason_to_skip(const struct offence *offence)
{
    if ((offence->notes & NEEDS_XSAVE) && !cpuid_bit(1, 2, 27))
        return "no XSAVE";
    if ((offence->notes & NEEDS_FSGSBASE) && !(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
        return "no FSGSBASE";
    return NULL;
}

// The set of acceptable signals as bits; bit 0: harmless.
static uint64_t acceptable_ends(const struct offence *offence)
{
    unsigned notes = offence->notes;
    uint64_t ends = 1ull << offence->signal;
    if ((notes & AMD_SAYS_ILL) && cpu_is_amd())
        ends = 1ull << SIGILL;
    if ((notes & LINUX_ALLOWS) && !kernel_is_ringfence())
        ends = 1;
    if ((notes & UMIP_DECIDES) && !(kernel_is_ringfence() && cpuid_bit(7, 2, 2)))
        ends = 1;
    if ((notes & EMULATOR_BLIND) && cpu_is_emulated())
        ends |= 1;
    if ((notes & EMULATOR_KILLS) && cpu_is_emulated())
        ends |= 1ull << SIGSEGV;
    if ((notes & EMULATOR_SAYS_ILL) && cpu_is_emulated())
        ends |= 1ull << SIGILL;
    return ends;
}

static bool status_is_acceptable(int status, uint64_t ends)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == 0 && (ends & 1);
    return WIFSIGNALED(status) && (ends >> WTERMSIG(status) & 1);
}

static const char *expected_words(uint64_t ends, char *buffer, size_t size)
{
    size_t used = (size_t)snprintf(buffer, size, "%s", ends & 1 ? "harmless" : "");
    for (int signal = 1; signal < 32; signal++)
        if (ends >> signal & 1)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? " or " : "",
                                     signal_word(signal));
    return buffer;
}

static int commit(void *argument)
{
    const struct offence *offence = argument;
    return offence->act();
}

// 1 when the verdict was wrong.
static int judge(const struct offence *offence)
{
    char words[64], expected[64];
    bool timed_out;
    const char *skip = reason_to_skip(offence);
    if (skip != NULL) {
        printf("skip %s: %s\n", offence->name, skip);
        return 0;
    }
    pid_t pid = child_start(commit, (void *)offence);
    int status = child_wait_limited(pid, ACT_LIMIT_NS, &timed_out);
    uint64_t ends = acceptable_ends(offence);
    verdict_words(status, words, sizeof(words));
    if (!timed_out && status_is_acceptable(status, ends)) {
        printf("ok %s: %s\n", offence->name, words);
        return 0;
    }
    printf("BAD %s: %s, expected %s\n", offence->name, timed_out ? "hung" : words,
           expected_words(ends, expected, sizeof(expected)));
    return 1;
}

static int judge_all(void)
{
    int bad = 0;
    unsigned judged = 0;
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        for (size_t i = 0; i < *groups[g].count; i++, judged++)
            bad += judge(&groups[g].offences[i]);
    }
    printf("offend: %u acts, %d wrong verdicts\n", judged, bad);
    return bad != 0;
}

static int list_all(void)
{
    char expected[64];
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        for (size_t i = 0; i < *groups[g].count; i++) {
            const struct offence *offence = &groups[g].offences[i];
            printf("%-24s %s\n", offence->name,
                   expected_words(acceptable_ends(offence), expected, sizeof(expected)));
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit no_core = { 0, 0 };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list_all();
    if (!kernel_is_ringfence())
        setrlimit(RLIMIT_CORE, &no_core);
    if (argc == 2 && strcmp(argv[1], "all") == 0)
        return judge_all();
    if (argc == 2 && strcmp(argv[1], "nothing") == 0)
        return 0;
    for (size_t g = 0; argc == 2 && g < COUNT_OF(groups); g++)
        for (size_t i = 0; i < *groups[g].count; i++)
            if (strcmp(groups[g].offences[i].name, argv[1]) == 0)
                return groups[g].offences[i].act();
    printf("usage: offend all | list | NAME\n");
    return 2;
}
