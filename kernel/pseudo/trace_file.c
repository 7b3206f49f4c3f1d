// /proc/trace: who lives, the boot's steps, and the event rings of all CPUs, merged by time stamp,
// as they were at open. Called through file.c. Recording goes on meanwhile: what it overwrites
// before it was copied is counted as lost.
#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "debug/trace.h"
#include "mem/object_cache.h"
#include "proc/inspect.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/scheduler.h"

#define CURSOR_EVENTS 64u

// Where the merge stands in the ring of one CPU. Events are numbered from 0, the first since boot.
struct cursor {
    struct cursor *next;
    uint32_t cpu;
    uint64_t position, end; // numbers: next to copy from the ring, first that came after open
    uint64_t lost;          // overwritten before they were copied
    size_t index, held;     // in `events`
    struct trace_event events[CURSOR_EVENTS];
};

static void free_cursors(struct cursor *cursors)
{
    while (cursors) {
        struct cursor *next = cursors->next;
        memory_release(cursors);
        cursors = next;
    }
}

// Copies the next few events, behind what was overwritten meanwhile.
static void refill_cursor(struct cursor *cursor)
{
    uint64_t oldest;
    (void)trace_count(cursor->cpu, &oldest);
    uint64_t first = min_of(max_of(cursor->position, oldest), cursor->end);
    size_t wanted = min_of(cursor->end - first, (uint64_t)CURSOR_EVENTS);
    cursor->index = 0;
    cursor->held = wanted ? trace_copy(cursor->cpu, first, cursor->events, wanted) : 0;
    cursor->lost += first - cursor->position + wanted - cursor->held;
    cursor->position = first + wanted;
}

// The next event of this CPU; NULL when there is none.
static const struct trace_event *peek_event(struct cursor *cursor)
{
    while (cursor->index == cursor->held && cursor->position < cursor->end)
        refill_cursor(cursor);
    return cursor->index < cursor->held ? &cursor->events[cursor->index] : NULL;
}

// A cursor for every ring that holds something. False: no memory.
static bool make_cursors(struct cursor **cursors)
{
    for (uint32_t cpu = 0; cpu < CPU_LIMIT; cpu++) {
        uint64_t lost = 0;
        uint64_t count = trace_count(cpu, &lost);
        if (count == 0)
            continue;
        struct cursor *cursor = memory_allocate(sizeof(*cursor));
        if (!cursor)
            return false;
        cursor->cpu = cpu;
        cursor->lost = lost;
        cursor->position = lost;
        cursor->end = lost + count;
        cursor->next = *cursors;
        *cursors = cursor;
    }
    return true;
}

// The cursor with the oldest event; NULL when all are through.
static struct cursor *pick_oldest(struct cursor *cursors)
{
    struct cursor *oldest = NULL;
    for (struct cursor *cursor = cursors; cursor; cursor = cursor->next) {
        const struct trace_event *event = peek_event(cursor);
        if (event && (!oldest || event->tsc < peek_event(oldest)->tsc))
            oldest = cursor;
    }
    return oldest;
}

static void append_event(struct snapshot *snapshot, struct trace_file_header *header,
                         const struct trace_event *event)
{
    snapshot_append(snapshot, event, sizeof(*event));
    header->event_count++;
}

// Names of programs and their parents as they are now, for whom the rings may know none any more.
static void append_state(struct snapshot *snapshot, struct trace_file_header *header)
{
    struct process *process;

    for (uint32_t pid = 1; (process = process_find_from(pid)); process_release(process)) {
        struct process_view view;
        process_inspect(process, 0, &view);
        pid = view.pid + 1;
        struct trace_event name = { .type = TRACE_NAME,
                                    .a = view.thread_id | (uint64_t)view.pid << 32,
                                    .b = trace_short_name(view.name) };
        struct trace_event parent = { .type = TRACE_PARENT, .a = view.pid, .b = view.parent_pid };
        if (view.thread_id != 0)
            append_event(snapshot, header, &name);
        append_event(snapshot, header, &parent);
        preempt_point();
    }
}

static void append_kept(struct snapshot *snapshot, struct trace_file_header *header)
{
    const struct trace_event *events;
    size_t count = trace_kept(&events);

    for (size_t i = 0; i < count; i++)
        append_event(snapshot, header, &events[i]);
}

static void append_rings(struct snapshot *snapshot, struct trace_file_header *header,
                         struct cursor *cursors)
{
    for (struct cursor *cursor; !snapshot->failed && (cursor = pick_oldest(cursors));) {
        append_event(snapshot, header, &cursor->events[cursor->index++]);
        preempt_point();
    }
    for (struct cursor *cursor = cursors; cursor; cursor = cursor->next)
        header->lost_count += cursor->lost;
}

// The rings' cursors come first: what is recorded from then on is not of this file.
static void fill_trace(struct snapshot *snapshot)
{
    struct cursor *cursors = NULL;
    struct trace_file_header header = {
        .magic = TRACE_FILE_MAGIC,
        .version = TRACE_FILE_VERSION,
        .event_size = sizeof(struct trace_event),
        .tsc_hz = clock_tsc_hz(),
        .zero_tsc = clock_tsc_from_ns(0),
        .open_tsc = read_tsc(),
        .ring_events = trace_ring_events(),
        .cpu_count = cpu_count(),
        .event_ticks = trace_event_ticks(),
    };
    snapshot->failed = !make_cursors(&cursors);
    snapshot_append(snapshot, &header, sizeof(header));
    append_state(snapshot, &header);
    append_kept(snapshot, &header);
    append_rings(snapshot, &header, cursors);
    snapshot_replace_start(snapshot, &header, sizeof(header));
    free_cursors(cursors);
}

static int open_trace(struct file *file)
{
    return snapshot_open(file, fill_trace);
}

const struct file_operations trace_file_operations = {
    .read = snapshot_read,
    .seek = snapshot_seek,
    .release = snapshot_release,
    .open = open_trace,
};
