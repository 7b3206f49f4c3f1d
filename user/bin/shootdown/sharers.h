// Tasks that share the memory of a test and write to one page as fast as they can, each on a CPU of
// its own while there are enough. A fault ends the writing until the test lets them go on.
#pragma once

#include "suite.h"

#define PAGE ((size_t)4096)
#define SHARER_LIMIT 8

extern int sharer_count;
// The page that is written to, word `n` by sharer n, with growing numbers that are never 0. NULL:
// they wait.
extern _Atomic(volatile uint64_t *) target;

// As many as there are CPUs, but for one, at least one. They do nothing yet; the test keeps a CPU.
void sharers_start(void);
void sharers_stop(void);
// What a sharer does in a round instead of writing to the target: a function of its number.
void sharers_start_with(void (*work)(int number));
// All write to this page; returns once each has, or false after a few seconds.
bool sharers_write_to(volatile uint64_t *page);
// Each has faulted since. False: somebody writes on, or nothing happens for a few seconds.
bool sharers_have_faulted(void);
// Each has written since, or waits after a fault.
bool sharers_went_on(void);
uint64_t sharer_faults(void);
// A round of a test is worth it while this is true: time is left, or too few rounds were made.
bool round_begins(void);
// For a loop that waits for another task.
void let_others_run(void);
