// Signals to many at once, for kill, job control and exit, also in interrupts, where a walk over
// all processes would take too long: its first piece is done at once, which is all of it on most
// days, the others by a timer, or by the thread that called kill. Invariant: to everybody it is as
// if the signals came at one moment, one walk after the other: who forks meanwhile is visited
// first, and the child has its parent's group_walk.

#include "proc/internal.h"

#include "proc/signal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "sched/scheduler.h"

#define EVERYBODY 0u       // no group has this number
#define KERNEL_REQUESTS 4u // walks that wait
#define PIECE_COST 1024u   // a process looked at costs 1
#define SIGNAL_COST 32u
#define PAUSE_NS 100000ull // between pieces: others have interrupts

struct group_signal {
    struct list_node link;
    uint32_t group; // kept (process_number_keep); EVERYBODY: but init and the sender
    bool waits;     // it is in `requests`
    uint64_t signals;
    // Of kill, else NULL:
    const struct abi_siginfo *info;
    const struct process *sender;
    int result;
};

// Changed while all are locked. The first request is the one being walked for.
static struct list_node requests = LIST_HEAD_INIT(requests);
static struct group_signal kernel_requests[KERNEL_REQUESTS];
static uint32_t walk;
static uint32_t next_bucket; // that the walk comes to

static void continue_walk(struct timer *timer);
static struct timer walk_timer = { .callback = continue_walk };

static struct group_signal *first_request(void)
{
    return list_first(&requests, struct group_signal, link);
}

static bool is_meant(const struct process *process, const struct group_signal *request)
{
    if (request->group == EVERYBODY)
        return process != request->sender && process->pid != INIT_PID;
    return process->group == request->group;
}

static void send_all(struct process *process, uint64_t signals)
{
    for (; signals != 0; signals &= signals - 1) {
        struct abi_siginfo info = { .signal = __builtin_ctzll(signals) + 1, .code = SI_KERNEL };
        int error = signal_send_locked(process, NULL, &info, NULL);
        (void)error; // only real-time signals fail
    }
}

// As on Linux, one success is enough.
static void send_for_kill(struct process *process, struct group_signal *request)
{
    int error = signal_send_locked(process, NULL, request->info, request->sender);
    if (request->result != 0)
        request->result = error;
}

// What it cost. Who is not meant is not meant later in the walk either, nor are its children.
static uint32_t visit(struct process *process, struct group_signal *request)
{
    if (process->group_walk == walk)
        return 1;
    process->group_walk = walk;
    if (!is_meant(process, request))
        return 1;
    if (!request->info) {
        send_all(process, request->signals);
        return 1 + SIGNAL_COST * (uint32_t)__builtin_popcountll(request->signals);
    }
    send_for_kill(process, request);
    return 1 + SIGNAL_COST;
}

static void begin_walk(void)
{
    walk++;
    next_bucket = 0;
}

static void end_walk(struct group_signal *request)
{
    if (request->group != EVERYBODY)
        process_number_free(request->group);
    list_remove(&request->link);
    request->waits = false;
    if (!list_is_empty(&requests))
        begin_walk();
}

// False: it cost too much, there are more.
static bool visit_bucket(struct group_signal *request, uint32_t *cost)
{
    list_for_each (node, process_bucket_locked(next_bucket)) {
        if (*cost >= PIECE_COST)
            return false;
        *cost += visit(list_entry(node, struct process, pid_link), request);
    }
    return true;
}

static void walk_piece(void)
{
    uint32_t cost = 0;
    while (!list_is_empty(&requests) && cost < PIECE_COST) {
        struct group_signal *request = first_request();
        cost++;
        if (next_bucket == PROCESS_BUCKETS)
            end_walk(request);
        else if (visit_bucket(request, &cost))
            next_bucket++;
    }
    if (!list_is_empty(&requests))
        timer_arm(&walk_timer, clock_now_ns() + PAUSE_NS);
}

static void walk_on(void)
{
    if (list_is_empty(&requests))
        return; // a thread was faster than the timer
    walk_piece();
    if (list_is_empty(&requests))
        job_control_signals_sent_locked();
}

static void continue_walk(struct timer *timer)
{
    process_lock_all();
    walk_on();
    process_unlock_all();
}

static void add_request(struct group_signal *request)
{
    bool is_only = list_is_empty(&requests);
    if (request->group != EVERYBODY)
        process_number_keep(request->group);
    request->waits = true;
    list_append(&requests, &request->link);
    if (!is_only)
        return; // the timer comes to it
    begin_walk();
    walk_piece();
}

// Adds to the last request, if the walk for it has not begun. A stop and a continuation in one
// request would lose their order.
static bool join_last(uint32_t group, uint64_t signals)
{
    struct group_signal *last = list_entry(requests.previous, struct group_signal, link);
    if (list_is_empty(&requests) || last == first_request() || last->info || last->group != group)
        return false;
    uint64_t together = last->signals | signals;
    if (together & SIGNALS_STOP && together & SIGNAL_BIT(SIGCONT))
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

static struct group_signal *find_free(void)
{
    for (uint32_t i = 0; i < KERNEL_REQUESTS; i++) {
        if (!kernel_requests[i].waits)
            return &kernel_requests[i];
    }
    return NULL;
}

void process_group_signals_locked(uint32_t group, uint64_t signals)
{
    if (join_last(group, signals))
        return;
    struct group_signal *request = find_free();
    if (request) {
        *request = (struct group_signal){ .group = group, .signals = signals };
        add_request(request);
    } else {
        send_at_once(group, signals); // that many changes of the foreground within one walk
    }
}

// The requests before it are walked for first. Between two pieces all may run, and the timer goes
// on while this thread does not.
static int request_and_wait(struct group_signal *request)
{
    process_lock_all();
    add_request(request);
    while (request->waits) {
        process_unlock_all();
        preempt_point();
        process_lock_all();
        walk_on();
    }
    process_unlock_all();
    return request->result;
}

int process_group_kill(int64_t pid, const struct abi_siginfo *info)
{
    const struct process *sender = current_process();
    struct group_signal request = { .info = info, .sender = sender, .result = -ESRCH };
    if (pid <= -(int64_t)PID_LIMIT)
        return -ESRCH;
    if (pid == -1)
        request.group = EVERYBODY;
    else
        request.group = pid == 0 ? sender->group : (uint32_t)-pid;
    return request_and_wait(&request);
}

bool process_group_signals_wait_locked(void)
{
    return !list_is_empty(&requests);
}

void process_group_signals_catch_up_locked(struct process *process)
{
    if (!list_is_empty(&requests))
        (void)visit(process, first_request());
}
