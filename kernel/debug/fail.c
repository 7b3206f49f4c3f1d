// Which point fails (fail.h). Called by allocators and user copies at each point, by the
// system-call entry, and by /proc. Invariant: a plan is touched by its thread only, which stays on
// its CPU between two points at which it may be switched away from; so nothing here takes a lock.
#include "debug/fail.h"

#include <stdatomic.h>

#include "lib/string.h"

#if DEBUG_CHECKS

#define EVERY_KIND ((1u << FAIL_KIND_COUNT) - 1)
#define DIGIT_LIMIT 9u

static const char *const kind_names[FAIL_KIND_COUNT] = {
    [FAIL_FRAME] = "frame", [FAIL_OBJECT] = "object", [FAIL_STACK] = "stack",
    [FAIL_TABLE] = "table", [FAIL_COPY] = "copy",
};

// `fail=`: one in `period` points of these kinds; 0: none. Set once, before the first program.
static uint32_t period, period_kinds;
static atomic_uint period_points;

static atomic_ullong injected[FAIL_KIND_COUNT];
static enum fail_kind last_kind;
static uint64_t last_trail[FAIL_TRAIL_LENGTH];

static bool is_word(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

uint32_t fail_kinds_named(const char *word, size_t length)
{
    if (is_word(word, length, "any"))
        return EVERY_KIND;
    if (is_word(word, length, "memory"))
        return EVERY_KIND & ~(1u << FAIL_COPY);
    for (uint32_t kind = 0; kind < FAIL_KIND_COUNT; kind++) {
        if (is_word(word, length, kind_names[kind]))
            return 1u << kind;
    }
    return 0;
}

const char *fail_kind_name(enum fail_kind kind)
{
    return kind_names[kind];
}

void fail_plan_arm(uint32_t kinds, uint32_t n, bool goes_on)
{
    struct fail_plan *plan = this_cpu()->fail_plan;

    if (!plan)
        return;
    plan->remaining = n;
    plan->kinds = (uint8_t)kinds;
    plan->calls_left = 1;
    plan->goes_on = goes_on;
    plan->armed = n > 0;
}

uint32_t fail_plan_remaining(void)
{
    const struct fail_plan *plan = this_cpu()->fail_plan;

    return plan ? plan->remaining : 0;
}

bool fail_begin(const char *text)
{
    const char *colon = strchr(text, ':');
    uint32_t every = 0;

    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) > DIGIT_LIMIT)
        return false;
    uint32_t kinds = fail_kinds_named(text, (size_t)(colon - text));
    for (const char *digit = colon + 1; *digit; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        every = every * 10 + (uint32_t)(*digit - '0');
    }
    if (kinds == 0 || every == 0)
        return false;
    if (this_cpu()->fail_plan)
        this_cpu()->fail_plan->exempt = true;
    period_kinds = kinds;
    period = every;
    return true;
}

void fail_call_begins(void)
{
    struct fail_plan *plan = this_cpu()->fail_plan;

    if (!plan)
        return;
    plan->memory_refused = false;
    if (!plan->armed)
        return;
    if (plan->calls_left > 0)
        plan->calls_left--;
    else
        plan->armed = false;
}

// Frame pointers lead from here to the entry, which set the outermost to zero.
static void note_trail(const uint64_t *frame)
{
    for (uint32_t i = 0; i < FAIL_TRAIL_LENGTH; i++) {
        last_trail[i] = frame ? frame[1] : 0;
        frame = frame ? (const uint64_t *)frame[0] : NULL;
    }
}

static bool is_in_plan(struct fail_plan *plan, enum fail_kind kind)
{
    if (!(plan->kinds & 1u << kind) || (plan->remaining > 0 && --plan->remaining > 0))
        return false;
    plan->armed = plan->goes_on;
    return true;
}

static bool is_in_period(const struct fail_plan *plan, enum fail_kind kind)
{
    if (period == 0 || !(period_kinds & 1u << kind) || plan->exempt)
        return false;
    return (atomic_fetch_add(&period_points, 1) + 1) % period == 0;
}

bool fail_decide(enum fail_kind kind)
{
    struct fail_plan *plan = this_cpu()->fail_plan;

    if (!(plan->armed ? is_in_plan(plan, kind) : is_in_period(plan, kind)))
        return false;
    plan->memory_refused |= kind != FAIL_COPY;
    atomic_fetch_add(&injected[kind], 1);
    last_kind = kind;
    note_trail(__builtin_frame_address(0));
    return true;
}

bool fail_take_refusal(void)
{
    struct fail_plan *plan = this_cpu()->fail_plan;
    bool refused = plan->memory_refused;

    plan->memory_refused = false;
    return refused;
}

void fail_report_get(struct fail_report *report)
{
    report->kind = last_kind;
    memcpy(report->trail, last_trail, sizeof(report->trail));
    for (uint32_t kind = 0; kind < FAIL_KIND_COUNT; kind++)
        report->injected[kind] = atomic_load(&injected[kind]);
}

#endif
