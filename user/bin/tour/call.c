// Scene 2: one system call of a child, with a pattern in its registers, and one with a number that
// does not exist.
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "instructions.h"
#include "kernel_log.h"

#define FIRST 0x1020304050607080u
#define UNKNOWN_CALL 100000
#define KEPT (PATTERN_ALL & ~(1u << RAX | 1u << RCX | 1u << R11))

static int64_t raw_call(uint64_t number)
{
    int64_t result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number) : "rcx", "r11", "memory");
    return result;
}

static int make_calls(void *unused)
{
    call_with_pattern(FIRST, &shared->images[0]);
    shared->results[0] = raw_call(UNKNOWN_CALL);
    return 0;
}

static void judge_events(const struct ring *ring, uint32_t thread)
{
    size_t entry = ring_find(ring, 0, thread, TRACE_ENTRY, VECTOR_SYSCALL, CALL_NUMBER);
    size_t end = ring_find(ring, entry, thread, TRACE_EXIT, ANY, ANY);
    if (!expect(end < ring->count, "the ring has A's trap and its return"))
        return;
    ring_show(ring, entry, end);
    expect(ring->events[end].b == (uint64_t)after_call,
           "it went on right behind its instruction: 0x%llx", (unsigned long long)after_call);
    expect(ring->events[end].a == 1, "the way out was the quick one, SYSRET");
}

void show_system_call(void)
{
    struct ring ring;
    shared_clear();
    uint64_t since = read_tsc();
    pid_t child = child_start(make_calls, NULL);
    int status = child_wait(child);
    if (!ring_read(&ring, since))
        return;
    uint32_t thread = ring_thread(&ring, child);
    ring_forget_names();
    ring_name(thread, "A");
    judge_events(&ring, thread);
    const struct register_image *after = &shared->images[0];
    expect(after->general[RAX] == (uint64_t)getpid(), "rax held the answer: %d, the tour itself",
           (int)getpid());
    expect(pattern_holds(after->general, FIRST, KEPT), "twelve registers came back as they were");
    expect(after->general[RCX] == (uint64_t)after_call, "rcx: where to go on, as SYSCALL left it");
    expect(shared->results[0] == -ENOSYS, "call %d does not exist: answer %lld (-ENOSYS)",
           UNKNOWN_CALL, (long long)shared->results[0]);
    expect(status == 0, "A lived through both and exited");
}
