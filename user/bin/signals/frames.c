// The frame that a handler sees, what it may change in it, alternate stacks, faults.
#include "check.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define FRAME_SIZE 440u
#define INFO_OFFSET 312u

static volatile bool layout_is_right;
static greg_t last_rip, last_trap, last_error, last_cr2;

static bool check_layout(siginfo_t *info, ucontext_t *context, char *frame)
{
    uint32_t cpu_magic, magic2, *mark;
    mcontext_t *registers = &context->uc_mcontext;
    uint8_t *image = (uint8_t *)registers->fpregs;
    EXPECT((char *)context == frame + 8 && (char *)info == frame + INFO_OFFSET);
    EXPECT((uint64_t)frame % 16 == 8);
    EXPECT((uint64_t)image % 64 == 0 && (char *)image >= frame + FRAME_SIZE);
    EXPECT(offsetof(ucontext_t, uc_mcontext) == 40 && offsetof(ucontext_t, uc_sigmask) == 296);
    EXPECT((registers->gregs[REG_CSGSFS] & 0xffff) == 0x33);
    EXPECT((uint64_t)registers->gregs[REG_CSGSFS] >> 48 == 0x2b);
    mark = (uint32_t *)(image + 464);
    cpu_magic = mark[0];
    if (!has_xsave()) {
        EXPECT(context->uc_flags == 6);
        return true;
    }
    EXPECT(context->uc_flags == 7 && cpu_magic == 0x46505853);
    EXPECT(mark[1] == mark[4] + 4 && (mark[2] & 3) == 3);
    memcpy(&magic2, image + mark[4], sizeof(magic2));
    EXPECT(magic2 == 0x46505845);
    EXPECT(*(uint64_t *)(image + 520) == 0); // xcomp_bv: standard format
    EXPECT(*(uint64_t *)(image + 512) & 2);  // SSE state, which the caller has in use
    return true;
}

static void look_at_frame(int signal, siginfo_t *info, void *context)
{
    char *frame = (char *)context - 8;
    layout_is_right = check_layout(info, context, frame);
}

