// Runs a forbidden act in a child. The verdict comes from the wait status and from the event ring:
// which exception, at which instruction, what the kernel made of it.
#include "refused.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static void show_end(const struct ring *ring, uint32_t thread, size_t fault)
{
    size_t entry = ring_find_before(ring, fault, thread, TRACE_ENTRY, ANY, ANY);
    size_t end = ring_find(ring, fault, thread, TRACE_PROCESS_EXIT, ANY, ANY);
    ring_forget_names();
    ring_name(thread, "A");
    ring_show(ring, entry, end);
}

void refused_run(const struct forbidden *forbidden, bool show)
{
    struct ring ring;
    char words[48];
    uint64_t since = read_tsc();
    pid_t child = child_start(forbidden->act, forbidden->argument);
    int status = child_wait(child);
    if (!ring_read(&ring, since))
        return;
    uint32_t thread = ring_thread(&ring, child);
    uint64_t where = forbidden->vector == VECTOR_PAGE_FAULT ? forbidden->address
                                                            : (uint64_t)forbidden->instruction;
    size_t fault = ring_find(&ring, 0, thread, TRACE_FAULT, forbidden->vector, where);
    size_t verdict =
        ring_find(&ring, fault, thread, TRACE_VERDICT, SIGSEGV, (uint64_t)forbidden->instruction);
    if (show && fault < ring.count)
        show_end(&ring, thread, fault);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
    if (killed && verdict < ring.count)
        expect(true, "%s: exception %u at 0x%llx, SIGSEGV", forbidden->what, forbidden->vector,
               (unsigned long long)forbidden->instruction);
    else
        expect(false, "%s: exception %u and SIGSEGV (the child %s)", forbidden->what,
               forbidden->vector, verdict_words(status, words, sizeof(words)));
}
