// Debug builds: failures on request, so that every error path can be walked. A point is a place
// that may fail for a reason no program controls: an allocation, a copy from or to user memory. A
// thread's plan names the one that fails next; `fail=` fails one in so many, in all programs. What
// interrupts and kernel threads do never fails. Lean builds have nothing of this.
#pragma once

#include "cpu/percpu.h"
#include "lib/protection.h"

enum fail_kind { FAIL_FRAME, FAIL_OBJECT, FAIL_STACK, FAIL_TABLE, FAIL_COPY, FAIL_KIND_COUNT };

// A thread's; used by that thread alone. All zero: no failure is wanted.
struct fail_plan {
#if DEBUG_CHECKS
    uint32_t remaining; // points up to and with the one that fails; 0: it has
    uint8_t kinds;      // which kinds count, a bit each
    uint8_t calls_left; // system calls that may begin before the plan is over
    bool armed;
    bool goes_on;        // so do all behind the one that fails
    bool exempt;         // from `fail=`
    bool memory_refused; // an allocation failed on request in this call
#endif
};

// The kinds that a word stands for, a bit each: a kind's name, "memory" or "any". 0: unknown.
must_check uint32_t fail_kinds_named(const char *word, size_t length);
const char *fail_kind_name(enum fail_kind kind);
// Of the points of these kinds that the running thread passes from now on until it has made one
// system call and begins another, the n-th fails, and those behind it if it `goes_on`. n 0: none
// does. Not for kernel threads.
void fail_plan_arm(uint32_t kinds, uint32_t n, bool goes_on);
// How many points were missing to the failure when the last plan ended; 0: it was injected.
uint32_t fail_plan_remaining(void);
// "KIND:N": from now on every N-th point of that kind fails, whatever thread passes it, but for the
// running one. False: the text says something else.
must_check bool fail_begin(const char *text);
// A thread enters the kernel by a system call. Interrupts are off.
void fail_call_begins(void);

// Around an interrupt's handler, which is not the interrupted thread's doing.
static inline struct fail_plan *fail_pause(void)
{
    struct fail_plan *plan = NULL;

    if (DEBUG_CHECKS) {
        plan = this_cpu()->fail_plan;
        this_cpu()->fail_plan = NULL;
    }
    return plan;
}
static inline void fail_resume(struct fail_plan *plan)
{
    if (DEBUG_CHECKS)
        this_cpu()->fail_plan = plan;
}

#define FAIL_TRAIL_LENGTH 8u
struct fail_report {
    uint64_t injected[FAIL_KIND_COUNT];
    // Of the last one; as good as the reader is alone.
    enum fail_kind kind;
    uint64_t trail[FAIL_TRAIL_LENGTH]; // return addresses, innermost first; 0 behind the last
};
void fail_report_get(struct fail_report *report);

must_check bool fail_take_refusal(void);
// Has an allocation of the running thread failed on request, since its last system call began and
// since this was asked last?
static inline bool fail_memory_was_refused(void)
{
    return DEBUG_CHECKS && this_cpu()->fail_plan && fail_take_refusal();
}
must_check bool fail_decide(enum fail_kind kind);
// Is this point to fail?
static inline bool fail_here(enum fail_kind kind)
{
    return DEBUG_CHECKS && this_cpu()->fail_plan && unlikely(fail_decide(kind));
}
