// The threads that events speak of: their names, what they are doing. Grows as they come.
#include "row_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct row_thread *threads;
static size_t thread_count, thread_room;
static const struct ring *clock_ring;

static struct row_thread *find_thread(uint32_t id)
{
    for (size_t i = 0; i < thread_count; i++)
        if (threads[i].thread == id)
            return &threads[i];
    return NULL;
}

static struct row_thread *add_thread(uint32_t id, uint32_t pid)
{
    if (thread_count == thread_room) {
        thread_room = thread_room ? thread_room * 2 : 64;
        threads = realloc(threads, thread_room * sizeof(*threads));
        if (threads == NULL)
            fail("no memory for the threads' names");
    }
    struct row_thread *thread = &threads[thread_count++];
    *thread = (struct row_thread){ .thread = id, .pid = pid, .vector = VECTOR_NONE };
    return thread;
}

struct row_thread *row_thread_of(uint32_t id)
{
    struct row_thread *thread = find_thread(id);
    if (thread == NULL) {
        thread = add_thread(id, 0);
        snprintf(thread->name, sizeof(thread->name), "thread %u", id);
    }
    return thread;
}

// The last NAME of a thread counts.
static void learn_names(const struct ring *ring)
{
    for (size_t i = 0; i < ring->all_count; i++) {
        const struct trace_event *event = &ring->all[i];
        if (event->type != TRACE_NAME)
            continue;
        struct row_thread *thread = find_thread((uint32_t)event->a);
        if (thread == NULL)
            thread = add_thread((uint32_t)event->a, (uint32_t)(event->a >> 32));
        snprintf(thread->name, sizeof(thread->name), "%.8s", (const char *)&event->b);
    }
}

void rows_begin(const struct ring *ring)
{
    thread_count = 0;
    clock_ring = ring;
    learn_names(ring);
}

void rows_name(uint32_t id, uint32_t pid, const char *name)
{
    struct row_thread *thread = row_thread_of(id);
    if (pid != 0)
        thread->pid = pid;
    snprintf(thread->name, sizeof(thread->name), "%s", name);
}

const char *row_name_of_pid(uint32_t pid)
{
    static char number[16];
    for (size_t i = 0; i < thread_count; i++)
        if (threads[i].pid == pid)
            return threads[i].name;
    snprintf(number, sizeof(number), "process %u", pid);
    return number;
}

uint64_t row_clock_ns(uint64_t tsc)
{
    return tsc > clock_ring->zero_tsc ? ring_ns(clock_ring, tsc - clock_ring->zero_tsc) : 0;
}
