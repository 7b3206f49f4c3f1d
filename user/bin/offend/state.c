// Strange but legal state carried into the kernel: flags, stack pointers, segment bases, the end of
// the address space. The kernel must neither stumble nor change it. Invariant: an act returns 0
// when everything was as it should be, 1 when state or data came back changed.
#include "offend.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FLAG_IF (1ul << 9)
#define FLAG_DF (1ul << 10)
#define FLAG_IOPL (3ul << 12)
#define FLAG_NT (1ul << 14)
#define FLAG_AC (1ul << 18)
#define FLAG_ID (1ul << 21)
#define PAGE 4096ul
#define BUSY_NS 60000000u // several slices

// One system call with `flags` set; they are cleared again afterwards. Flags lost on the way back
// are left in *lost.
static long call_with_flags(uint64_t flags, uint64_t *lost, long number, long a, long b, long c)
{
    uint64_t after;
    __asm__ volatile("pushfq; orq %[flags], (%%rsp); popfq\n"
                     "syscall\n"
                     "pushfq; movq (%%rsp), %[after]\n"
                     "movq %[mask], %%rcx; notq %%rcx; andq %%rcx, (%%rsp); popfq; cld"
                     : "+a"(number), [after] "=&r"(after)
                     : [flags] "r"(flags), [mask] "r"(flags), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "cc", "memory");
    *lost |= flags & ~after;
    return number;
}

// A message through a pipe with the flags set on every call.
static int message_with_flags(uint64_t flags)
{
    static char message[2048], copy[2048];
    uint64_t lost = 0;
    int ends[2];
    if (pipe(ends) != 0)
        return 1;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (char)(i * 7);
    for (int round = 0; round < 8; round++) {
        memset(copy, 0, sizeof(copy));
        long size = sizeof(message);
        if (call_with_flags(flags, &lost, SYS_write, ends[1], (long)message, size) != size ||
            call_with_flags(flags, &lost, SYS_read, ends[0], (long)copy, size) != size ||
            memcmp(message, copy, sizeof(copy)) != 0)
            return 1;
        call_with_flags(flags, &lost, SYS_sched_yield, 0, 0, 0);
    }
    return lost != 0;
}

static int direction_flag_calls(void)
{
    return message_with_flags(FLAG_DF);
}

static int alignment_flag_calls(void)
{
    return message_with_flags(FLAG_AC);
}

static int nested_flag_calls(void)
{
    return message_with_flags(FLAG_NT);
}

static int identification_flag_calls(void)
{
    return message_with_flags(FLAG_ID);
}

