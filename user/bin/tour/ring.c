// Reads the event ring and answers questions about it; ring_rows.c shows it. Invariant: events are
// those of the last ring_read().
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

bool ring_read(struct ring *ring, uint64_t since_tsc)
{
    size_t length = read_file("/proc/trace");
    const struct trace_file_header *header = (const void *)buffer;
    *ring = (struct ring){ .tsc_hz = 1 };
    if (length < sizeof(*header) || header->magic != TRACE_FILE_MAGIC ||
        header->version != TRACE_FILE_VERSION)
        return expect(false, "the event ring can be read: /proc/trace");
    ring->events = (const void *)(buffer + sizeof(*header));
    ring->count = (length - sizeof(*header)) / sizeof(struct trace_event);
    ring->tsc_hz = header->tsc_hz;
    ring->lost_count = header->lost_count;
    while (ring->count > 0 && ring->events[0].tsc < since_tsc) {
        ring->events++;
        ring->count--;
    }
    if (ring->count == 0)
        return expect(false, "the event ring has recorded something (is trace=on?)");
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

static bool matches(const struct trace_event *event, uint32_t thread, enum trace_type type,
                    uint64_t a, uint64_t b)
{
    return event->type == type && (thread == ANY_THREAD || event->thread == thread) &&
           (a == ANY || event->a == a) && (b == ANY || event->b == b);
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
    size_t end = ring_find(ring, 0, ANY_THREAD, TRACE_PROCESS_EXIT, (uint64_t)pid, ANY);
    if (end == ring->count) // alive: who forked as this process?
        end = ring_find(ring, 0, ANY_THREAD, TRACE_FORK, ANY, (uint64_t)pid);
    return end < ring->count ? ring->events[end].thread : ANY_THREAD;
}
