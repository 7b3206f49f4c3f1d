// Every selector value from 0 to 0xffff in every instruction that takes one. What ring 3 may have:
// its data and code segments, the one whose limit is the CPU's number, null where that is allowed.
// Everything else raises #GP with the selector, or 0 for null, as error code (SDM vol. 2, JMP, RET,
// IRET, MOV; vol. 3A, 5.8).
#include "registers.h"

#include <sched.h>

#define USER_DATA 0x28u
#define USER_CODE 0x30u
#define CPU_NUMBER 0x38u
#define LINUX_NARROW_CODE 0x20u // for programs of 32 bits
#define LINUX_CPU_NUMBER 0x78u

// Far transfers arrive here: a user code segment of any width makes #UD of it.
__asm__(".text\nlanding: ud2\n");
extern const char landing[];

static struct {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed)) far_target __attribute__((used));

CODE(far_jump, "", "ljmpl *far_target(%rip)");
CODE(far_call, "", "lcalll *far_target(%rip)");
CODE(far_return, "pushq %rax; pushq $landing", "lretq");
CODE(iret_code, "movq %rsp, %rbx; pushq $0x2b; pushq %rbx; pushfq; pushq %rax; pushq $landing",
     "iretq");
CODE(iret_stack, "movq %rsp, %rbx; pushq %rax; pushq %rbx; pushfq; pushq $0x33; pushq $landing",
     "iretq");
CODE(load_ds, "", "movl %eax, %ds");
CODE(load_es, "", "movl %eax, %es");
CODE(load_fs, "", "movl %eax, %fs");
CODE(load_gs, "", "movl %eax, %gs");
CODE(load_ss, "", "movl %eax, %ss");

struct transfer {
    const struct code *code;
    bool (*is_allowed)(unsigned selector);
    unsigned selector_out; // of registers_out.selectors; 0 for transfers, which end at `landing`
    enum { NO_STACK, READS_STACK, WRITES_STACK } stack;
};

static unsigned descriptor_of(unsigned selector)
{
    return selector & ~3u;
}

static bool is_null(unsigned selector)
{
    return descriptor_of(selector) == 0;
}

static bool is_code(unsigned selector)
{
    return descriptor_of(selector) == USER_CODE ||
           (!kernel_is_ringfence() && descriptor_of(selector) == LINUX_NARROW_CODE);
}

static bool is_cpu_number(unsigned selector)
{
    return descriptor_of(selector) == (kernel_is_ringfence() ? CPU_NUMBER : LINUX_CPU_NUMBER);
}

// A jump or call takes any requested privilege that is not above ring 3's.
static bool may_jump(unsigned selector)
{
    return is_code(selector);
}

// A return takes ring 3's only.
static bool may_return(unsigned selector)
{
    return is_code(selector) && (selector & 3) == 3;
}

static bool may_be_stack(unsigned selector)
{
    return selector == (USER_DATA | 3);
}

static bool is_visible(unsigned selector)
{
    return is_code(selector) || is_cpu_number(selector) || descriptor_of(selector) == USER_DATA;
}

static bool may_be_data(unsigned selector)
{
    return is_null(selector) || is_visible(selector);
}

static const struct transfer far_jump = { &code_far_jump, may_jump, 0, NO_STACK };
static const struct transfer far_call = { &code_far_call, may_jump, 0, WRITES_STACK };
static const struct transfer far_return = { &code_far_return, may_return, 0, READS_STACK };
static const struct transfer iret_code = { &code_iret_code, may_return, 0, READS_STACK };
static const struct transfer iret_stack = { &code_iret_stack, may_be_stack, 0, READS_STACK };
static const struct transfer load_ds = { &code_load_ds, may_be_data, 2, NO_STACK };
static const struct transfer load_es = { &code_load_es, may_be_data, 3, NO_STACK };
static const struct transfer load_fs = { &code_load_fs, may_be_data, 4, NO_STACK };
static const struct transfer load_gs = { &code_load_gs, may_be_data, 5, NO_STACK };
static const struct transfer load_ss = { &code_load_ss, may_be_stack, 1, NO_STACK };

static int expect_arrival(const struct transfer *transfer, const struct seen *seen,
                          unsigned selector)
{
    if (transfer->selector_out != 0) {
        uint64_t loaded = registers_out.selectors[transfer->selector_out];
        if (seen->signal == 0 && loaded != selector)
            return attempt_note("%#x: %#lx was loaded", selector, loaded);
        return expect_nothing(seen, selector);
    }
    if (seen->signal != SIGILL || seen->rip != (uint64_t)landing || (seen->cs & 3) != 3)
        return attempt_note("%#x: signal %d vector %d error %#x rip %#lx cs %#lx", selector,
                            seen->signal, seen->trap, seen->error, seen->rip, seen->cs);
    return 0;
}

