// Finds what comes again and again, so that a long run stays a short table. Two events are the same
// when their rows would be, addresses and times apart.
#include "lde.h"

#define PERIOD_LIMIT 96u
#define WORTH_FOLDING 3u

static uint64_t key_a(const struct trace_event *event)
{
    switch (event->type) {
    case TRACE_SWITCH:
        return (uint32_t)event->a;
    case TRACE_SWITCHED:
    case TRACE_TIMER_ARM:
    case TRACE_TIMER_FIRE:
        return 0;
    default:
        return event->a;
    }
}

static uint64_t key_b(const struct trace_event *event)
{
    switch (event->type) {
    case TRACE_ENTRY:
    case TRACE_EXIT:
        return event->b >> 63; // from or to the kernel
    case TRACE_SWITCH:
        return event->b & 0xff;
    case TRACE_SWITCHED:
    case TRACE_FAULT:
    case TRACE_VERDICT:
    case TRACE_SHOOTDOWN:
        return 0;
    default:
        return event->b;
    }
}

static bool are_same(const struct trace_event *one, const struct trace_event *other)
{
    return one->type == other->type && one->thread == other->thread && key_a(one) == key_a(other) &&
           key_b(one) == key_b(other);
}

static size_t count_same(const struct trace_event *events, size_t first, size_t count,
                         size_t period)
{
    size_t same = 0;
    while (first + same + period < count &&
           are_same(&events[first + same], &events[first + same + period]))
        same++;
    return same / period;
}

size_t fold_find(const struct trace_event *events, size_t first, size_t count, size_t *period)
{
    if (events[first].type != TRACE_ENTRY) // the rows of others depend on what was before
        return 0;
    for (*period = 1; *period <= PERIOD_LIMIT; ++*period) {
        size_t turns = count_same(events, first, count, *period);
        if (turns >= WORTH_FOLDING)
            return turns;
    }
    return 0;
}
