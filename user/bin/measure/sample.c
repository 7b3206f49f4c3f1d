// Takes the samples of a row and prints its line. Invariant: what a loop and two reads of the
// counter cost by themselves is taken off every timed row but the two rows that show it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "program.h"

#define SAMPLES 11
#define CALIBRATIONS 9
#define CALIBRATION_LOOP 1000
#define CALIBRATION_NS 10000000u
#define CLOCK_LOOKS 20

bool timing_marked;

static double cycles_per_ns = 1;
static double pair_cycles; // two reads with nothing between
static double loop_cycles; // one iteration of TIMED with nothing in it

static char failure[96];
static char skip[96];

static bool is_well(void)
{
    return !*failure && !*skip;
}

uint64_t row_failed(const char *step)
{
    if (is_well())
        snprintf(failure, sizeof(failure), "%s%s%s", step, errno ? ": " : "",
                 errno ? strerror(errno) : "");
    return 0;
}

uint64_t row_failed_call(const char *step, long result)
{
    errno = (int)-result;
    return row_failed(step);
}

uint64_t row_skipped(const char *reason)
{
    if (is_well())
        snprintf(skip, sizeof(skip), "%s", reason);
    return 0;
}

void row_begin(void)
{
    *failure = *skip = '\0';
    errno = 0;
}

const char *row_problem(void)
{
    return *failure ? failure : *skip ? skip : NULL;
}

double timing_ns(double cycles)
{
    return cycles / cycles_per_ns;
}

double timing_cycles(double ns)
{
    return ns * cycles_per_ns;
}

static uint64_t time_nothing(long count)
{
    return TIMED(count, (void)0);
}

static double least_of_nothing(long count)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < CALIBRATIONS; i++) {
        uint64_t cycles = time_nothing(count);
        least = cycles < least ? cycles : least;
    }
    return (double)least;
}

struct instant {
    uint64_t ns, tsc;
};

// Both clocks at once: of several looks the one that nothing came between.
static struct instant look_at_clocks(void)
{
    struct instant best = { 0, 0 };
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < CLOCK_LOOKS; i++) {
        uint64_t before = read_tsc(), ns = clock_ns(), width = read_tsc() - before;
        if (width < least) {
            best = (struct instant){ ns, before + width / 2 };
            least = width;
        }
    }
    return best;
}

void timing_calibrate(void)
{
    struct instant begin = look_at_clocks();
    sleep_ns(CALIBRATION_NS);
    struct instant end = look_at_clocks();
    cycles_per_ns = (double)(end.tsc - begin.tsc) / (double)(end.ns - begin.ns);
    pair_cycles = least_of_nothing(0);
    loop_cycles = (least_of_nothing(CALIBRATION_LOOP) - pair_cycles) / CALIBRATION_LOOP;
}

unsigned pair_collect(const struct row *row, long count, double *values)
{
    for (unsigned i = 0; i < SAMPLES; i++)
        values[i] = (double)time_nothing(0);
    return SAMPLES;
}

unsigned loop_collect(const struct row *row, long count, double *values)
{
    for (unsigned i = 0; i < SAMPLES; i++)
        values[i] = ((double)time_nothing(count) - pair_cycles) / (double)count;
    return SAMPLES;
}

static double time_sample(const struct row *row, long count)
{
    long parts = row->parts ? row->parts : 1;
    double cycles = (double)row->cycles(count);
    return (cycles - pair_cycles - loop_cycles * (double)count) / (double)count / (double)parts;
}

// A first sample warms up and does not count.
static unsigned take_samples(const struct row *row, long fixed_count, double *values)
{
    unsigned samples = fixed_count ? 1 : SAMPLES;
    long count = fixed_count ? fixed_count : row->count;
    if (!row->collect)
        time_sample(row, count);
    timing_marked = true;
    if (row->collect)
        samples = row->collect(row, count, values);
    for (unsigned i = 0; i < samples && !row->collect && is_well(); i++)
        values[i] = time_sample(row, count);
    timing_marked = false;
    return samples;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

// The least one that `percent` percent do not exceed.
static double quantile(const double *sorted, unsigned count, unsigned percent)
{
    unsigned place = (count * percent + 99) / 100;
    return sorted[place ? place - 1 : 0];
}

static void print_row(const struct row *row, double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare);
    double value = quantile(values, count, row->percent ? row->percent : 50);
    printf("%s %.1f %s min %.1f max %.1f", row->name, value, row->unit, values[0],
           values[count - 1]);
    if (strcmp(row->unit, "cycles") == 0)
        printf(" ns %.1f", timing_ns(value));
    printf("\n");
}

bool row_measure(const struct row *row, long fixed_count)
{
    static double values[SAMPLE_LIMIT];
    unsigned count = 0;
    row_begin();
    if (row->prepare)
        row->prepare(row);
    if (is_well())
        count = take_samples(row, fixed_count, values);
    if (row->finish)
        row->finish();
    if (*failure)
        printf("# %s: failed: %s\n", row->name, failure);
    else if (*skip)
        printf("# %s: skipped: %s\n", row->name, skip);
    else
        print_row(row, values, count);
    fflush(stdout);
    return !*failure;
}
