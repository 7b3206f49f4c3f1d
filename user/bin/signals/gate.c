// What the way out of the kernel does with several signals, with none that counts, and with those
// that stop; calls that are repeated meanwhile.
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#define TRIES 20
#define BAD_STACK 0x1000ul

static int order[2];
static void *interrupted[2];

static void note_order(int signal, siginfo_t *info, void *argument)
{
    const ucontext_t *context = argument;
    order[seen_count & 1] = signal;
    interrupted[seen_count++ & 1] = (void *)context->uc_mcontext.gregs[REG_RIP];
}

// Both are taken in one go: the second handler interrupts the first one's first instruction.
static bool all_signals_are_taken_at_once(void)
{
    uint64_t both = 1ull << (SIGUSR1 - 1) | 1ull << (SIGUSR2 - 1), none = 0;
    handle_on(SIGUSR1, note_order, 0);
    handle_on(SIGUSR2, note_order, 0);
    EXPECT(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &both, NULL, 8) == 0);
    raise(SIGUSR1);
    raise(SIGUSR2);
    EXPECT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8) == 0);
    EXPECT(seen_count == 2 && order[0] == SIGUSR2 && order[1] == SIGUSR1);
    EXPECT(interrupted[0] == (void *)note_order && interrupted[1] != (void *)note_order);
    return true;
}

static bool ignored_signals_may_be_pending(void)
{
    signal(SIGUSR1, SIG_IGN);
    block(SIGUSR1);
    raise(SIGUSR1);
    unblock(SIGUSR1);
    block(SIGWINCH);
    raise(SIGWINCH);
    unblock(SIGWINCH);
    return true;
}

static uint64_t seen_mask, call_result;

// A handler that could not run leaves nothing behind but this one's signal.
static void get_off_bad_stack(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    greg_t *registers = context->uc_mcontext.gregs;
    record(signal, info, argument);
    memcpy(&seen_mask, &context->uc_sigmask, sizeof(seen_mask));
    registers[REG_RSP] = registers[REG_RBX];
}

static void call_on_stack(uint64_t stack, uint64_t number, uint64_t first, uint64_t second)
{
    __asm__ volatile("movq %%rsp, %%rbx; movq %4, %%rsp; syscall; movq %%rbx, %%rsp"
                     : "+a"(number)
                     : "D"(first), "S"(second), "d"(0), "r"(stack)
                     : "rbx", "rcx", "r11", "memory");
    call_result = number;
}

static void call_on_bad_stack(uint64_t number, uint64_t first, uint64_t second)
{
    call_on_stack(BAD_STACK, number, first, second);
}

