// Shows rows 6 and 16 of kernel/README.md: every system call of the kernel, used as Linux programs
// use it, with the edge cases that Linux is known for. Runs unchanged on Linux, which is how the
// expectations were checked. Each test is a process; `ok NAME` or `BAD NAME` with what was
// expected. Exits 1 if any was bad. `syscalls [NAME]`
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_LIMIT_NS 20000000000u

static const struct {
    const struct test *tests;
    const size_t *count;
} groups[] = {
    { file_tests, &file_test_count },
    { folder_tests, &folder_test_count },
    { descriptor_tests, &descriptor_test_count },
    { pipe_tests, &pipe_test_count },
    { process_tests, &process_test_count },
    { exec_tests, &exec_test_count },
    { memory_tests, &memory_test_count },
    { time_tests, &time_test_count },
    { identity_tests, &identity_test_count },
    { system_tests, &system_test_count },
    { waiting_tests, &waiting_test_count },
    { proc_tests, &proc_test_count },
};

void explain(const char *file, int line, const char *expectation)
{
    const char *slash = strrchr(file, '/');
    printf("  %s:%d: expected %s (errno %d)\n", slash ? slash + 1 : file, line, expectation, errno);
}

static int run(void *argument)
{
    const struct test *test = argument;
    return test->run() ? 0 : 1;
}

static int judge(const struct test *test)
{
    char words[48];
    bool timed_out;
    int status = child_wait_limited(child_start(run, (void *)test), TEST_LIMIT_NS, &timed_out);
    if (status == 0)
        printf("ok %s\n", test->name);
    else
        printf("BAD %s: %s\n", test->name,
               timed_out ? "hung" : verdict_words(status, words, sizeof(words)));
    return status != 0;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int bad = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir(SCRATCH, 0755);
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        for (size_t i = 0; i < *groups[g].count; i++) {
            if (argc > 1 && strcmp(argv[1], groups[g].tests[i].name) != 0)
                continue;
            bad += judge(&groups[g].tests[i]);
            count++;
        }
    }
    printf("syscalls: %u tests, %d bad\n", count, bad);
    return bad != 0 || rmdir(SCRATCH) != 0;
}