// Fresh pages touched, and ticks taken, with the flags set.
static int faults_with_flags(uint64_t flags)
{
    const uint64_t page_count = 64;
    unsigned char *memory =
        mmap(NULL, page_count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (uint64_t i = 0; i < page_count; i++)
        __asm__ volatile("pushfq; orq %[flags], (%%rsp); popfq\n"
                         "orb $0, (%[page])\n"
                         "movl $2000, %%ecx; 1: decl %%ecx; jnz 1b\n"
                         "pushfq; andq %[mask], (%%rsp); popfq; cld"
                         :
                         : [flags] "r"(flags), [mask] "r"(~flags), [page] "r"(memory + i * PAGE)
                         : "rcx", "cc", "memory");
    for (uint64_t i = 0; i < page_count * PAGE; i++)
        if (memory[i] != 0)
            return 1;
    return 0;
}

static int direction_flag_faults(void)
{
    return faults_with_flags(FLAG_DF);
}

static int alignment_flag_faults(void)
{
    return faults_with_flags(FLAG_AC);
}

static int nested_flag_faults(void)
{
    return faults_with_flags(FLAG_NT);
}

// execve always leaves the kernel by IRETQ, which refuses a set NT in long mode.
static int nested_flag_exec(void)
{
    static char *const argv[] = { "offend", "nothing", NULL };
    static char *const no_env[] = { NULL };
    const char *self = kernel_is_ringfence() ? "/bin/offend" : "/proc/self/exe";
    uint64_t lost = 0;
    call_with_flags(FLAG_NT, &lost, SYS_execve, (long)self, (long)argv, (long)no_env);
    return 1;
}

// POPF in ring 3 leaves IF and IOPL alone, silently.
static int take_interrupt_flag(void)
{
    uint64_t after;
    __asm__ volatile("pushfq; orq %1, (%%rsp); andq %2, (%%rsp); popfq; pushfq; popq %0"
                     : "=&r"(after)
                     : "r"(FLAG_IOPL), "r"(~FLAG_IF)
                     : "cc", "memory");
    return (after & (FLAG_IF | FLAG_IOPL)) != FLAG_IF;
}

// System calls back to back for some slices, beside a loop that makes the timer tick, with a stack
// pointer that nobody may use.
static int calls_on_stack(uint64_t stack)
{
    pin_to_cpu(0);
    pid_t parent = getpid(), loop = fork();
    if (loop == 0) {
        uint64_t limit = clock_ns() + 4 * BUSY_NS;
        while (getppid() == parent && clock_ns() < limit)
            ;
        _exit(0);
    }
    uint64_t deadline = clock_ns() + BUSY_NS;
    long wrong = 0;
    while (clock_ns() < deadline) {
        __asm__ volatile("movq %%rsp, %%r12; movq %[stack], %%rsp; movl $1000, %%ebx\n"
                         "1: movl $39, %%eax; syscall\n"
                         "cmpq %[stack], %%rsp; jne 2f\n"
                         "decl %%ebx; jnz 1b\n"
                         "2: movq %%r12, %%rsp; movslq %%ebx, %%rbx; addq %%rbx, %[wrong]"
                         : [wrong] "+r"(wrong)
                         : [stack] "r"(stack)
                         : "rax", "rbx", "rcx", "r11", "r12", "cc", "memory");
    }
    kill(loop, SIGKILL);
    child_wait(loop);
    return wrong != 0;
}

static int null_stack_calls(void)
{
    return calls_on_stack(0);
}

static int kernel_stack_calls(void)
{
    return calls_on_stack(KERNEL_IMAGE + 0x1000);
}

static int non_canonical_stack_calls(void)
{
    return calls_on_stack(NON_CANONICAL);
}

// SYSCALL as the last two bytes that a program can own: it returns to an address that SYSRET must
// not be given (CVE-2012-0217), where nothing is mapped.
static int call_from_last_page(long number)
{
    unsigned char *page =
        mmap((void *)(USER_LIMIT - PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page == MAP_FAILED)
        return 1;
    page[PAGE - 2] = 0x0f;
    page[PAGE - 1] = 0x05;
    __asm__ volatile("jmp *%0"
                     :
                     : "r"(page + PAGE - 2), "a"(number), "D"(0)
                     : "rcx", "r11", "memory");
    __builtin_unreachable();
}

static int call_at_the_end(void)
{
    return call_from_last_page(SYS_getpid);
}

static int exit_at_the_end(void)
{
    return call_from_last_page(SYS_exit_group);
}

// Only the low 32 bits of the number count, and none of these exists.
static int unknown_calls(void)
{
    static const long numbers[] = { -1, -2, 0x7fffffff, 0xffffffff, 1000, 0x40000027, 0x4000003c };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (syscall(numbers[i], -1, -1, -1, -1, -1, -1) != -1 || errno != ENOSYS)
            return 1;
    return syscall(0x100000027) != getpid();
}

// Ring 3 may give GS any base, the kernel's half included; the kernel must not be led by it. Works
// through calls, faults and ticks, then looks whether its base is still there.
static int gs_base(uint64_t base)
{
    uint64_t after;
    static volatile char fresh[16 * PAGE];
    __asm__ volatile("wrgsbase %0" : : "r"(base));
    uint64_t deadline = clock_ns() + BUSY_NS;
    for (size_t i = 0; i < sizeof(fresh); i += PAGE)
        fresh[i] = 1;
    while (clock_ns() < deadline)
        syscall(SYS_sched_yield);
    __asm__ volatile("rdgsbase %0" : "=r"(after));
    return after != base;
}

static int gs_base_kernel(void)
{
    return gs_base(KERNEL_IMAGE);
}

static int gs_base_direct_map(void)
{
    return gs_base(KERNEL_DIRECT_MAP);
}

static int gs_base_top(void)
{
    return gs_base(-4096ul);
}

static int fs_base_kernel(void)
{
    uint64_t before, after;
    __asm__ volatile("rdfsbase %[before]; wrfsbase %[base]\n"
                     "movl $24, %%eax; syscall; movl $24, %%eax; syscall\n"
                     "rdfsbase %[after]; wrfsbase %[before]"
                     : [before] "=&r"(before), [after] "=&r"(after)
                     : [base] "r"(KERNEL_IMAGE)
                     : "rax", "rcx", "r11", "memory");
    return after != KERNEL_IMAGE;
}

static int gs_base_non_canonical(void)
{
    __asm__ volatile("wrgsbase %0" : : "r"(NON_CANONICAL));
    syscall(SYS_sched_yield);
    return 0;
}

static int base_calls_refused(void)
{
    const long arch_set_gs = 0x1001, arch_set_fs = 0x1002;
    static const uint64_t bases[] = { USER_LIMIT, NON_CANONICAL, KERNEL_IMAGE, -1ul };
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        if (syscall(SYS_arch_prctl, arch_set_gs, bases[i]) != -1 || errno != EPERM ||
            syscall(SYS_arch_prctl, arch_set_fs, bases[i]) != -1 || errno != EPERM)
            return 1;
    return 0;
}

const struct offence state_offences[] = {
    { "df-calls", direction_flag_calls, 0, 0 },
    { "ac-calls", alignment_flag_calls, 0, 0 },
    { "nt-calls", nested_flag_calls, 0, 0 },
    { "id-calls", identification_flag_calls, 0, 0 },
    { "df-faults", direction_flag_faults, 0, 0 },
    { "ac-faults", alignment_flag_faults, 0, 0 },
    { "nt-faults", nested_flag_faults, 0, 0 },
    { "nt-exec", nested_flag_exec, 0, 0 },
    { "popf-if", take_interrupt_flag, 0, 0 },
    { "stack-null-calls", null_stack_calls, 0, 0 },
    { "stack-kernel-calls", kernel_stack_calls, 0, 0 },
    { "stack-bad-calls", non_canonical_stack_calls, 0, 0 },
    { "last-page-call", call_at_the_end, SIGSEGV, 0 },
    { "last-page-exit", exit_at_the_end, 0, 0 },
    { "unknown-calls", unknown_calls, 0, 0 },
    { "gs-base-kernel", gs_base_kernel, 0, NEEDS_FSGSBASE },
    { "gs-base-direct-map", gs_base_direct_map, 0, NEEDS_FSGSBASE },
    { "gs-base-top", gs_base_top, 0, NEEDS_FSGSBASE },
    { "fs-base-kernel", fs_base_kernel, 0, NEEDS_FSGSBASE },
    { "gs-base-non-canonical", gs_base_non_canonical, SIGSEGV, NEEDS_FSGSBASE | EMULATOR_BLIND },
    { "base-calls-refused", base_calls_refused, 0, 0 },
};
const size_t state_offence_count = COUNT_OF(state_offences);
