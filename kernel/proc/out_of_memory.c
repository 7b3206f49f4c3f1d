// Who dies when a touched page cannot be had: the largest process, since only its end is sure to
// bring memory back, and since the one who happens to ask next is more often a bystander than the
// culprit. Init never dies of it while another can. Called by trap/ and the signal frames, in the
// thread that touched the page.
// Invariant: one process dies at a time; who waits for its end holds no spinlock, and not for ever.

#include "proc/internal.h"
#include "proc/signal.h"
#include "proc/signal_queue.h"

#include "cpu/clock.h"
#include "debug/fail.h"
#include "debug/log.h"
#include "lib/protection.h"
#include "mem/frame.h"
#include "mem/page_table.h"
#include "sched/wait.h"

#define LOOK_AGAIN_NS 1000000ull
#define PATIENCE_NS 1000000000ull // the asker may hold what the other needs to end
#define ENOUGH_FRAMES 64u         // to go on with, while the other's are still coming back

struct victim {
    struct process *process; // with a reference; NULL: there is none
    uint64_t pages;
    bool dies_already;
};

static bool is_dying(const struct process *process)
{
    return process->exiting || (process->pending_signals.set & SIGNAL_BIT(SIGKILL));
}

// Tables stay when the pages go, so that one page moved about can own as much as many.
static uint64_t count_pages(const struct address_space *space)
{
    return atomic_load_explicit(&space->resident_pages, memory_order_relaxed) +
           page_table_count(space->translation.root);
}

// Does it end too slowly to be waited for? The next one is looked for then.
static bool is_stuck_locked(struct process *process, uint64_t now_ns)
{
    if (process->dying_since_ns == 0)
        process->dying_since_ns = now_ns;
    return now_ns - process->dying_since_ns > PATIENCE_NS;
}

// One that is on its way out comes before a larger one, also when it has left its space, whose
// pages are then coming back. All are locked.
static void find_victim_locked(struct victim *victim)
{
    uint64_t now_ns = clock_now_ns();
    for_each_process(process)
    {
        struct address_space *space = atomic_load(&process->space);
        uint64_t pages = space ? count_pages(space) : 0;
        bool dies = is_dying(process);
        if (process->pid == INIT_PID || process->state != PROCESS_ALIVE || (!space && !dies) ||
            (dies && is_stuck_locked(process, now_ns)) || victim->dies_already > dies)
            continue;
        if (dies > victim->dies_already || pages >= victim->pages)
            *victim = (struct victim){ process, pages, dies };
    }
}

static struct victim choose_victim(struct process *asker)
{
    struct victim victim = { 0 };
    process_lock_all();
    find_victim_locked(&victim);
    if (!PROTECT_VICTIM && asker->pid != INIT_PID)
        victim = (struct victim){ .process = asker };
    if (victim.process)
        process_reference(victim.process);
    if (victim.process && !victim.dies_already && victim.process != asker) {
        const struct abi_siginfo info = { .signal = SIGKILL, .code = SI_KERNEL };
        (void)signal_send_locked(victim.process, NULL, &info, NULL);
    }
    process_unlock_all();
    return victim;
}

static bool memory_is_free(void)
{
    struct frame_counts frames;
    frames_count(&frames);
    return frames.free >= ENOUGH_FRAMES;
}

// Memory may have come back since the page was refused (another victim's), or lie ready at another
// CPU: then nobody needs to die. But what is free may be of no use, so the tries come to an end:
// within PATIENCE_NS of the first one. A first one is forgotten after twice that.
static bool is_worth_a_try(struct process *asker)
{
    if (!memory_is_free())
        return false;
    uint64_t now_ns = clock_now_ns(), since_ns = atomic_load(&asker->tries_since_ns);
    if (since_ns == 0 || now_ns > since_ns + 2 * PATIENCE_NS) {
        atomic_store(&asker->tries_since_ns, now_ns);
        return true;
    }
    return now_ns < since_ns + PATIENCE_NS;
}

// Not interruptible: a signal that is pending already would make it spin, and keep a victim of
// lower priority from its end.
static void pause(void)
{
    wait_prepare_alone(WAIT_UNINTERRUPTIBLE);
    (void)!wait_block(clock_now_ns() + LOOK_AGAIN_NS);
    wait_finish_alone();
}

// False: the asker is to die itself, or its patience is over.
static bool wait_for_end(struct process *asker, const struct process *victim)
{
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
    while (!memory_is_free() && victim->state == PROCESS_ALIVE) {
        if (signal_death_begin(asker) || clock_now_ns() > deadline_ns)
            return false;
        pause();
    }
    return true;
}

static void report(const struct process *process, uint64_t pages, const struct process *asker,
                   uint64_t address)
{
    if (process == asker)
        log_notice("process", "%u (%s) killed by SIGKILL: out of memory at %#llx", process->pid,
                   process->name, (unsigned long long)address);
    else
        log_notice("process",
                   "%u (%s) killed by SIGKILL: out of memory, and it has most (%llu pages); %u "
                   "(%s) asked",
                   process->pid, process->name, (unsigned long long)pages, asker->pid, asker->name);
}

// A failure on request (debug/fail.h) is its thread's own: no memory is missing.
static bool end_for_request(struct process *asker, uint64_t address)
{
    if (asker->pid != INIT_PID) {
        report(asker, 0, asker, address);
        signal_end_process(SIGKILL);
    }
    return false;
}

// One system call may fault again and again before its thread gets to the exit gate.
bool process_wait_for_memory(uint64_t address)
{
    struct process *asker = current_process();
    bool on_request = fail_memory_was_refused();
    if (signal_death_begin(asker))
        return false;
    if (on_request)
        return end_for_request(asker, address);
    if (is_worth_a_try(asker)) {
        pause();
        return true;
    }
    atomic_store(&asker->tries_since_ns, 0);
    struct victim victim = choose_victim(asker);
    bool waited = false;
    if (victim.process && victim.process != asker) {
        if (!victim.dies_already)
            report(victim.process, victim.pages, asker, address);
        waited = wait_for_end(asker, victim.process);
    }
    if (victim.process)
        process_release(victim.process);
    if (waited || signal_death_begin(asker) || (asker->pid == INIT_PID && victim.process))
        return waited;
    report(asker, victim.pages, asker, address);
    signal_end_process(SIGKILL);
    return false;
}
