// What the parts of cpus share. Each trial returns 0 if all was well, and has said what was not.
#pragma once

#include "program.h"

#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#define SECOND_NS 1000000000ull

extern unsigned cpu_count;

unsigned own_cpu(void);
void set_cpu(pid_t pid, unsigned cpu); // 0: its own; a process that has ended is left alone
int end_all(const pid_t *pids, unsigned count); // how many failed or hang

// moves.c
int hop(void *duration_ns); // a uint64_t's address, as a child's argument
int pinned(uint64_t duration_ns);
int behind(void);
