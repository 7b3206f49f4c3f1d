// What a frame carries, register by register, there and back; what a handler begins with; segments
// and addresses that no frame may return to.
#include "check.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define PAGE 4096ul
#define REGISTERS 15u // r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx: as gregset_t begins
#define INFO_OFFSET 312u
#define SELECTORS 0x002b000000000033ll // ss, fs, gs, cs
#define FLAGS_CHANGED 0x8c5            // of, sf, zf, pf, cf: none of which UD2 changes
#define LIMIT 0x7ffffffff000ul

// Loads every register from `sent`, faults, and stores every register into `returned`.
uint64_t sent[REGISTERS], returned[REGISTERS], sent_stack, returned_stack, returned_flags;
static uint64_t other_stack[64];
static bool frame_is_right;

void fault_with_registers(void);
__asm__(".text\n"
        "fault_with_registers:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push $0x602; popfq\n"
        "mov %rsp, sent_stack(%rip)\n"
        "mov sent(%rip), %r8; mov sent+8(%rip), %r9; mov sent+16(%rip), %r10\n"
        "mov sent+24(%rip), %r11; mov sent+32(%rip), %r12; mov sent+40(%rip), %r13\n"
        "mov sent+48(%rip), %r14; mov sent+56(%rip), %r15; mov sent+64(%rip), %rdi\n"
        "mov sent+72(%rip), %rsi; mov sent+80(%rip), %rbp; mov sent+88(%rip), %rbx\n"
        "mov sent+96(%rip), %rdx; mov sent+104(%rip), %rax; mov sent+112(%rip), %rcx\n"
        ".globl the_fault\n"
        "the_fault: ud2\n"
        "mov %r8, returned(%rip); mov %r9, returned+8(%rip); mov %r10, returned+16(%rip)\n"
        "mov %r11, returned+24(%rip); mov %r12, returned+32(%rip); mov %r13, returned+40(%rip)\n"
        "mov %r14, returned+48(%rip); mov %r15, returned+56(%rip); mov %rdi, returned+64(%rip)\n"
        "mov %rsi, returned+72(%rip); mov %rbp, returned+80(%rip); mov %rbx, returned+88(%rip)\n"
        "mov %rdx, returned+96(%rip); mov %rax, returned+104(%rip); mov %rcx, returned+112(%rip)\n"
        "mov %rsp, returned_stack(%rip); mov sent_stack(%rip), %rsp\n"
        "pushfq; pop returned_flags(%rip); push $0x202; popfq\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret");
extern const char the_fault[];

static bool check_context(const ucontext_t *context)
{
    const greg_t *registers = context->uc_mcontext.gregs;
    const uint64_t *behind = (const uint64_t *)&context->uc_mcontext.fpregs + 1;
    uint64_t mask = 0;
    memcpy(&mask, &context->uc_sigmask, sizeof(mask));
    EXPECT(memcmp(registers, sent, sizeof(sent)) == 0);
    EXPECT((uint64_t)registers[REG_RSP] == sent_stack);
    EXPECT(registers[REG_RIP] == (greg_t)the_fault);
    EXPECT((registers[REG_EFL] & 0xfff) == 0x602);
    EXPECT(registers[REG_CSGSFS] == SELECTORS);
    EXPECT(registers[REG_OLDMASK] == 1 << (SIGUSR2 - 1) && mask == 1ull << (SIGUSR2 - 1));
    EXPECT(context->uc_link == NULL);
    for (int i = 0; i < 8; i++)
        EXPECT(behind[i] == 0);
    return true;
}

static void change_all_registers(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    greg_t *registers = context->uc_mcontext.gregs;
    frame_is_right = check_context(context);
    for (uint32_t i = 0; i < REGISTERS; i++)
        registers[i] = ~registers[i];
    registers[REG_RSP] = (greg_t)(other_stack + COUNT_OF(other_stack));
    registers[REG_RIP] += 2;
    registers[REG_EFL] ^= FLAGS_CHANGED;
}

static bool every_register_goes_there_and_back(void)
{
    struct sigaction action = { .sa_sigaction = change_all_registers, .sa_flags = SA_SIGINFO };
    for (uint32_t i = 0; i < REGISTERS; i++)
        sent[i] = 0x0123456789abcdef * (i + 3) ^ (uint64_t)i << 56;
    block(SIGUSR2);
    sigaction(SIGILL, &action, NULL);
    fault_with_registers();
    EXPECT(frame_is_right);
    for (uint32_t i = 0; i < REGISTERS; i++)
        EXPECT(returned[i] == ~sent[i]);
    EXPECT(returned_stack == (uint64_t)(other_stack + COUNT_OF(other_stack)));
    EXPECT((returned_flags & 0xfff) == (0x602 ^ FLAGS_CHANGED));
    return true;
}

// The first instructions of a handler: what it begins with.
uint64_t begun[6]; // rdi, rsi, rdx, rax, rsp, rflags
void begin_handler(int signal, siginfo_t *info, void *context);
__asm__(".text\n"
        "begin_handler:\n"
        "mov %rdi, begun(%rip); mov %rsi, begun+8(%rip); mov %rdx, begun+16(%rip)\n"
        "mov %rax, begun+24(%rip); mov %rsp, begun+32(%rip)\n"
        "pushfq; pop begun+40(%rip); jmp go_on_in_handler");