// QEMU's emulation has far calls and returns use the stack with the kernel's rights, which SMAP
// refuses, before (returns) or after (calls) it looks at the selector.
static bool emulator_refuses(const struct transfer *transfer, bool allowed)
{
    return reason_applies(IN_TCG_WITH_SMAP) &&
           (transfer->stack == READS_STACK || (transfer->stack == WRITES_STACK && allowed));
}

static int expect_supervisor_fault(const struct transfer *transfer, const struct seen *seen,
                                   unsigned selector)
{
    uint32_t error = transfer->stack == WRITES_STACK ? 3 : 1;
    if (seen->signal != SIGSEGV || seen->code != SEGV_ACCERR || seen->trap != 14 ||
        seen->error != error || seen->rip != (uint64_t)transfer->code->at)
        return attempt_note("%#x: signal %d vector %d error %#x rip %#lx", selector, seen->signal,
                            seen->trap, seen->error, seen->rip);
    return 0;
}

static int judge_selector(const struct transfer *transfer, unsigned selector)
{
    bool allowed = transfer->is_allowed(selector);
    far_target.selector = (uint16_t)selector;
    registers_in.general[RAX] = selector;
    struct seen seen = registers_try(transfer->code->start);
    if (emulator_refuses(transfer, allowed))
        return expect_supervisor_fault(transfer, &seen, selector);
    if (allowed)
        return expect_arrival(transfer, &seen, selector);
    return expect_protection(&seen, transfer->code, descriptor_of(selector), selector);
}

static int every_selector(const struct attempt *attempt)
{
    const struct transfer *transfer = attempt->argument;
    registers_prepare();
    far_target.offset = (uint32_t)(uint64_t)landing;
    for (unsigned selector = 0; selector <= 0xffff; selector++) {
        if (sweeps_are_quick && selector > 0x9f && selector % 509 != 0)
            continue;
        if (judge_selector(transfer, selector))
            return 1;
    }
    return 0;
}

#define ASK(instruction, selector, value, found)                                                   \
    __asm__(instruction " %2, %0; setz %1" : "+r"(value), "=q"(found) : "r"(selector) : "cc")

// LAR, LSL, VERR and VERW tell of the descriptors of ring 3, and deny that there are others.
static int descriptors_asked(const struct attempt *attempt)
{
    pin_to_cpu(0);
    for (unsigned selector = 0; selector <= 0xffff; selector++) {
        uint32_t rights = 0, limit = 0;
        bool has_rights, has_limit, readable, writable;
        ASK("lar", selector, rights, has_rights);
        ASK("lsl", selector, limit, has_limit);
        __asm__("verr %w1; setz %0" : "=q"(readable) : "r"(selector) : "cc");
        __asm__("verw %w1; setz %0" : "=q"(writable) : "r"(selector) : "cc");
        bool visible = is_visible(selector);
        if (has_rights != visible || has_limit != visible || readable != visible ||
            writable != (descriptor_of(selector) == USER_DATA))
            return attempt_note("%#x: lar %d lsl %d verr %d verw %d", selector, has_rights,
                                has_limit, readable, writable);
        if (visible && ((rights >> 13 & 3) != 3 || (limit == 0) != is_cpu_number(selector)))
            return attempt_note("%#x: rights %#x limit %#x", selector, rights, limit);
    }
    return 0;
}

#define SWEEP(label, identifier)                                                                   \
    {                                                                                              \
        .name = label, .run = every_selector, .argument = &(identifier), .must = HARMLESS          \
    }

static const struct attempt attempts[] = {
    SWEEP("far-jump", far_jump),
    SWEEP("far-call", far_call),
    SWEEP("far-return", far_return),
    SWEEP("iret-code", iret_code),
    SWEEP("iret-stack", iret_stack),
    SWEEP("load-ds", load_ds),
    SWEEP("load-es", load_es),
    SWEEP("load-fs", load_fs),
    SWEEP("load-gs", load_gs),
    SWEEP("load-ss", load_ss),
    { .name = "lar-lsl-verr-verw", .run = descriptors_asked, .must = HARMLESS },
};
GROUP(selectors, "every selector value", attempts);
