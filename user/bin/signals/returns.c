// What comes back from a handler, and what does not: frames whose FPU state or stack segment the
// handler broke, and flags that a system call or a handler must neither keep nor lose.
#include "check.h"

#include <sys/syscall.h>
#include <ucontext.h>

#define STRICT_SS 4u
#define MXCSR_WORD 6u    // 32-bit words of the FPU image
#define HEADER_WORD 132u // first reserved bytes of the XSAVE header
#define SS_SHIFT 48u
#define USER_SS 0x2bull
#define FLAG_TF 0x100ull
#define FLAG_NT 0x4000ull
#define FLAG_AC 0x40000ull
#define FLAG_DF 0x400ull

static uint32_t broken_word, broken_value;
static uint64_t wanted_ss, wanted_rip, frame_flags_kept;
static greg_t fault_rax, fault_rip, fault_r12;
static volatile uint32_t step_count;
static volatile uint64_t flags_in_handler;

static void note_fault(int signal, siginfo_t *info, void *argument)
{
    const greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    record(signal, info, argument);
    fault_rax = registers[REG_RAX];
    fault_rip = registers[REG_RIP];
    fault_r12 = registers[REG_R12];
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    if (sigaction(signal, &action, NULL) != 0)
        fail("sigaction");
}

static void break_fpu_state(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    ((uint32_t *)context->uc_mcontext.fpregs)[broken_word] = broken_value;
    context->uc_mcontext.gregs[REG_R12] = 0x1234;
}

// Sends itself SIGUSR1 and comes back: RAX, and R12 as the frame had it.
static uint64_t call_kill(uint64_t *r12_after)
{
    uint64_t rax = SYS_kill;
    register uint64_t r12 __asm__("r12") = 1;
    __asm__ volatile("syscall"
                     : "+a"(rax), "+r"(r12)
                     : "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory");
    *r12_after = r12;
    return rax;
}

// The SIGSEGV comes when all other registers are back: its handler returns to the interrupted code.
static bool comes_back_without_fpu_state(uint32_t word, uint32_t value)
{
    uint64_t r12;
    broken_word = word;
    broken_value = value;
    seen_count = 0;
    EXPECT(call_kill(&r12) == 0 && r12 == 0x1234);
    EXPECT(seen_count == 1 && seen_signal == SIGSEGV && seen_info.si_code == SI_KERNEL);
    EXPECT(fault_rax == 0 && fault_r12 == 0x1234);
    return true;
}

static bool bad_fpu_states_are_told_the_interrupted_code(void)
{
    on(SIGUSR1, break_fpu_state);
    on(SIGSEGV, note_fault);
    EXPECT(comes_back_without_fpu_state(MXCSR_WORD, 0x80000000u));
    if (has_xsave())
        EXPECT(comes_back_without_fpu_state(HEADER_WORD, 0xfffffff));
    return true;
}

static void break_stack_segment(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    uint64_t *selectors = (uint64_t *)&context->uc_mcontext.gregs[REG_CSGSFS];
    *selectors = (*selectors & ~(0xffffull << SS_SHIFT)) | wanted_ss << SS_SHIFT;
    context->uc_flags &= ~STRICT_SS | frame_flags_kept;
}

static uint64_t stack_segment(void)
{
    uint16_t selector;
    __asm__ volatile("movw %%ss, %0" : "=r"(selector));
    return selector;
}

static void give_up(int signal, siginfo_t *info, void *argument)
{
    const greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    _exit(registers[REG_ERR] == 0x30 && registers[REG_TRAPNO] == 13 && info->si_code == SI_KERNEL
              ? 0
              : 1);
}

static bool stack_segments_are_repaired_or_refused(void)
{
    const uint64_t bad[] = { 0, 3, 0x10, 0x33, 0xffff };
    on(SIGUSR1, break_stack_segment);
    frame_flags_kept = 0;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        wanted_ss = bad[i];
        EXPECT(kill(getpid(), SIGUSR1) == 0 && stack_segment() == USER_SS);
    }
    on(SIGSEGV, give_up); // from a frame that insists there is no way back
    frame_flags_kept = STRICT_SS;
    wanted_ss = 0x33;
    kill(getpid(), SIGUSR1);
    EXPECT(!"reached");
    return true;
}

static void count_step(int signal, siginfo_t *info, void *argument)
{
    step_count++;
}

static void note_flags(int signal, siginfo_t *info, void *argument)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    flags_in_handler = flags;
}

// Traps follow nop, mov, nop, pushfq, andl and popfq; none the SYSCALL, whose return with TF set
// lets one instruction pass.
#define STEPS 6u

static uint32_t step_over_call(uint64_t number, uint64_t first, uint64_t second)
{
    step_count = 0;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; movq %%rax, %%rax; syscall; nop\n"
                     "pushfq; andl $~0x100, (%%rsp); popfq"
                     : "+a"(number)
                     : "D"(first), "S"(second)
                     : "rcx", "r11", "memory", "cc");
    return step_count;
}