static bool frames_are_laid_out(void)
{
    struct sigaction action = { .sa_sigaction = look_at_frame, .sa_flags = SA_SIGINFO };
    uint64_t xmm[2] = { 0x1122334455667788, 0x99aabbccddeeff00 }, after[2] = { 0, 0 };
    sigaction(SIGUSR1, &action, NULL);
    __asm__ volatile("movdqu %1, %%xmm7; syscall; movdqu %%xmm7, %0"
                     : "=m"(after)
                     : "m"(xmm), "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "xmm7", "memory");
    EXPECT(layout_is_right);
    EXPECT(memcmp(xmm, after, sizeof(xmm)) == 0);
    return true;
}

static void change_registers(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    context->uc_mcontext.gregs[REG_R12] = 0x1234;
    context->uc_mcontext.gregs[REG_RCX] = 0x5678;
    context->uc_mcontext.gregs[REG_R11] = 0x9abc;
    context->uc_mcontext.gregs[REG_RAX] = -512; // nothing that the kernel may take for its own
    ((uint64_t *)context->uc_mcontext.fpregs)[(160 + 7 * 16) / 8] = 0xfeedface;
    sigaddset(&context->uc_sigmask, SIGUSR2);
}

static bool handlers_change_registers(void)
{
    struct sigaction action = { .sa_sigaction = change_registers, .sa_flags = SA_SIGINFO };
    register uint64_t r12 __asm__("r12") = 1;
    uint64_t rax = SYS_kill, rcx, r11, low = 0;
    sigset_t mask;
    sigaction(SIGUSR1, &action, NULL);
    __asm__ volatile("pcmpeqd %%xmm7, %%xmm7; syscall; movq %%r11, %3; movq %%xmm7, %4"
                     : "+a"(rax), "+r"(r12), "=c"(rcx), "=r"(r11), "=r"(low)
                     : "D"(getpid()), "S"(SIGUSR1)
                     : "r11", "xmm7", "memory");
    EXPECT(rax == (uint64_t)-512 && r12 == 0x1234 && rcx == 0x5678 && r11 == 0x9abc);
    EXPECT(low == 0xfeedface);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    EXPECT(sigismember(&mask, SIGUSR2));
    return true;
}

static char *volatile handler_stack;

static void note_stack(int signal)
{
    stack_t now;
    char local;
    handler_stack = &local;
    sigaltstack(NULL, &now);
    seen_count = now.ss_flags;
    errno = 0;
    if (syscall(SYS_sigaltstack, &now, NULL) == -1 && errno == EPERM)
        seen_signal = EPERM;
}

static bool alternate_stacks_are_used(void)
{
    size_t size = 4 * getauxval(AT_MINSIGSTKSZ);
    char *memory = malloc(size);
    stack_t stack = { .ss_sp = memory, .ss_size = size }, old;
    struct sigaction action = { .sa_handler = note_stack, .sa_flags = SA_ONSTACK };
    EXPECT(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
    EXPECT_ERROR(syscall(SYS_sigaltstack, &(stack_t){ memory, 0, 2047 }, NULL), ENOMEM);
    EXPECT_ERROR(syscall(SYS_sigaltstack, &(stack_t){ memory, 4, size }, NULL), EINVAL);
    EXPECT(sigaltstack(&stack, NULL) == 0);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    EXPECT(handler_stack >= memory && handler_stack < memory + size);
    EXPECT(seen_count == SS_ONSTACK && seen_signal == EPERM);
    EXPECT(sigaltstack(NULL, &old) == 0 && old.ss_flags == 0 && old.ss_sp == memory);
    stack.ss_flags = (int)(1u << 31); // SS_AUTODISARM
    EXPECT(sigaltstack(&stack, NULL) == 0);
    raise(SIGUSR1);
    EXPECT(handler_stack >= memory && handler_stack < memory + size && seen_count == SS_DISABLE);
    EXPECT(sigaltstack(NULL, &old) == 0 && old.ss_sp == memory && old.ss_size == size);
    return true;
}

static void skip_fault(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    greg_t *registers = context->uc_mcontext.gregs;
    record(signal, info, argument);
    last_rip = registers[REG_RIP];
    last_trap = registers[REG_TRAPNO];
    last_error = registers[REG_ERR];
    last_cr2 = registers[REG_CR2];
    registers[REG_RIP] = registers[REG_RBX]; // where the code below says it goes on
}

#define FAULT(code)                                                                                \
    __asm__ volatile("leaq 1f(%%rip), %%rbx; " code "; 1:"                                         \
                     :                                                                             \
                     :                                                                             \
                     : "rax", "rbx", "rcx", "rdx", "memory")

static bool faults_tell_everything(void)
{
    struct sigaction action = { .sa_sigaction = skip_fault, .sa_flags = SA_SIGINFO };
    int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &action, NULL);
    FAULT("movl $0x1234, %%eax; movb $1, (%%rax)");
    EXPECT(seen_signal == SIGSEGV && seen_info.si_code == SEGV_MAPERR);
    EXPECT(seen_info.si_addr == (void *)0x1234 && last_cr2 == 0x1234);
    EXPECT(last_trap == 14 && last_error == 6);
    FAULT("leaq faults_tell_everything_text(%%rip), %%rax; faults_tell_everything_text: "
          "movb $1, (%%rax)");
    EXPECT(seen_signal == SIGSEGV && seen_info.si_code == SEGV_ACCERR && (last_error & 6) == 6);
    FAULT("xorl %%ecx, %%ecx; xorl %%edx, %%edx; movl $1, %%eax; divl %%ecx");
    EXPECT(seen_signal == SIGFPE && seen_info.si_code == FPE_INTDIV && last_trap == 0);
    EXPECT(seen_info.si_addr == (void *)last_rip);
    FAULT("ud2");
    EXPECT(seen_signal == SIGILL && seen_info.si_code == ILL_ILLOPN && last_trap == 6);
    EXPECT(seen_info.si_addr == (void *)last_rip);
    FAULT("hlt");
    EXPECT(seen_signal == SIGSEGV && seen_info.si_code == SI_KERNEL && last_trap == 13);
    EXPECT(seen_info.si_addr == NULL);
    FAULT("int3");
    EXPECT(seen_signal == SIGTRAP && seen_info.si_code == SI_KERNEL && last_trap == 3);
    FAULT("movabsq $0xffff800000001000, %%rax; movb (%%rax), %%al");
    EXPECT(seen_signal == SIGSEGV && seen_info.si_code == SEGV_MAPERR && last_error == 5);
    FAULT("movabsq $0x8000000000000000, %%rax; jmp *%%rax");
    EXPECT(seen_signal == SIGSEGV);
    EXPECT(seen_count == 8);
    return true;
}

static int fault_blocked(void *argument)
{
    if (argument)
        signal(SIGSEGV, SIG_IGN);
    else {
        record_on(SIGSEGV, 0);
        block(SIGSEGV);
    }
    *(volatile int *)8 = 0;
    return 0;
}

static bool blocked_faults_kill(void)
{
    int status = child_run(fault_blocked, NULL);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = child_run(fault_blocked, "ignored");
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return true;
}

static void exit_seven(int signal)
{
    _exit(7);
}

static int deliver_without_restorer(void *argument)
{
    uint64_t action[4] = { (uint64_t)exit_seven, 0, 0, 0 };
    if (syscall(SYS_rt_sigaction, SIGUSR1, action, NULL, 8) == 0)
        raise(SIGUSR1);
    return 0;
}

static int deliver_on_no_stack(void *argument)
{
    record_on(SIGSEGV, 0);
    __asm__ volatile("xorl %%esp, %%esp; movl (%%rsp), %%eax" : : : "rax", "memory");
    return 0;
}

static bool frames_without_room_kill(void)
{
    int status = child_run(deliver_without_restorer, NULL);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = child_run(deliver_on_no_stack, NULL);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return true;
}

static void break_flags(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    context->uc_mcontext.gregs[REG_EFL] = (greg_t)0xffffffffffbffeffull; // all but TF
}

static bool flags_are_filtered(void)
{
    struct sigaction action = { .sa_sigaction = break_flags, .sa_flags = SA_SIGINFO };
    uint64_t flags;
    sigaction(SIGUSR1, &action, NULL);
    __asm__ volatile("syscall; pushfq; popq %0; pushq $0x202; popfq"
                     : "=r"(flags)
                     : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "cc");
    EXPECT((flags & 0x40cd5) == 0x40cd5);                  // AC and the arithmetic flags came
    EXPECT((flags & 0x3000) == 0 && (flags & 0x200) != 0); // IOPL did not, IF stays
    return true;
}

const struct test frame_tests[] = {
    { "frames_are_laid_out", frames_are_laid_out },
    { "handlers_change_registers", handlers_change_registers },
    { "alternate_stacks_are_used", alternate_stacks_are_used },
    { "faults_tell_everything", faults_tell_everything },
    { "blocked_faults_kill", blocked_faults_kill },
    { "frames_without_room_kill", frames_without_room_kill },
    { "flags_are_filtered", flags_are_filtered },
};
const size_t frame_test_count = COUNT_OF(frame_tests);
