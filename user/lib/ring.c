// Reads the event rings and answers questions about them. Invariant: events are those of the last
// ring_load().
#include "ring.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ull

static char *buffer;
static size_t buffer_size;

// The whole file; its length, 0 when it cannot be read.
static size_t read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    if (fd < 0)
        return 0;
    for (;;) {
        if (length == buffer_size) {
            buffer_size = buffer_size ? buffer_size * 2 : 1u << 20;
            buffer = realloc(buffer, buffer_size);
            if (buffer == NULL)
                fail("no memory for the event ring");
        }
        ssize_t count = read(fd, buffer + length, buffer_size - length);
        if (count <= 0)
            break;
        length += (size_t)count;
    }
    close(fd);
    return length;
}

// Stable, and quick for what is nearly in order: an interrupt may have come before its turn.
static void sort_by_time(struct trace_event *events, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct trace_event event = events[i];
        size_t at = i;
        for (; at > 0 && events[at - 1].tsc > event.tsc; at--)
            events[at] = events[at - 1];
        events[at] = event;
    }
}

const char *ring_load(struct ring *ring, uint64_t since_tsc)
{
    size_t length = read_file("/proc/trace");
    const struct trace_file_header *header = (const void *)buffer;
    *ring = (struct ring){ .tsc_hz = 1 };
    if (length < sizeof(*header) || header->magic != TRACE_FILE_MAGIC ||
        header->version != TRACE_FILE_VERSION)
        return "the event ring cannot be read: /proc/trace";
    struct trace_event *events = (void *)(buffer + sizeof(*header));
    ring->all = ring->events = events;
    ring->all_count = ring->count = (length - sizeof(*header)) / sizeof(struct trace_event);
    ring->tsc_hz = header->tsc_hz;
    ring->zero_tsc = header->zero_tsc;
    ring->lost_count = header->lost_count;
    ring->room = header->ring_events;
    ring->event_ticks = header->event_ticks;
    sort_by_time(events, ring->count);
    while (ring->count > 0 && ring->events[0].tsc < since_tsc) {
        ring->events++;
        ring->count--;
    }
    if (ring->room == 0)
        return "tracing is off: boot with trace=on";
    return ring->count == 0 ? "the event ring has recorded nothing" : NULL;
}

void ring_keep_cpu(struct ring *ring, unsigned cpu)
{
    struct trace_event *kept = (struct trace_event *)ring->events; // of our own buffer
    size_t count = 0;

    for (size_t i = 0; i < ring->count; i++)
        if (ring->events[i].cpu == cpu)
            kept[count++] = ring->events[i];
    ring->all_count -= ring->count - count;
    ring->count = count;
}

bool ring_write(const struct ring *ring, int fd)
{
    const char *end = (const char *)(ring->all + ring->all_count);
    for (const char *at = buffer; at < end;) {
        ssize_t done = write(fd, at, (size_t)(end - at));
        if (done <= 0)
            return false;
        at += done;
    }
    return true;
}

bool is_interrupt(uint64_t vector)
{
    return vector >= VECTOR_FIRST_INTERRUPT && vector <= VECTOR_LAST_INTERRUPT;
}

uint64_t ring_ns(const struct ring *ring, uint64_t ticks)
{
    uint64_t hz = ring->tsc_hz;
    return ticks / hz * NS_PER_SECOND + ticks % hz * NS_PER_SECOND / hz; // hz < 18 GHz: no overflow
}

uint32_t event_vector(const struct trace_event *event)
{
    return (uint32_t)event->a;
}

uint32_t event_call(const struct trace_event *event)
{
    return (uint32_t)(event->a >> 32);
}

static bool is_call(const struct trace_event *event)
{
    return event->type == TRACE_ENTRY && event_vector(event) == VECTOR_SYSCALL;
}

static uint64_t plain_a(const struct trace_event *event)
{
    bool packed = event->type == TRACE_SWITCH || event->type == TRACE_ENTRY;
    return packed ? (uint32_t)event->a : event->a;
}

static uint64_t plain_b(const struct trace_event *event)
{
    if (event->type == TRACE_SWITCH)
        return event->b & 0xff;
    return is_call(event) ? event_call(event) : event->b;
}

static bool matches(const struct trace_event *event, uint32_t thread, enum trace_type type,
                    uint64_t a, uint64_t b)
{
    return event->type == type && (thread == ANY_THREAD || event->thread == thread) &&
           (a == ANY || plain_a(event) == a) && (b == ANY || plain_b(event) == b);
}

size_t ring_find(const struct ring *ring, size_t from, uint32_t thread, enum trace_type type,
                 uint64_t a, uint64_t b)
{
    for (size_t i = from; i < ring->count; i++)
        if (matches(&ring->events[i], thread, type, a, b))
            return i;
    return ring->count;
}

size_t ring_find_before(const struct ring *ring, size_t from, uint32_t thread, enum trace_type type,
                        uint64_t a, uint64_t b)
{
    for (size_t i = from < ring->count ? from : ring->count; i > 0; i--)
        if (matches(&ring->events[i - 1], thread, type, a, b))
            return i - 1;
    return ring->count;
}

size_t ring_count(const struct ring *ring, uint32_t thread, enum trace_type type, uint64_t a,
                  uint64_t b)
{
    size_t count = 0;
    for (size_t i = 0; (i = ring_find(ring, i, thread, type, a, b)) < ring->count; i++)
        count++;
    return count;
}

uint32_t ring_thread(const struct ring *ring, pid_t pid)
{
    for (size_t i = ring->all_count; i > 0; i--) {
        const struct trace_event *event = &ring->all[i - 1];
        if (event->type == TRACE_NAME && event->a >> 32 == (uint32_t)pid)
            return (uint32_t)event->a;
    }
    return ANY_THREAD;
}
