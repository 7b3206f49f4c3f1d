// Attempts to escape from ring 3, each with the verdict that it must get.
//   escape                     runs all groups
//   escape [-q] GROUP...       runs these; -q: sweeps take samples
//   escape GROUP/NAME          runs one attempt
//   escape -c GROUP/NAME       commits one in this process, without a judge
//   escape -l                  lists: group, attempt, verdict due on this machine, reason if
//   another
// A line each: `escape: GROUP NAME SEEN ok` or `... SHORT: must be VERDICT; why`; at the end
// `escape: N attempts, N as they must be, N short`. Exit status 1 when any fell short.
#include "attempt.h"
#include "bystander.h"
#include "groups.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct group *const groups[] = { GROUPS };

static int list_all(void)
{
    char words[48];
    enum reason reason;
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        for (size_t i = 0; i < groups[g]->count; i++) {
            const struct attempt *attempt = &groups[g]->attempts[i];
            const struct verdict *due = verdict_due(attempt, &reason);
            printf("%-12s %-28s %-20s %s\n", groups[g]->name, attempt->name,
                   verdict_describe(due, words, sizeof(words)), reason_words(reason));
        }
    }
    return 0;
}

// Whether "GROUP" or "GROUP/NAME" means this group; *only is the NAME, or NULL.
static bool word_means(const char *word, const struct group *group, const char **only)
{
    size_t length = strlen(group->name);
    if (strncmp(word, group->name, length) != 0 || (word[length] != '\0' && word[length] != '/'))
        return false;
    *only = word[length] == '/' ? word + length + 1 : NULL;
    return true;
}

static int commit(const char *word)
{
    const char *only;
    for (size_t g = 0; g < COUNT_OF(groups); g++)
        for (size_t i = 0; i < groups[g]->count && word_means(word, groups[g], &only); i++)
            if (only != NULL && strcmp(groups[g]->attempts[i].name, only) == 0)
                return groups[g]->attempts[i].run(&groups[g]->attempts[i]) != 0;
    return 2;
}

static int usage(void)
{
    printf("usage: escape -l | -c GROUP/NAME | [-q] [GROUP[/NAME]...]; groups:\n");
    for (size_t g = 0; g < COUNT_OF(groups); g++)
        printf("  %-12s %s\n", groups[g]->name, groups[g]->what);
    return 2;
}

// One more attempt of each group: somebody who has nothing to do with it is not touched.
static unsigned judge_beside_bystander(const struct group *group, const char *only, unsigned *count)
{
    struct bystander *bystander = bystander_start(BYSTANDER_AT_REST);
    unsigned short_count = group_judge(group, only, count);
    unsigned long rounds = bystander_rounds(bystander);
    bool touched = bystander_end(bystander) != 0;
    printf("escape: %s bystander %s (%lu rounds%s%s)\n", group->name,
           touched ? "changed SHORT: must be harmless;" : "harmless ok", rounds,
           touched ? ", " : "", touched ? record->note : "");
    ++*count;
    return short_count + touched;
}

int main(int argc, char **argv)
{
    unsigned count = 0, short_count = 0;
    const struct rlimit no_core = { 0, 0 };
    int first = 1;
    judge_begin();
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!kernel_is_ringfence())
        setrlimit(RLIMIT_CORE, &no_core);
    if (argc > 1 && strcmp(argv[1], "-l") == 0)
        return list_all();
    if (argc == 3 && strcmp(argv[1], "-c") == 0)
        return commit(argv[2]);
    if (argc > 1 && strcmp(argv[1], "-q") == 0) {
        sweeps_are_quick = true;
        first = 2;
    }
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        const char *only = NULL;
        bool chosen = first == argc;
        for (int i = first; i < argc && !chosen; i++)
            chosen = word_means(argv[i], groups[g], &only);
        if (chosen)
            short_count += judge_beside_bystander(groups[g], only, &count);
    }
    if (count == 0)
        return usage();
    printf("escape: %u attempts, %u as they must be, %u short\n", count, count - short_count,
           short_count);
    return short_count != 0;
}