static bool handlers_without_room_change_no_mask(void)
{
    static char memory[4 * 4096];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
    struct sigaction action = { .sa_sigaction = record, .sa_flags = SA_SIGINFO };
    uint64_t none = 0;
    sigaddset(&action.sa_mask, SIGUSR2);
    EXPECT(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    handle_on(SIGSEGV, get_off_bad_stack, SA_ONSTACK);
    call_on_bad_stack(SYS_kill, (uint64_t)getpid(), SIGUSR1);
    EXPECT(seen_count == 1 && seen_signal == SIGSEGV && seen_info.si_code == SI_KERNEL);
    EXPECT(seen_mask == 0 && call_result == 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    call_on_bad_stack(SYS_rt_sigsuspend, (uint64_t)&none, 8);
    EXPECT(seen_count == 2 && seen_signal == SIGSEGV && call_result == (uint64_t)-EINTR);
    EXPECT(seen_mask == 1ull << (SIGUSR1 - 1));
    return true;
}

// A handler that needs no stack but its frame.
static volatile int bare_count;
void count_bare(int signal, siginfo_t *info, void *argument);
__asm__("count_bare: incl bare_count(%rip); ret");

// Room for a part of the frame is none.
static bool frames_need_room_for_every_part(void)
{
    static char memory[4 * 4096];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
    int with_room = 0, without = 0;
    char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(pages != MAP_FAILED && mprotect(pages, 4096, PROT_NONE) == 0);
    EXPECT(sigaltstack(&stack, NULL) == 0);
    handle_on(SIGUSR1, count_bare, 0);
    handle_on(SIGSEGV, get_off_bad_stack, SA_ONSTACK);
    for (uint64_t room = 0; room <= 4096; room += 64) {
        seen_count = bare_count = 0;
        call_on_stack((uint64_t)pages + 4096 + room, SYS_kill, (uint64_t)getpid(), SIGUSR1);
        with_room += bare_count;
        without += seen_count;
        EXPECT(bare_count + seen_count == 1 && !(with_room > 0 && seen_count > 0));
        EXPECT(seen_count == 0 || seen_info.si_code == SI_KERNEL);
    }
    EXPECT(with_room > 0 && without > 4);
    return true;
}

static void raise_another(int signal, siginfo_t *info, void *argument)
{
    sigset_t mask;
    raise(SIGHUP);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    seen_mask = sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGUSR2);
}

// A handler that ends a sigsuspend() runs with its own mask, not with the one that comes back.
static bool suspended_calls_lend_no_mask_to_handlers(void)
{
    struct sigaction action = { .sa_sigaction = raise_another, .sa_flags = SA_SIGINFO };
    sigset_t none, mask;
    sigemptyset(&none);
    sigaddset(&action.sa_mask, SIGUSR2);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    record_on(SIGHUP, 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    EXPECT_ERROR(sigsuspend(&none), EINTR);
    EXPECT(seen_count == 1 && seen_mask == 1);
    EXPECT(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
    EXPECT(sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
    return true;
}

static int suspend(void *argument)
{
    sigset_t none, mask;
    sigemptyset(&none);
    record_on(SIGUSR1, 0);
    block(SIGUSR1);
    sigsuspend(&none);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    return seen_count == 1 && sigismember(&mask, SIGUSR1) ? 0 : 1;
}

// A stop makes the call begin anew: with the mask of before, which comes back in the end.
static bool stopped_calls_give_their_mask_back(void)
{
    int status;
    pid_t child = child_start(suspend, NULL);
    sleep_ns(20 * MILLISECONDS);
    kill(child, SIGSTOP);
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    sleep_ns(20 * MILLISECONDS);
    kill(child, SIGUSR1);
    EXPECT(child_wait(child) == 0);
    return true;
}

static volatile bool other_is_done, is_seen_by_first;

static void wait_for_other(int signal, siginfo_t *info, void *argument)
{
    uint64_t start = clock_ns();
    while (!other_is_done && clock_ns() - start < 2000 * MILLISECONDS)
        ;
    is_seen_by_first = other_is_done;
    seen_count++;
}

static void note_done(int signal, siginfo_t *info, void *argument)
{
    other_is_done = true;
}

static void *wait_for_signals(void *argument)
{
    for (;;)
        pause();
    return NULL;
}

// Two signals found the first thread ready for both; its handler of one blocks the other.
static bool other_threads_take_what_a_handler_blocks(void)
{
    struct sigaction action = { .sa_sigaction = wait_for_other, .sa_flags = SA_SIGINFO };
    pid_t self = getpid();
    pthread_t thread;
    sigaddset(&action.sa_mask, SIGUSR2);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    handle_on(SIGUSR2, note_done, 0);
    EXPECT(pthread_create(&thread, NULL, wait_for_signals, NULL) == 0);
    pid_t child = fork();
    if (child == 0) {
        sleep_ns(20 * MILLISECONDS);
        kill(self, SIGUSR1);
        kill(self, SIGUSR2);
        _exit(0);
    }
    while (seen_count == 0)
        ;
    EXPECT(is_seen_by_first);
    EXPECT(child_wait(child) == 0);
    return true;
}

static greg_t rax_in_handler;

static void skip_ud2(int signal, siginfo_t *info, void *argument)
{
    greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    rax_in_handler = registers[REG_RAX];
    registers[REG_RIP] += 2;
}

// Numbers by which the kernel tells itself to repeat a call mean nothing in a fault.
static bool faults_are_no_calls(void)
{
    handle_on(SIGILL, skip_ud2, 0);
    for (long code = -520; code <= -508; code++) {
        long rax = code;
        __asm__ volatile("ud2" : "+a"(rax) : : "memory");
        EXPECT(rax == code && rax_in_handler == code);
    }
    return true;
}

// A sleep that is stopped again and again ends when it would have ended.
static bool stopped_sleeps_do_not_begin_anew(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(nanosleep(&(struct timespec){ 0, 300 * MILLISECONDS }, NULL) == 0 ? 0 : 1);
    for (int i = 0; i < 100; i++) {
        sleep_ns(20 * MILLISECONDS);
        kill(child, SIGSTOP);
        sleep_ns(1 * MILLISECONDS);
        kill(child, SIGCONT);
        if (waitpid(child, &status, WNOHANG) == child) {
            EXPECT(status == 0);
            return true;
        }
    }
    kill(child, SIGKILL);
    child_wait(child);
    EXPECT(!"ended");
    return true;
}

// The stop is the thread's own, so it is found first.
static bool death_comes_before_a_stop(void)
{
    for (int i = 0; i < TRIES; i++) {
        pid_t child = fork();
        if (child == 0) {
            setpriority(PRIO_PROCESS, 0, 19);
            for (;;)
                sched_yield();
        }
        sleep_ns(1 * MILLISECONDS);
        EXPECT(syscall(SYS_tgkill, child, child, SIGSTOP) == 0 && kill(child, SIGKILL) == 0);
        int status = child_wait(child);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    return true;
}

static int stop_with_group(void *argument)
{
    int status;
    if (setsid() < 0 || raise(SIGTSTP) != 0) // nobody of the session is outside: goes on
        return 1;
    raise(SIGSTOP); // but this one stops
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        raise(SIGTSTP); // the parent is in the session, and in another group
        _exit(3);
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
        return 4;
    kill(child, SIGCONT);
    return WEXITSTATUS(child_wait(child));
}

static bool orphaned_groups_are_not_stopped(void)
{
    int status;
    pid_t child = child_start(stop_with_group, NULL);
    EXPECT(waitpid(child, &status, WUNTRACED) == child);
    EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill(child, SIGCONT);
    EXPECT(WEXITSTATUS(child_wait(child)) == 3);
    return true;
}

const struct test gate_tests[] = {
    { "all_signals_are_taken_at_once", all_signals_are_taken_at_once },
    { "ignored_signals_may_be_pending", ignored_signals_may_be_pending },
    { "handlers_without_room_change_no_mask", handlers_without_room_change_no_mask },
    { "frames_need_room_for_every_part", frames_need_room_for_every_part },
    { "suspended_calls_lend_no_mask_to_handlers", suspended_calls_lend_no_mask_to_handlers },
    { "other_threads_take_what_a_handler_blocks", other_threads_take_what_a_handler_blocks },
    { "stopped_calls_give_their_mask_back", stopped_calls_give_their_mask_back },
    { "faults_are_no_calls", faults_are_no_calls },
    { "stopped_sleeps_do_not_begin_anew", stopped_sleeps_do_not_begin_anew },
    { "death_comes_before_a_stop", death_comes_before_a_stop },
    { "orphaned_groups_are_not_stopped", orphaned_groups_are_not_stopped },
};
const size_t gate_test_count = COUNT_OF(gate_tests);
