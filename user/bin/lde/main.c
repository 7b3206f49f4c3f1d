// `lde PROGRAM [ARGS]`: runs the program and prints what really happened, in the three columns of
// the chapter's Figures 6.1 to 6.3 (kernel/README.md, row 17). Its exit status is the program's.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lde.h"

#define EXIT_USAGE 2
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

static const char usage[] =
    "usage: lde [-a] [-e] [-t FILE] PROGRAM [ARGS]\n"
    "  runs PROGRAM and prints what the OS, the hardware and the program did, row by row\n"
    "  -a   all rows, also those that come again and again\n"
    "  -e   the program's output goes to standard error: standard output has the table alone\n"
    "  -t   the events themselves go to FILE, as /proc/trace has them when PROGRAM has ended\n";

static void interrupted(int signal)
{
    (void)signal; // Ctrl-C is for the program; an exec'd one has the default action again
}

// vfork, as the table then has the book's rows and no copy of lde's own memory.
static void run_program(struct run *run, char **argv)
{
    volatile int exec_errno = 0;
    run->own_pid = getpid();
    run->begin_tsc = read_tsc();
    pid_t pid = vfork();
    if (pid == 0) {
        execvp(argv[0], argv);
        exec_errno = errno;
        _exit(EXIT_NOT_FOUND);
    }
    while (pid > 0 && waitpid(pid, &run->status, 0) < 0 && errno == EINTR)
        continue;
    run->end_tsc = read_tsc();
    if (pid < 0)
        fail("vfork");
    run->pid = pid;
    run->exec_errno = exec_errno;
}

static int exit_status(const struct run *run)
{
    if (WIFSIGNALED(run->status))
        return 128 + WTERMSIG(run->status);
    return WEXITSTATUS(run->status);
}

static int refuse(const struct run *run, const char *program)
{
    fprintf(stderr, "lde: %s: %s\n", program, strerror(run->exec_errno));
    bool is_missing = run->exec_errno == ENOENT || run->exec_errno == ENOTDIR;
    return is_missing ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

// Written before the table, whose way out would make events of its own.
static void save_events(const struct ring *ring, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || !ring_write(ring, fd))
        fail(path);
    close(fd);
}

static bool print_table(FILE *out, const struct run *run, char **argv, bool unfolded)
{
    struct ring ring;
    char words[48];
    const char *complaint = ring_load(&ring, run->begin_tsc);
    if (complaint != NULL) {
        fprintf(stderr, "lde: %s\n", complaint);
        return false;
    }
    if (run->events_path != NULL)
        save_events(&ring, run->events_path);
    ring_keep_cpu(&ring, 0);
    rows_begin(&ring);
    fprintf(out, "lde: %s", argv[0]);
    for (size_t i = 1; argv[i] != NULL; i++)
        fprintf(out, " %s", argv[i]);
    fprintf(out, ": %s\n", verdict_words(run->status, words, sizeof(words)));
    names_give(out, &ring, run);
    fprintf(out,
            "A row's cost is the time since the one above it that has a cost; rows without are "
            "part of it.\n");
    table_print_boot(out, &ring);
    bool adds_up = table_print_run(out, &ring, run, unfolded);
    return fflush(out) == 0 && adds_up;
}

// Where the table goes; with -e, the program writes to standard error instead.
static FILE *open_table(bool apart)
{
    int fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (out == NULL || (apart && dup2(2, 1) < 0))
        fail("standard output");
    return out;
}

int main(int argc, char **argv)
{
    struct run run = { 0 };
    struct ring ring;
    bool unfolded = false, apart = false;
    for (int option; (option = getopt(argc, argv, "+aet:")) != -1;) {
        unfolded |= option == 'a';
        apart |= option == 'e';
        if (option == 't')
            run.events_path = optarg;
        if (option == '?')
            argc = 0;
    }
    if (optind >= argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    const char *complaint = ring_load(&ring, 0);
    if (complaint != NULL) {
        fprintf(stderr, "lde: %s\n", complaint);
        return 1;
    }
    FILE *out = open_table(apart);
    pin_to_cpu(0); // the table is one CPU's
    signal(SIGINT, interrupted);
    run_program(&run, argv + optind);
    if (run.exec_errno != 0)
        return refuse(&run, argv[optind]);
    return print_table(out, &run, argv + optind, unfolded) ? exit_status(&run) : 1;
}
