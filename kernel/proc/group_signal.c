// Signals of a terminal to a whole process group. Called by job control, also in interrupts, where
// a walk over all processes would take too long: the first piece of the walk is done at once, which
// is all of it on most days, the others by a timer. Invariant: to everybody it is as if the signals
// came at one moment: who forks meanwhile has them first, and the child has its parent's
// group_walk.

#include "proc/internal.h"

#include "proc/signal_queue.h"

#include "cpu/clock.h"

#define REQUEST_LIMIT 4u
#define PIECE_COST 1024u // a process looked at costs 1
#define SIGNAL_COST 32u
#define PAUSE_NS 100000ull // between pieces: others have interrupts

struct group_signal {
    uint32_t group; // kept (process_number_keep)
    uint64_t signals;
};

// Changed while all are locked. The first request is the one being walked for.
static struct group_signal requests[REQUEST_LIMIT];
static size_t request_count;
static uint32_t walk;
static uint32_t next_bucket; // that the walk comes to

static void continue_walk(struct timer *timer);
static struct timer walk_timer = { .callback = continue_walk };

static void send_all(struct process *process, uint64_t signals)
{
    for (; signals != 0; signals &= signals - 1) {
        struct abi_siginfo info = { .signal = __builtin_ctzll(signals) + 1, .code = SI_KERNEL };
        int error = signal_send_locked(process, NULL, &info, NULL);
        (void)error; // only real-time signals fail
    }
}

static void begin_walk(void)
{
    walk++;
    next_bucket = 0;
}

static void end_walk(void)
{
    process_number_free(requests[0].group);
    request_count--;
    for (size_t i = 0; i < request_count; i++)
        requests[i] = requests[i + 1];
    if (request_count > 0)
        begin_walk();
}

static uint32_t visit(struct process *process, const struct group_signal *request)
{
    if (process->group != request->group || process->group_walk == walk)
        return 1;
    process->group_walk = walk;
    send_all(process, request->signals);
    return 1 + SIGNAL_COST * (uint32_t)__builtin_popcountll(request->signals);
}

static void walk_piece(void)
{
    uint32_t cost = 0;
    while (request_count > 0 && cost < PIECE_COST) {
        cost++;
        if (next_bucket == PROCESS_BUCKETS) {
            end_walk();
            continue;
        }
        list_for_each (node, process_bucket_locked(next_bucket))
            cost += visit(list_entry(node, struct process, pid_link), &requests[0]);
        next_bucket++;
    }
    if (request_count > 0)
        timer_arm(&walk_timer, clock_now_ns() + PAUSE_NS);
}

static void continue_walk(struct timer *timer)
{
    process_lock_all();
    walk_piece();
    if (request_count == 0)
        job_control_signals_sent_locked();
    process_unlock_all();
}

// Adds to the last request, if the walk for it has not begun. A stop and a continuation in one
// request would lose their order.
static bool join_last(uint32_t group, uint64_t signals)
{
    if (request_count < 2 || requests[request_count - 1].group != group)
        return false;
    struct group_signal *last = &requests[request_count - 1];
    uint64_t together = last->signals | signals;
    if (together & SIGNAL_BIT(SIGTSTP) && together & SIGNAL_BIT(SIGCONT))
        return false;
    last->signals = together;
    return true;
}

static void send_at_once(uint32_t group, uint64_t signals)
{
    for_each_process(process)
    {
        if (process->group == group)
            send_all(process, signals);
    }
}

void process_group_signals_locked(uint32_t group, uint64_t signals)
{
    if (join_last(group, signals))
        return;
    if (request_count == REQUEST_LIMIT) { // the foreground changed that often within one walk
        send_at_once(group, signals);
        return;
    }
    process_number_keep(group);
    requests[request_count++] = (struct group_signal){ group, signals };
    if (request_count > 1)
        return; // the timer comes to it
    begin_walk();
    walk_piece();
}

bool process_group_signals_wait_locked(void)
{
    return request_count > 0;
}

void process_group_signals_catch_up_locked(struct process *process)
{
    if (request_count > 0)
        (void)visit(process, &requests[0]);
}
