// What the event ring says of system calls and faults: one ENTRY and one EXIT each. Nothing to see
// where nothing is recorded, as on Linux.
#include "check.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"

#define CALLS 10

static uint32_t own_thread;

// Loads what this thread did since `since`. False: nothing is recorded.
static bool load_events(struct ring *ring, uint64_t since)
{
    if (ring_load(ring, since) != NULL)
        return false;
    own_thread = ring_thread(ring, getpid());
    return own_thread != ANY_THREAD;
}

// Of an entry: whether the thread's next event of entry or exit is one way out of the kernel.
static bool is_followed_by_exit(const struct ring *ring, size_t entry)
{
    for (size_t i = entry + 1; i < ring->count; i++) {
        const struct trace_event *event = &ring->events[i];
        if (event->thread != own_thread)
            continue;
        if (event->type == TRACE_EXIT && event->a != EXIT_TO_KERNEL)
            return true;
        if (event->type == TRACE_ENTRY && !is_interrupt(event_vector(event)))
            return false;
    }
    return false;
}

static size_t count_with_exit(const struct ring *ring, uint64_t vector, uint64_t number)
{
    size_t count = 0;
    for (size_t at = 0; at < ring->count; at++) {
        at = ring_find(ring, at, own_thread, TRACE_ENTRY, vector, number);
        count += at < ring->count && is_followed_by_exit(ring, at);
    }
    return count;
}

static bool test_record_calls(void)
{
    struct ring ring;
    uint64_t since = read_tsc();
    for (int i = 0; i < CALLS; i++)
        (void)syscall(SYS_getppid);
    if (!load_events(&ring, since))
        return true;
    EXPECT(count_with_exit(&ring, VECTOR_SYSCALL, SYS_getppid) == CALLS);
    return true;
}

static bool test_record_faults(void)
{
    struct ring ring;
    volatile char *fresh =
        mmap(NULL, CALLS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t since = read_tsc();
    EXPECT(fresh != MAP_FAILED);
    for (size_t i = 0; i < CALLS; i++)
        fresh[i * PAGE] = 1;
    if (!load_events(&ring, since))
        return true;
    EXPECT(count_with_exit(&ring, VECTOR_PAGE_FAULT, ANY) >= CALLS);
    return true;
}

const struct test record_tests[] = {
    { "record-calls", test_record_calls },
    { "record-faults", test_record_faults },
};
const size_t record_test_count = COUNT_OF(record_tests);
