// Policies and priorities as Linux numbers them (x86-64). Shared by the kernel and its programs.
#pragma once

#include <stdint.h>

#define SCHED_OTHER 0
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_BATCH 3
#define SCHED_IDLE 5
#define SCHED_DEADLINE 6
#define SCHED_RESET_ON_FORK 0x40000000 // or'ed to the policy

// Of SCHED_FIFO and SCHED_RR.
#define REALTIME_MINIMUM 1
#define REALTIME_MAXIMUM 99

// sched_setattr(), sched_getattr(). The size grew; programs say which one they know.
struct abi_sched_attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; // of SCHED_DEADLINE
    uint32_t utilization_minimum, utilization_maximum;
};
#define SCHED_ATTRIBUTES_SIZE_0 48u // the first

#define SCHED_FLAG_RESET_ON_FORK 0x1u
#define SCHED_FLAG_KEEP_POLICY 0x8u
#define SCHED_FLAG_KEEP_PARAMS 0x10u
#define SCHED_FLAG_UTIL_CLAMP 0x60u
#define SCHED_FLAG_ALL 0x7fu
