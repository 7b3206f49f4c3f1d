// Makes system calls at random and watches that the kernel bears it; runs on Linux as well, in a
// machine that may be harmed. Children come and go; after each round of them nothing may be left.
//   callfuzz [-s SEED] [-n CALLS] [-c CALLS OF A CHILD] [-j CHILDREN AT ONCE] [-r CHILDREN OF A
//     ROUND] [-v]
// Child i has the seed SEED + i, and bears it in its name: `callfuzz -s ITS-SEED -n CALLS -j 1`
// repeats it, with -v naming each call before it is made. Exits 0 when nothing was left and each
// call succeeded in at least a fifth of its tries, where success is possible.
#include "callfuzz.h"
#include "supervise.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARED_PLACE 0x1f0000000ul // below everything that children change
#define CHANCE 15u                 // this many successes less are chance in a short run

// Calls that always say no here.
static const char *const refused[] = { "mount", "umount2", "rseq" };

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (strcmp(refused[i], name) == 0)
            return true;
    }
    return false;
}

// How often each call was tried and succeeded. How many fell short.
static unsigned print_tallies(struct shared *shared)
{
    unsigned short_count = 0;
    for (size_t i = 0; i < call_count; i++) {
        unsigned long tries = atomic_load(&shared->tallies[i].tries);
        unsigned long successes = atomic_load(&shared->tallies[i].successes);
        bool is_short = (successes + CHANCE) * 5 < tries;
        const char *remark = is_refused(calls[i].name) ? " refused" : is_short ? " SHORT" : "";
        short_count += remark[0] == ' ' && remark[1] == 'S';
        printf("callfuzz:   %-24s %8lu %8lu%s\n", calls[i].name, tries, successes, remark);
    }
    return short_count;
}

static struct options parse(int argc, char **argv)
{
    struct options options = {
        .calls = 100000, .child_calls = 2000, .at_once = 8, .round_children = 64
    };
    bool has_seed = false;
    for (int option; (option = getopt(argc, argv, "s:n:c:j:r:v")) != -1;) {
        unsigned long value = option == '?' || option == 'v' ? 0 : strtoul(optarg, NULL, 0);
        if (option == 's')
            options.seed = (uint32_t)value, has_seed = true;
        else if (option == 'n')
            options.calls = value;
        else if (option == 'c')
            options.child_calls = value;
        else if (option == 'j')
            options.at_once = value < SLOT_LIMIT ? (unsigned)value : SLOT_LIMIT;
        else if (option == 'r')
            options.round_children = (unsigned)value;
        else if (option == 'v')
            options.verbose = true;
        else
            exit(2);
    }
    if (!has_seed)
        options.seed = (uint32_t)clock_ns();
    if (options.child_calls == 0 || options.at_once == 0)
        exit(2);
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct shared *shared = mmap((void *)SHARED_PLACE, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (shared == MAP_FAILED)
        fail("shared memory");
    printf("callfuzz: seed %u, %lu calls, %lu by each child, %u children at once\n", options.seed,
           options.calls, options.child_calls, options.at_once);
    fflush(stdout);
    calls_prepare();
    unsigned bad = supervise(shared, &options);
    unsigned short_count = print_tallies(shared);
    printf("callfuzz: %zu calls in the table, %u short of a fifth, %u bad\n", call_count,
           short_count, bad);
    return bad + short_count != 0;
}