static bool single_steps_cross_calls_and_handlers(void)
{
    on(SIGTRAP, count_step);
    EXPECT(step_over_call(SYS_getpid, 0, 0) == STEPS);
    EXPECT(step_over_call(SYS_sched_yield, 0, 0) == STEPS);
    on(SIGUSR1, note_flags);
    EXPECT(step_over_call(SYS_kill, (uint64_t)getpid(), SIGUSR1) == STEPS);
    EXPECT(!(flags_in_handler & FLAG_TF));
    return true;
}

static bool flags_cross_calls(void)
{
    const uint64_t flags[] = { FLAG_NT, FLAG_AC, FLAG_NT | FLAG_AC, FLAG_DF, FLAG_NT | FLAG_DF };
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        uint64_t rax = SYS_getpid, after;
        __asm__ volatile("pushq %2; popfq; syscall; pushfq; popq %1; pushq $0x202; popfq"
                         : "+a"(rax), "=&r"(after)
                         : "r"(flags[i] | 0x202)
                         : "rcx", "r11", "memory", "cc");
        EXPECT((after & (FLAG_NT | FLAG_AC | FLAG_DF)) == flags[i]);
    }
    return true;
}

static void leave_to(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)wanted_rip;
    context->uc_mcontext.gregs[REG_R12] = context->uc_mcontext.gregs[REG_RBX];
}

static void come_back(int signal, siginfo_t *info, void *argument)
{
    note_fault(signal, info, argument);
    ((ucontext_t *)argument)->uc_mcontext.gregs[REG_RIP] = fault_r12;
}

static bool addresses_beyond_are_reported(void)
{
    on(SIGUSR1, leave_to);
    on(SIGSEGV, come_back);
    for (uint32_t bit = 47; bit < 64; bit++) {
        wanted_rip = 1ull << bit;
        seen_count = 0;
        __asm__ volatile("leaq 1f(%%rip), %%rbx; syscall; ud2; 1:"
                         :
                         : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                         : "rbx", "rcx", "r11", "r12", "memory");
        EXPECT(seen_count == 1 && (uint64_t)fault_rip == wanted_rip);
    }
    return true;
}

static uint8_t fpu_image[512] __attribute__((aligned(16)));
static uint64_t high_in_handler[4];

static void note_fpu_state(int signal, siginfo_t *info, void *argument)
{
    __asm__ volatile("fxsave64 %0" : "=m"(fpu_image));
    if (has_avx())
        __asm__ volatile("vmovdqu %%ymm5, %0" : "=m"(high_in_handler));
    seen_count++;
}

static bool handlers_start_with_a_fresh_fpu(void)
{
    uint32_t round_down = 0x3f80, mxcsr = 0, normal = 0x1f80;
    uint16_t single = 0x07f, control = 0, status = 0;
    uint64_t ones[4] = { 0, 0, 0, 0 };
    on(SIGUSR1, note_fpu_state);
    if (has_avx())
        __asm__ volatile("vcmpps $15, %%ymm5, %%ymm5, %%ymm5" : : : "xmm5");
    else
        __asm__ volatile("pcmpeqd %%xmm5, %%xmm5" : : : "xmm5");
    __asm__ volatile("ldmxcsr %4; fldcw %5; fld1; fld1; syscall\n"
                     "stmxcsr %0; fnstcw %1; fnstsw %2; movdqu %%xmm5, %3; fninit; ldmxcsr %6"
                     : "=m"(mxcsr), "=m"(control), "=m"(status), "=m"(ones)
                     : "m"(round_down), "m"(single), "m"(normal), "a"(SYS_kill), "D"(getpid()),
                       "S"(SIGUSR1)
                     : "rcx", "r11", "memory");
    EXPECT(mxcsr == round_down && control == single && (status & 0x3800) == 0x3000);
    EXPECT(ones[0] == UINT64_MAX && ones[1] == UINT64_MAX);
    EXPECT(seen_count == 1);
    EXPECT(*(uint32_t *)(fpu_image + 24) == normal && *(uint16_t *)fpu_image == 0x37f);
    EXPECT(*(uint16_t *)(fpu_image + 2) == 0 && fpu_image[4] == 0); // nothing on the x87 stack
    EXPECT(*(uint64_t *)(fpu_image + 160 + 5 * 16) == 0 && high_in_handler[3] == 0);
    return true;
}

const struct test return_tests[] = {
    { "handlers_start_with_a_fresh_fpu", handlers_start_with_a_fresh_fpu },
    { "bad_fpu_states_are_told_the_interrupted_code",
      bad_fpu_states_are_told_the_interrupted_code },
    { "stack_segments_are_repaired_or_refused", stack_segments_are_repaired_or_refused },
    { "single_steps_cross_calls_and_handlers", single_steps_cross_calls_and_handlers },
    { "flags_cross_calls", flags_cross_calls },
    { "addresses_beyond_are_reported", addresses_beyond_are_reported },
};
const size_t return_test_count = COUNT_OF(return_tests);
