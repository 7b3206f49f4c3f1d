// What each file of rows offers to the table in rows.c; struct row says what the functions are.
#pragma once

#include "measure.h"

#define CYCLES(name) uint64_t name(long count)
#define COLLECT(name) unsigned name(const struct row *row, long count, double *values)
#define PREPARE(name) void name(const struct row *row)

// calls.c
CYCLES(null_call);
CYCLES(unknown_call);
PREPARE(zero_prepare);
PREPARE(null_prepare);
PREPARE(pipe_prepare);
void descriptors_finish(void);
CYCLES(empty_read);
CYCLES(byte_write);
CYCLES(byte_through_pipe);
CYCLES(yield_alone);
PREPARE(yield_prepare);
CYCLES(yield_two);
void yield_finish(void);

// pipes.c
PREPARE(ring_prepare);
CYCLES(ring_laps);
void ring_finish(void);
PREPARE(flood_prepare);
CYCLES(flood);
void flood_finish(void);

// clocks.c
PREPARE(vdso_prepare);
CYCLES(clock_library);
CYCLES(clock_raw);
COLLECT(step_collect);

// processes.c
PREPARE(exec_prepare);
CYCLES(fork_exit);
CYCLES(fork_exec);
CYCLES(vfork_exec);

// memory.c
CYCLES(fault_anonymous);
PREPARE(fault_file_prepare);
CYCLES(fault_file_shared);
CYCLES(fault_file_private);
void fault_file_finish(void);
CYCLES(map_untouched);
CYCLES(map_touched);

// files.c
PREPARE(file_prepare);
CYCLES(open_close);
CYCLES(file_stat);
void file_finish(void);

// signals.c
PREPARE(signal_prepare);
CYCLES(signal_install);
CYCLES(signal_deliver);
void signal_finish(void);

// threads.c
PREPARE(futex_prepare);
CYCLES(futex_hops);
void futex_finish(void);
PREPARE(thread_prepare);
CYCLES(thread_create_join);

// spin.c
PREPARE(spin_prepare);
COLLECT(lone_rate);
COLLECT(lone_loss);
COLLECT(lone_gap);
COLLECT(two_rate);
COLLECT(two_loss);
COLLECT(ignored_timer);

// sleeps.c
COLLECT(overshoot_idle);
COLLECT(overshoot_loaded);
