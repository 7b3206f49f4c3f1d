// What the rows of `measure` are made of, and what they use. A row either times a loop (`cycles`)
// or collects values of its own (`collect`); rows.c has the table, sample.c turns rows into lines.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile_marker.h"

#define SAMPLE_LIMIT 128 // values of one row

struct row {
    const char *name;
    const char *unit;
    const char *what;   // what is inside one unit, one line
    long count;         // iterations of the timed loop in one sample
    long parts;         // what a cost is divided by besides: 2 hops are in a round trip; 0 means 1
    unsigned processes; // for `prepare`
    unsigned percent;   // the quantile that is the row's value; 0: the median
    // Once before the samples, once after them, also when `prepare` failed; may be NULL.
    void (*prepare)(const struct row *row);
    void (*finish)(void);
    // The cycles that `count` iterations took, written with TIMED.
    uint64_t (*cycles)(long count);
    // Instead of `cycles`: values in the row's unit, at most SAMPLE_LIMIT; how many. 0 after a
    // failure. `count` as above.
    unsigned (*collect)(const struct row *row, long count, double *values);
};

extern const struct row rows[];
extern const unsigned row_count;

// For `prepare`, `cycles` and `collect`: the row has no value. The first call counts. Both are
// 0, so that they can be returned.
uint64_t row_failed(const char *step);                   // with errno's words, if it has any
uint64_t row_failed_call(const char *step, long result); // a call.h result: -errno
uint64_t row_skipped(const char *reason);                // not an error

// Forgets what failed before; what has failed or was skipped since, NULL: nothing.
void row_begin(void);
const char *row_problem(void);

// Frequency of the time stamp counter, and the least cost of a pair of reads and of one iteration.
void timing_calibrate(void);
// The two rows that show the latter.
unsigned pair_collect(const struct row *row, long count, double *values);
unsigned loop_collect(const struct row *row, long count, double *values);
double timing_ns(double cycles);
double timing_cycles(double ns);
// Takes the row's samples, `fixed_count` iterations in a single one where that is not 0, and prints
// its line. False when it failed.
bool row_measure(const struct row *row, long fixed_count);

extern bool timing_marked; // samples that count are bracketed for the profile

static inline uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t timing_begin(void)
{
    if (timing_marked)
        profile_begin();
    return read_tsc();
}

static inline uint64_t timing_end(void)
{
    uint64_t end = read_tsc();
    if (timing_marked)
        profile_end();
    return end;
}

// The cycles that `count` times the statement took, two reads and the loop included.
#define TIMED(count, ...)                                                                          \
    ({                                                                                             \
        uint64_t begin_ = timing_begin();                                                          \
        for (long left_ = (count); left_ > 0; left_--) {                                           \
            __VA_ARGS__;                                                                           \
            __asm__ volatile("");                                                                  \
        }                                                                                          \
        timing_end() - begin_;                                                                     \
    })

// A child; -1 and row_failed() when there is none. Where the system does not kill it with its
// parent, `body` has to return when the parent is gone: at the end of a pipe, or by asking now and
// then.
pid_t helper_start(void (*body)(void *), void *argument);
bool helper_is_orphan(void);
void helper_stop(pid_t pid); // kills and waits; nothing when pid <= 0
// Memory that helpers share; NULL and row_failed() when there is none.
void *memory_shared(unsigned long size);
// A file in memory, open and without a name; -1 and row_failed() when there is none.
int file_create(void);
