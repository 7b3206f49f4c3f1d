// Rows of the calls on signals, of their delivery and of the return from a handler.
#include "failwalk.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define MASK_SIZE 8
#define MARK_OFFSET 464 // in the FPU state, as Linux has it (asm/sigcontext.h)
#define MARK_COMPONENTS 8

static long self(void)
{
    return CALL(SYS_getpid);
}

static long thread(void)
{
    return CALL(SYS_gettid);
}

static void nothing(int signal)
{
}

static void handle(void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
}

static long own_pid, own_tid;

static void with_handler(void)
{
    own_pid = self();
    own_tid = thread();
    handle(nothing, 0);
}

static void with_other_stack(void)
{
    stack_t stack = { .ss_sp = scene.places[5] - 3 * PAGE, .ss_size = 4 * PAGE };
    own_pid = self();
    sigaltstack(&stack, NULL);
    handle(nothing, SA_ONSTACK);
}

// The plan is armed by the handler, so that the return from it is the next call.
static void arm_from_handler(int signal)
{
    plan_arm();
}

static void with_arming_handler(void)
{
    own_pid = self();
    handle(arm_from_handler, 0);
}

// Not as the kernel wrote it: the state is copied and looked at before it is loaded.
static void change_mark(ucontext_t *context)
{
    char *state = (char *)context->uc_mcontext.fpregs;
    *(uint64_t *)(state + MARK_OFFSET + MARK_COMPONENTS) ^= 1;
}

static void change_and_arm(int signal, siginfo_t *info, void *context)
{
    change_mark(context);
    plan_arm();
}

// No memory for the copy, however often it is tried, and a frame whose mask lets every signal in.
static void let_in_and_arm(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    change_mark(context);
    memset(&context->uc_sigmask, 0, MASK_SIZE);
    plan_arm_as("memory ", "+");
}

static void handle_with_frame(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    own_pid = self();
    sigaction(SIGUSR1, &action, NULL);
}

static void with_changing_handler(void)
{
    handle_with_frame(change_and_arm);
}

static void with_return_without_memory(void)
{
    handle_with_frame(let_in_and_arm);
}

static void with_deadly_return(void)
{
    sigset_t set;
    with_return_without_memory();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    (void)CALL(SYS_kill, own_pid, SIGTERM);
}

static void block(void)
{
    sigset_t all;
    own_pid = self();
    own_tid = thread();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static void with_pending(void)
{
    with_handler();
    block();
    (void)CALL(SYS_kill, own_pid, SIGUSR1);
}

// The first of a set has its place in the process; the next ones are objects.
static void with_queued(void)
{
    block();
    (void)CALL(SYS_kill, own_pid, SIGUSR2);
}

static void with_timer(void)
{
    with_handler();
    ualarm(3000, 0);
}

static long queue(long number, long first, long second, long third)
{
    siginfo_t *information = (siginfo_t *)scene.places[0];
    memset(information, 0, sizeof(*information));
    information->si_code = SI_QUEUE;
    information->si_pid = (pid_t)own_pid;
    return number == SYS_rt_sigqueueinfo ? CALL(number, first, second, information)
                                         : CALL(number, first, second, third, information);
}

static long act_rt_sigqueueinfo_self(void)
{
    return queue(SYS_rt_sigqueueinfo, own_pid, SIGRTMIN, 0);
}

static long act_rt_tgsigqueueinfo_self(void)
{
    return queue(SYS_rt_tgsigqueueinfo, own_pid, own_tid, SIGRTMIN);
}

ACT(kill_handled, SYS_kill, own_pid, SIGUSR1)
ACT(kill_blocked, SYS_kill, own_pid, SIGRTMIN)
ACT(kill_fatal, SYS_kill, own_pid, SIGTERM)
ACT(tkill_handled, SYS_tkill, own_tid, SIGUSR1)
ACT(tgkill_handled, SYS_tgkill, own_pid, own_tid, SIGUSR1)
ACT(rt_sigaction_set, SYS_rt_sigaction, SIGUSR2, scene.places[0], scene.places[1], MASK_SIZE)
ACT(rt_sigprocmask_set, SYS_rt_sigprocmask, SIG_SETMASK, scene.places[0], scene.places[1],
    MASK_SIZE)
ACT(rt_sigpending_get, SYS_rt_sigpending, scene.places[0], MASK_SIZE)
ACT(rt_sigsuspend_pending, SYS_rt_sigsuspend, scene.places[0], MASK_SIZE)
ACT(pause_alarm, SYS_pause)
ACT(sigaltstack_get, SYS_sigaltstack, 0, scene.places[0])

// Delivered at the end of the call, from the set that is pending.
static long act_rt_sigprocmask_unblock(void)
{
    return CALL(SYS_rt_sigprocmask, SIG_SETMASK, scene.places[0], 0, MASK_SIZE);
}

static long act_rt_sigtimedwait_pending(void)
{
    memset(scene.places[0], 0xff, MASK_SIZE);
    return CALL(SYS_rt_sigtimedwait, scene.places[0], scene.places[1], 0, MASK_SIZE);
}

const struct row signal_rows[] = {
    ROW(kill, handled, with_handler),
    { "kill, another stack", SYS_kill, with_other_stack, act_kill_handled, RETURNS, 0 },
    { "rt_sigreturn", SYS_rt_sigreturn, with_arming_handler, act_kill_handled, RETURNS, 0 },
    { "rt_sigreturn copied", SYS_rt_sigreturn, with_changing_handler, act_kill_handled, RETURNS,
      0 },
    { "rt_sigreturn without memory", SYS_rt_sigreturn, with_return_without_memory, act_kill_handled,
      RETURNS, 0 },
    { "rt_sigreturn to its end", SYS_rt_sigreturn, with_deadly_return, act_kill_handled, ENDS, 0 },
    ROW(kill, blocked, with_queued),
    { "kill fatal", SYS_kill, with_handler, act_kill_fatal, ENDS, 0 },
    ROW(tkill, handled, with_handler),
    ROW(tgkill, handled, with_handler),
    ROW(rt_sigqueueinfo, self, with_handler),
    { "rt_sigqueueinfo blocked", SYS_rt_sigqueueinfo, with_queued, act_rt_sigqueueinfo_self,
      RETURNS, 0 },
    ROW(rt_tgsigqueueinfo, self, with_handler),
    ROW(rt_sigaction, set, NULL),
    ROW(rt_sigprocmask, set, NULL),
    ROW(rt_sigprocmask, unblock, with_pending),
    ROW(rt_sigpending, get, with_pending),
    ROW(rt_sigtimedwait, pending, with_pending),
    { "rt_sigsuspend", SYS_rt_sigsuspend, with_pending, act_rt_sigsuspend_pending, RETURNS, EINTR },
    { "pause", SYS_pause, with_timer, act_pause_alarm, RETURNS, EINTR },
    ROW(sigaltstack, get, NULL),
};
const size_t signal_row_count = COUNT_OF(signal_rows);
