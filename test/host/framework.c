// Runs the cases of one test program, each in a child process with a time limit, so that a crash,
// a sanitizer report or a hang fails that case only and no state passes from one to the next.
// Usage: program [--protection NAME | --list] [FILTER]
#include "test.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT_SECONDS 60

static struct test_case *first_case, **last_link = &first_case;
static uint64_t random_state = 0x9e3779b97f4a7c15ull;

void test_register(struct test_case *test)
{
    *last_link = test;
    last_link = &test->next;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "  %s:%d: ", file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1);
}

// xorshift64*, Vigna 2016
uint64_t random_number(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static const char *describe_status(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(text, size, "no end after %d s", TIME_LIMIT_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "exit status %d", WEXITSTATUS(status));
    return text;
}

static bool run_case(const struct test_case *test)
{
    struct timespec start, end;
    char text[64];
    int status = 0;

    fflush(NULL);
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child == 0) {
        alarm(TIME_LIMIT_SECONDS);
        test->run();
        fflush(NULL);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork or wait");
        exit(2);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%s %s%s%s%s (%.2f s)%s%s\n", status == 0 ? "ok  " : "FAIL", test->name,
           test->protection != NULL ? " [" : "", test->protection != NULL ? test->protection : "",
           test->protection != NULL ? "]" : "", seconds, status == 0 ? "" : ": ",
           status == 0 ? "" : describe_status(status, text, sizeof(text)));
    return status == 0;
}

static bool is_selected(const struct test_case *test, const char *protection, const char *filter)
{
    if (protection != NULL && (test->protection == NULL || strcmp(test->protection, protection)))
        return false;
    return filter == NULL || strstr(test->name, filter) != NULL;
}

int main(int argc, char **argv)
{
    const char *protection = NULL, *filter = NULL;
    unsigned passed = 0, failed = 0;
    bool list = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            list = true;
        else if (strcmp(argv[i], "--protection") == 0 && i + 1 < argc)
            protection = argv[++i];
        else
            filter = argv[i];
    }
    for (const struct test_case *test = first_case; test != NULL; test = test->next) {
        if (!is_selected(test, protection, filter))
            continue;
        if (list)
            printf("%s %s\n", test->name, test->protection != NULL ? test->protection : "-");
        else if (run_case(test))
            passed++;
        else
            failed++;
    }
    if (!list)
        printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
