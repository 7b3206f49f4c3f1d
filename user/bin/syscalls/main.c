// Shows rows 6 and 16 of kernel/README.md: every system call of the kernel, used as Linux programs
// use it, with the edge cases that Linux is known for. Runs unchanged on Linux, which is how the
// expectations were checked. Each test is a process; `ok NAME` or `BAD NAME` with what was
// expected. Exits 1 if any was bad. `syscalls [NAME]`
#include "check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct test_group groups[] = {
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
    { vdso_tests, &vdso_test_count },
    { scheduling_tests, &scheduling_test_count },
    { limit_tests, &limit_test_count },
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--map") == 0)
        return map_what_is_too_much();
    mkdir(SCRATCH, 0755);
    unsigned bad = suite_run("syscalls", groups, COUNT_OF(groups), argv[1], NULL);
    return bad != 0 || rmdir(SCRATCH) != 0;
}
