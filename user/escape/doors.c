// Every way into the kernel with registers as hostile as ring 3 can make them: stack pointers
// nobody may use, flags, selectors, FS and GS bases. The kernel must neither stumble nor change
// them.
#include "registers.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define USER_LIMIT 0x7ffffffff000ul
#define KERNEL_HALF 0xffff800000000000ul
#define KERNEL_IMAGE 0xffffffff80000000ul // where it is linked; it is there with `nokaslr`
#define NON_CANONICAL 0x0000800000000000ul
#define BUSY_NS 30000000u
#define SPINS 1000000u
#define TOUCHES 64u

#define FLAG_CF 0x1u
#define FLAG_DF (1u << 10)
#define FLAG_OF (1u << 11)
#define FLAG_NT (1u << 14)
#define FLAG_AC (1u << 18)
#define FLAG_ID (1u << 21)
#define ARITHMETIC 0x8d5u

static uint64_t spins __attribute__((used));

// Three doors each: a system call, a page fault that is resolved, the timer.
#define DOORS(name, before)                                                                        \
    CODE(name##_call, before, "syscall");                                                          \
    CODE(name##_touch, before, "movb $1, (%rsi)");                                                 \
    CODE(name##_spin, before, "774: decq spins(%rip); jnz 774b");                                  \
    static const struct doors name = { &code_##name##_call, &code_##name##_touch,                  \
                                       &code_##name##_spin }

struct doors {
    const struct code *call, *touch, *spin;
};

DOORS(plain, "");
DOORS(selectors, "movl %ebx, %ds; movl %ebx, %es; movl %ebx, %fs; movl %ebx, %gs");
DOORS(bases, "wrfsbase %rbx; wrgsbase %rbx");

// The call came back to behind it, and RCX and R11 say so.
static int call(const struct code *code, long number, bool (*result_is_right)(long),
                unsigned changes)
{
    registers_in.general[RAX] = (uint64_t)number;
    registers_run(code->start);
    if (registers_compare(changes | BIT(RAX) | BIT(RCX) | BIT(R11)))
        return 1;
    if (registers_out.general[RCX] != (uint64_t)code->behind)
        return attempt_note("call %ld: rcx %#lx", number, registers_out.general[RCX]);
    if (registers_out.general[R11] != registers_in.flags)
        return attempt_note("call %ld: r11 %#lx", number, registers_out.general[R11]);
    if (!result_is_right((long)registers_out.general[RAX]))
        return attempt_note("call %ld: result %ld", number, (long)registers_out.general[RAX]);
    return 0;
}

static bool is_own_pid(long value)
{
    return value == getpid();
}

static bool is_zero(long value)
{
    return value == 0;
}

static bool is_no_call(long value)
{
    return value == -ENOSYS;
}

static bool is_bad_address(long value)
{
    return value == -EFAULT;
}

// The flags without those that counting down changes.
static int spin(const struct code *code, unsigned changes)
{
    spins = SPINS;
    registers_run(code->start);
    if ((registers_out.flags ^ registers_in.flags) & ~(uint64_t)(ARITHMETIC | 1u << 16))
        return attempt_note("flags are %#lx", registers_out.flags);
    return registers_compare(changes | FLAGS_CHANGE);
}

static int touch(const struct code *code, unsigned changes)
{
    unsigned char *pages =
        mmap(NULL, TOUCHES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int result = pages == MAP_FAILED ? attempt_note("no memory") : 0;
    for (unsigned i = 0; i < TOUCHES && result == 0; i++) {
        registers_in.general[RSI] = (uint64_t)(pages + i * PAGE);
        registers_run(code->start);
        result = registers_compare(changes);
        if (pages[i * PAGE] != 1)
            result = attempt_note("nothing was written");
    }
    munmap(pages, TOUCHES * PAGE);
    return result;
}

static int call_all(const struct code *code, unsigned changes)
{
    static const struct timespec moment = { 0, 1000 };
    static struct utsname name, right;
    uint64_t *first = &registers_in.general[RDI];
    registers_in.general[RSI] = 0;
    for (unsigned i = 0; i < 20; i++)
        if (call(code, SYS_getpid, is_own_pid, changes))
            return 1;
    *first = (uint64_t)&moment;
    if (call(code, SYS_sched_yield, is_zero, changes) ||
        call(code, SYS_nanosleep, is_zero, changes) || call(code, -1, is_no_call, changes))
        return 1;
    uname(&right);
    memset(&name, 0, sizeof(name));
    *first = (uint64_t)&name; // copied the right way round, whatever DF was
    if (call(code, SYS_uname, is_zero, changes))
        return 1;
    if (memcmp(&name, &right, sizeof(name)) != 0)
        return attempt_note("uname tells something else");
    *first = KERNEL_IMAGE;
    return call(code, SYS_uname, is_bad_address, changes);
}

static int through(const struct doors *doors, unsigned changes)
{
    uint64_t deadline = clock_ns() + BUSY_NS;
    do {
        if (call_all(doors->call, changes) || touch(doors->touch, changes))
            return 1;
    } while (clock_ns() < deadline);
    return spin(doors->spin, changes);
}

static int with_stack(const struct attempt *attempt)
{
    registers_prepare();
    registers_in.general[RSP] = attempt->number;
    return through(&plain, 0);
}

static int with_flags(const struct attempt *attempt)
{
    registers_prepare();
    registers_in.flags = REGISTERS_FLAGS | attempt->number;
    return through(&plain, 0);
}

static int with_selectors(const struct attempt *attempt)
{
    unsigned cpu_number = kernel_is_ringfence() ? 0x38 : 0x78;
    // Not null with a privilege requested: IRETQ may make it a plain null (SDM vol. 2, IRET).
    const unsigned descriptors[] = { 0x28, 0x30, cpu_number };
    registers_prepare();
    for (unsigned i = 0; i <= COUNT_OF(descriptors) * 4; i++) {
        unsigned selector = i == 0 ? 0 : descriptors[(i - 1) / 4] + (i - 1) % 4;
        registers_in.general[RBX] = selector;
        for (unsigned s = 2; s < 6; s++)
            registers_in.selectors[s] = selector;
        if (through(&selectors, BASES_CHANGE))
            return 1;
    }
    return 0;
}

static int with_bases(const struct attempt *attempt)
{
    registers_prepare();
    registers_in.general[RBX] = registers_in.fs_base = registers_in.gs_base = attempt->number;
    return through(&bases, 0);
}

// Ring 3's limit is checked where the kernel is asked; what is set stays until the next.
static int bases_by_call(const struct attempt *attempt)
{
    static const long set[] = { 0x1001, 0x1002 }, get[] = { 0x1004, 0x1003 }; // GS, FS
    static const uint64_t bad[] = { USER_LIMIT, NON_CANONICAL, KERNEL_HALF, KERNEL_IMAGE, -1ul };
    uint64_t before, after;
    for (unsigned s = 0; s < 2; s++) {
        syscall(SYS_arch_prctl, get[s], &before);
        for (size_t i = 0; i < COUNT_OF(bad); i++)
            if (syscall(SYS_arch_prctl, set[s], bad[i]) != -1 || errno != EPERM)
                return attempt_note("%#lx: errno %d", bad[i], errno);
        syscall(SYS_arch_prctl, get[s], &after);
        if (before != after)
            return attempt_note("base is %#lx, was %#lx", after, before);
    }
    return syscall(SYS_arch_prctl, set[0], USER_LIMIT - 1) != 0 ||
           syscall(SYS_arch_prctl, get[0], &after) != 0 || after != USER_LIMIT - 1;
}

// SYSCALL as the last two bytes that a program can own: it returns to where SYSRET must not be sent
// (CVE-2012-0217), and nothing is mapped.
static int at_the_end(const struct attempt *attempt)
{
    unsigned char *page =
        mmap((void *)(USER_LIMIT - PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page == MAP_FAILED)
        return attempt_note("no page there");
    page[PAGE - 2] = 0x0f;
    page[PAGE - 1] = 0x05;
    registers_prepare();
    registers_in.general[RAX] = attempt->number;
    registers_in.general[RDI] = 0;
    record->at = record->address = USER_LIMIT;
    registers_run(page + PAGE - 2);
    return attempt_note("it came back");
}

// Only the low 32 bits of the number count, and none of these exists.
static int unknown_calls(const struct attempt *attempt)
{
    static const uint64_t numbers[] = { -1ul, -2ul,       0x7fffffff, 0xffffffff, 0x80000000,
                                        1000, 0x40000027, 0x4000003c, 0x3e7,      0x1ff };
    registers_prepare();
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (call(&code_plain_call, (long)numbers[i], is_no_call, 0))
            return 1;
    return call(&code_plain_call, 0x0fffff00000027, is_own_pid, 0);
}

#define WITH_STACK(label, value)                                                                   \
    { .name = "stack-" label, .run = with_stack, .number = (value), .must = HARMLESS },
#define WITH_FLAGS(label, value)                                                                   \
    { .name = "flags-" label, .run = with_flags, .number = (value), .must = HARMLESS },
#define NO_INSTRUCTION                                                                             \
    {                                                                                              \
        SIGILL, ILL_ILLOPN, 6, false, ADDRESS_ANY, 0                                               \
    }
#define WITH_BASE(label, value)                                                                    \
    { .name = "base-" label,                                                                       \
      .run = with_bases,                                                                           \
      .number = (value),                                                                           \
      .must = HARMLESS,                                                                            \
      .otherwise = { { WITHOUT_FSGSBASE, NO_INSTRUCTION } } },

// clang-format off
static const struct attempt attempts[] = {
    WITH_STACK("null", 0)
    WITH_STACK("odd", 7)
    WITH_STACK("limit", USER_LIMIT)
    WITH_STACK("non-canonical", NON_CANONICAL)
    WITH_STACK("non-canonical-top", 0xffff7ffffffffff8u)
    WITH_STACK("direct-map", KERNEL_HALF + 0x1000)
    WITH_STACK("kernel", KERNEL_IMAGE + 0x1000)
    WITH_STACK("top", -8ul)
    WITH_FLAGS("df", FLAG_DF)
    WITH_FLAGS("nt", FLAG_NT)
    WITH_FLAGS("ac", FLAG_AC)
    WITH_FLAGS("id", FLAG_ID)
    WITH_FLAGS("all", ARITHMETIC | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID)
    { .name = "selectors", .run = with_selectors, .must = HARMLESS },
    WITH_BASE("null", 0)
    WITH_BASE("limit", USER_LIMIT)
    WITH_BASE("direct-map", KERNEL_HALF)
    WITH_BASE("kernel", KERNEL_IMAGE)
    WITH_BASE("top", -4096ul)
    { .name = "base-non-canonical", .run = with_bases, .number = NON_CANONICAL,
      .must = { SIGSEGV, SI_KERNEL, 13, false, ADDRESS_ANY, 0 },
      .otherwise = { { WITHOUT_FSGSBASE, NO_INSTRUCTION }, { IN_TCG, HARMLESS } } },
    { .name = "bases-by-call", .run = bases_by_call, .must = HARMLESS },
    { .name = "last-page-getpid", .run = at_the_end, .number = SYS_getpid,
      .must = NOT_MAPPED(0x15) },
    { .name = "last-page-yield", .run = at_the_end, .number = SYS_sched_yield,
      .must = NOT_MAPPED(0x15) },
    { .name = "last-page-exit", .run = at_the_end, .number = SYS_exit_group, .must = HARMLESS },
    { .name = "unknown-calls", .run = unknown_calls, .must = HARMLESS },
};
// clang-format on
GROUP(doors, "ways into the kernel with hostile registers", attempts);
