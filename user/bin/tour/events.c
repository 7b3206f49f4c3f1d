// Events in the tour's table: a row with a time was recorded then; rows without are the steps that
// hardware and program take between two events. Called through events.h.
#include "events.h"

#include <stdio.h>

#define NAME_LIMIT 4

static struct {
    uint32_t thread;
    const char *name;
} names[NAME_LIMIT];
static size_t name_count;

bool ring_read(struct ring *ring, uint64_t since_tsc)
{
    const char *complaint = ring_load(ring, since_tsc);
    return complaint == NULL || expect(false, "the events can be read: %s", complaint);
}

void ring_forget_names(void)
{
    name_count = 0;
}

void ring_name(uint32_t thread, const char *name)
{
    if (name_count < NAME_LIMIT)
        names[name_count++] = (typeof(names[0])){ thread, name };
}

static bool is_named(uint32_t thread)
{
    for (size_t i = 0; i < name_count; i++)
        if (names[i].thread == thread)
            return true;
    return false;
}

// What interrupts the kernel for others is none of the scene's steps.
static bool is_shown(const struct trace_event *event)
{
    bool is_inner = (event->type == TRACE_ENTRY && event_is_in_kernel(event) &&
                     event_vector(event) != VECTOR_TIMER && is_interrupt(event_vector(event))) ||
                    (event->type == TRACE_EXIT && event->a == EXIT_TO_KERNEL);
    return is_named(event->thread) && !is_inner;
}

// The last row is what was recorded at the time; those before it led there.
static void show_rows(const struct rows *rows, uint64_t ns)
{
    for (size_t i = 0; i < rows->count; i++)
        table_row(rows->rows[i].column, i + 1 < rows->count ? TIME_UNKNOWN : ns, "%s",
                  rows->rows[i].text);
}

void ring_show(const struct ring *ring, size_t first, size_t last)
{
    table_head();
    rows_begin(ring);
    for (size_t i = 0; i < name_count; i++)
        rows_name(names[i].thread, 0, names[i].name);
    for (size_t i = first; i <= last && i < ring->count; i++) {
        const struct trace_event *event = &ring->events[i];
        struct rows rows;
        rows_of(event, &rows);
        if (is_shown(event))
            show_rows(&rows, ring_ns(ring, event->tsc - ring->events[first].tsc));
    }
    printf("\n");
}
