// Prices what a kernel does for programs, row by row; the same program on Linux. `make bench`
// compares, `make profile` counts. One line a row:
//   NAME VALUE UNIT min MIN max MAX [ns NS]      VALUE: the median, or the quantile that NAME says
//   # NAME: skipped: REASON                      no such thing here; not an error
//   # NAME: failed: REASON                       exit status 1
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs.h"
#include "measure.h"
#include "program.h"

static const char usage[] =
    "usage: measure [-n COUNT] [ROW...]\n"
    "       measure -j JOBS [-n COUNT] ROW...\n"
    "       measure -l\n"
    "  -n COUNT  one sample of COUNT iterations, after one that warms up; for rows that\n"
    "            collect by themselves COUNT looks, milliseconds or sleeps\n"
    "  -j JOBS   so many processes at once, each on a CPU of its own; at least COUNT loops of it\n"
    "  -l        the rows' names, and what is in one unit of each\n";

static _Noreturn void refuse(const char *what, const char *why)
{
    fprintf(stderr, "measure: %s %s\n%s", what, why, usage);
    exit(2);
}

static void list_rows(void)
{
    for (unsigned i = 0; i < row_count; i++)
        printf("%-20s %-10s %s\n", rows[i].name, rows[i].unit, rows[i].what);
}

static const struct row *find_row(const char *name)
{
    for (unsigned i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    refuse(name, "is not a row");
}

static long count_argument(const char *text)
{
    char *end;
    long count = strtol(text, &end, 10);
    if (*end || end == text || count < 1 || count > 100000000)
        refuse(text, "is not a count of iterations");
    return count;
}

static bool measure_all(long count)
{
    bool good = true;
    for (unsigned i = 0; i < row_count; i++)
        good &= row_measure(&rows[i], count);
    return good;
}

static bool measure_named(char **names, long count)
{
    bool good = true;
    for (char **name = names; *name; name++)
        find_row(*name);
    timing_calibrate();
    for (char **name = names; *name; name++)
        good &= row_measure(find_row(*name), count);
    return good;
}

static bool measure_jobs(char **names, unsigned jobs, long count)
{
    bool good = true;
    for (char **name = names; *name; name++)
        find_row(*name);
    for (char **name = names; *name; name++)
        good &= jobs_measure(find_row(*name), jobs, count);
    return good;
}

int main(int argc, char **argv)
{
    long count = 0, jobs = 0;
    opterr = 0;
    for (int option; (option = getopt(argc, argv, "+lj:n:")) != -1;) {
        if (option == 'l') {
            list_rows();
            return 0;
        }
        if (option == 'n')
            count = count_argument(optarg);
        else if (option == 'j')
            jobs = count_argument(optarg);
        else
            refuse((char[]){ '-', (char)optopt, '\0' }, "is not an option, or lacks its argument");
    }
    if (jobs > JOB_LIMIT || (jobs && !argv[optind]))
        refuse("-j", jobs > JOB_LIMIT ? "is for at most 64 jobs" : "needs rows");
    pin_to_cpu(0);
    signal(SIGPIPE, SIG_IGN); // a row whose helper died has failed, no more
    if (jobs)
        return !measure_jobs(argv + optind, (unsigned)jobs, count);
    if (argv[optind])
        return !measure_named(argv + optind, count);
    timing_calibrate();
    return !measure_all(count);
}
