// Policies and priorities as Linux numbers them (x86-64). Shared by the kernel and its programs.
#pragma once

#include <stdint.h>

#define SCHED_OTHER 0
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_BATCH 3
#define SCHED_IDLE 5
#define SCHED_DEADLINE 6
#define SCHED_RESET_ON_FORK 0x40000000u // or'ed to the policy

// Of SCHED_FIFO and SCHED_RR.
#define REALTIME_MINIMUM 1
#define REALTIME_MAXIMUM 99
