// Runs a test program's tables of tests and judges each by its process's wait status.
#include "suite.h"

#include <stdio.h>
#include <string.h>

#define TEST_LIMIT_NS 60000000000u

void suite_explain(const char *function, int line, const char *expectation)
{
    printf("  %s:%d: expected %s (errno %d)\n", function, line, expectation, errno);
}

static int run(void *argument)
{
    const struct test *test = argument;
    bool good = test->run();
    fflush(stdout);
    return good ? 0 : 1;
}

static bool judge(const struct test *test, void (*settle)(void))
{
    char words[48];
    bool timed_out;
    int status = child_wait_limited(child_start(run, (void *)test), TEST_LIMIT_NS, &timed_out);
    if (settle != NULL)
        settle();
    if (status == 0)
        printf("ok %s\n", test->name);
    else
        printf("BAD %s: %s\n", test->name,
               timed_out ? "hung" : verdict_words(status, words, sizeof(words)));
    return status == 0;
}

unsigned suite_run(const char *program, const struct test_group *groups, size_t group_count,
                   const char *only, void (*settle)(void))
{
    unsigned count = 0, bad = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t g = 0; g < group_count; g++) {
        for (size_t i = 0; i < *groups[g].count; i++) {
            const struct test *test = &groups[g].tests[i];
            if (only != NULL && strcmp(only, test->name) != 0)
                continue;
            bad += !judge(test, settle);
            count++;
        }
    }
    printf("%s: %u tests, %u bad\n", program, count, bad);
    return bad;
}