__attribute__((used)) void go_on_in_handler(int signal, siginfo_t *info, void *context);
void go_on_in_handler(int signal, siginfo_t *info, void *context)
{
    seen_count++;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

// RAX is none that a handler begins with.
static void fault_with_flags(uint64_t flags)
{
    __asm__ volatile("pushq %0; popfq; movl $5, %%eax; ud2; pushq $0x202; popfq"
                     :
                     : "r"(flags)
                     : "rax", "memory", "cc");
}

static bool check_beginning(void)
{
    EXPECT(begun[0] == SIGILL && begun[1] == begun[4] + INFO_OFFSET && begun[2] == begun[4] + 8);
    EXPECT(begun[3] == 0 && begun[4] % 16 == 8);
    EXPECT(!(begun[5] & 0x400) && (begun[5] & 0x40001) == 0x40001); // DF is clear, CF and AC stay
    return true;
}

static bool handlers_begin_in_a_known_state(void)
{
    struct sigaction action = { .sa_sigaction = begin_handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGILL, &action, NULL);
    fault_with_flags(0x40603);
    EXPECT(seen_count == 1 && check_beginning());
    action.sa_flags = 0;
    sigaction(SIGILL, &action, NULL);
    memset(begun, 0, sizeof(begun));
    fault_with_flags(0x40603);
    EXPECT(seen_count == 2 && check_beginning());
    return true;
}

static uint64_t wanted_cs;

static void break_code_segment(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    greg_t *selectors = &context->uc_mcontext.gregs[REG_CSGSFS];
    *selectors = (greg_t)(((uint64_t)*selectors & ~0xffffull) | wanted_cs);
}

static void judge_code_segment(int signal, siginfo_t *info, void *argument)
{
    const greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    bool right = (uint64_t)registers[REG_ERR] == (wanted_cs & ~3ull) &&
                 registers[REG_TRAPNO] == 13 && info->si_code == SI_KERNEL;
    _exit(right ? 7 : 1);
}

static int return_to_segment(void *argument)
{
    wanted_cs = *(uint64_t *)argument;
    handle_on(SIGUSR1, break_code_segment, 0);
    handle_on(SIGSEGV, judge_code_segment, 0);
    kill(getpid(), SIGUSR1);
    return 0;
}

static bool code_segments_are_checked(void)
{
    uint64_t bad[] = { 0x08, 0x10, 0x2b, 0x3b, 0xfff3 }, good[] = { 0x33, 0x30, 0x31 };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        EXPECT(WEXITSTATUS(child_run(return_to_segment, &bad[i])) == 7);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        EXPECT(child_run(return_to_segment, &good[i]) == 0);
    return true;
}

static uint64_t fault_rax;

static void note_lost_frame(int signal, siginfo_t *info, void *argument)
{
    const greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    _exit(signal == SIGSEGV && info->si_code == SI_KERNEL && registers[REG_RAX] == 0 ? 7 : 1);
}

static int return_without_frame(void *argument)
{
    static char memory[4 * PAGE];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
    uint64_t address = *(uint64_t *)argument;
    sigaltstack(&stack, NULL);
    handle_on(SIGSEGV, note_lost_frame, SA_ONSTACK);
    __asm__ volatile("movq %0, %%rsp; movl %1, %%eax; syscall; ud2"
                     :
                     : "r"(address), "i"(SYS_rt_sigreturn)
                     : "rax", "rcx", "r11", "memory");
    return 0;
}

static bool frames_must_be_there(void)
{
    uint64_t page =
        (uint64_t)mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t addresses[] = { 8, LIMIT, 0xffff800000001000, page };
    munmap((void *)page, PAGE);
    addresses[3] += PAGE; // its return address lies on the page below
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        EXPECT(WEXITSTATUS(child_run(return_without_frame, &addresses[i])) == 7);
    return true;
}

static void jump_to_kernel(int signal, siginfo_t *info, void *argument)
{
    greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    registers[REG_R12] = registers[REG_RBX];
    registers[REG_RIP] = (greg_t)0xffff800000001000;
}

static void come_back(int signal, siginfo_t *info, void *argument)
{
    greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    record(signal, info, argument);
    fault_rax = (uint64_t)registers[REG_RIP];
    registers[REG_RIP] = registers[REG_R12];
}

// A canonical address: the jump itself is what fails.
static bool returns_to_the_kernels_half_fault(void)
{
    handle_on(SIGUSR1, jump_to_kernel, 0);
    handle_on(SIGSEGV, come_back, 0);
    __asm__ volatile("leaq 1f(%%rip), %%rbx; syscall; ud2; 1:"
                     :
                     : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                     : "rbx", "rcx", "r11", "r12", "memory");
    EXPECT(seen_count == 1 && seen_info.si_code == SEGV_MAPERR);
    EXPECT(seen_info.si_addr == (void *)0xffff800000001000 && fault_rax == 0xffff800000001000);
    return true;
}

const struct test context_tests[] = {
    { "every_register_goes_there_and_back", every_register_goes_there_and_back },
    { "handlers_begin_in_a_known_state", handlers_begin_in_a_known_state },
    { "code_segments_are_checked", code_segments_are_checked },
    { "frames_must_be_there", frames_must_be_there },
    { "returns_to_the_kernels_half_fault", returns_to_the_kernels_half_fault },
};
const size_t context_test_count = COUNT_OF(context_tests);
