// Instructions that ring 3 may have, or that tell of the system: tables' addresses under UMIP,
// flags that are not ring 3's, IRETQ, counters. Invariant: nothing of the kernel's state is read or
// changed.
#include "registers.h"

#define USER_FRAME(flags)                                                                          \
    "movq %rsp, %rbx; pushq $0x2b; pushq %rbx; pushq $" flags "; pushq $0x33; "
#define IRET_CHANGES STACK_CHANGES | BIT(RBX) | BIT(RSP)

static uint64_t place[8] __attribute__((used));

#define TELLING(ROW)                                                                               \
    ROW("sgdt", sgdt, "sgdt place(%rip)")                                                          \
    ROW("sidt", sidt, "sidt place(%rip)")                                                          \
    ROW("sldt", sldt, "sldt %eax")                                                                 \
    ROW("sldt-memory", sldt_memory, "sldt place(%rip)")                                            \
    ROW("str", str, "str %eax")                                                                    \
    ROW("str-memory", str_memory, "str place(%rip)")                                               \
    ROW("smsw", smsw, "smsw %eax")                                                                 \
    ROW("smsw-memory", smsw_memory, "smsw place(%rip)")

#define DEFINE_CODE(name, identifier, text) CODE(identifier, "", text);
TELLING(DEFINE_CODE)

// Bits that POPF leaves alone at this privilege, silently. All but one give back the same flags.
CODE(popf_if, "pushq $0x47", "popfq");
CODE(popf_iopl, "pushq $0x3247", "popfq");
CODE(popf_vm, "pushq $0x20247", "popfq");
CODE(popf_vif, "pushq $0x80247", "popfq");
CODE(popf_vip, "pushq $0x100247", "popfq");
CODE(popf_reserved, "pushq $0x7fc0826d", "popfq");
CODE(popf_narrow, "pushw $0x3047", "popfw");

CODE(iret_same, USER_FRAME("0x247") "pushq $773f", "iretq");
CODE(iret_flags, USER_FRAME("0x1a3047") "pushq $773f", "iretq");
CODE(iret_nested, USER_FRAME("0x4247") "popq %rcx; popfq; pushfq; pushq %rcx; pushq $773f",
     "iretq");
CODE(iret_kernel, "movq %rsp, %rbx; pushq $0x10; pushq %rbx; pushfq; pushq $8; pushq %rax",
     "iretq");
CODE(iret_kernel_narrow, "movq %rsp, %rbx; pushq $0x2b; pushq %rbx; pushfq; pushq $8; pushq $773f",
     "iretl");
CODE(iret_far_away, USER_FRAME("0x247") "pushq %rax", "iretq");
CODE(iret_bad_stack, "pushq $0x2b; pushq %rax; pushfq; pushq $0x33; pushq $773f", "iretq");
CODE(far_return_far_away, "pushq $0x33; pushq %rax", "lretq");
CODE(far_return_same, "pushq $0x33; pushq $773f", "lretq");

CODE(rdtsc, "", "rdtsc");
CODE(cpuid, "", "cpuid");
CODE(xgetbv_0, "", "xgetbv");
CODE(rdpkru, "", ".byte 0x0f, 0x01, 0xee");
CODE(rdfsbase, "", "rdfsbase %rax");
CODE(wrgsbase_far_away, "", "wrgsbase %rax");
CODE(wrfsbase_far_away, "", "wrfsbase %rax");
CODE(rdtscp, "", "rdtscp");
CODE(rdpid, "", ".byte 0xf3, 0x0f, 0xc7, 0xf8"); // to RAX

#define NON_CANONICAL 0x0000800000000000ul
#define KERNEL_IMAGE 0xffffffff80000000ul // where it is linked; it is there with `nokaslr`

// TSC_AUX holds the CPU's number and nothing else.
static int processor_number(const struct attempt *attempt)
{
    const struct instruction *instruction = attempt->argument;
    unsigned number = instruction->code == &code_rdpid ? RAX : RCX;
    pin_to_cpu(0);
    if (run_instruction(attempt))
        return 1;
    if (registers_out.general[number] != 0)
        return attempt_note("CPU 0 is told %#lx", registers_out.general[number]);
    return 0;
}

#define TELLING_ROW(label, identifier, text)                                                       \
    { .name = label,                                                                               \
      INSTRUCTION(identifier, .changes = BIT(RAX)),                                                \
      .must = PROTECTION(0),                                                                       \
      .otherwise = { { ON_LINUX_EMULATING, HARMLESS }, { WITHOUT_UMIP, HARMLESS } } },
#define FLAGS_ROW(label, identifier)                                                               \
    { .name = label, INSTRUCTION(identifier, .changes = STACK_CHANGES), .must = HARMLESS },

static const struct attempt attempts[] = {
    TELLING(TELLING_ROW) FLAGS_ROW("popf-if", popf_if) //
    FLAGS_ROW("popf-iopl", popf_iopl)                  //
    FLAGS_ROW("popf-vm", popf_vm)                      //
    FLAGS_ROW("popf-vif", popf_vif)                    //
    FLAGS_ROW("popf-vip", popf_vip)                    //
    FLAGS_ROW("popf-reserved", popf_reserved)          //
    FLAGS_ROW("popf-16", popf_narrow)                  //
    { .name = "iret-same",
      INSTRUCTION(iret_same, .changes = IRET_CHANGES),
      .must = HARMLESS,
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) } } },
    { .name = "iret-flags",
      INSTRUCTION(iret_flags, .changes = IRET_CHANGES),
      .must = HARMLESS,
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) } } },
    { .name = "iret-nested",
      INSTRUCTION(iret_nested, .changes = IRET_CHANGES | BIT(RCX) | FLAGS_CHANGE),
      .must = PROTECTION(0) },
    { .name = "iret-kernel",
      INSTRUCTION(iret_kernel, .address = KERNEL_IMAGE, .changes = IRET_CHANGES),
      .must = PROTECTION(8),
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) } } },
    { .name = "iret-kernel-32",
      INSTRUCTION(iret_kernel_narrow, .changes = IRET_CHANGES),
      .must = PROTECTION(0),
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) } } },
    { .name = "iret-non-canonical",
      INSTRUCTION(iret_far_away, .address = NON_CANONICAL, .changes = IRET_CHANGES),
      .must = PROTECTION(0),
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) }, { IN_TCG, KILLED(SIGSEGV) } } },
    { .name = "iret-to-kernel-text",
      INSTRUCTION(iret_far_away, .address = KERNEL_IMAGE, .changes = IRET_CHANGES, .jumps = true),
      .must = NOT_MAPPED(0x15),
      .otherwise = { { IN_TCG_WITH_SMAP, KILLED(SIGSEGV) } } },
    { .name = "iret-bad-stack",
      INSTRUCTION(iret_bad_stack, .address = NON_CANONICAL, .changes = IRET_CHANGES),
      .must = HARMLESS,
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) } } },
    { .name = "far-return-same",
      INSTRUCTION(far_return_same, .changes = STACK_CHANGES | BIT(RSP)),
      .must = HARMLESS,
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) } } },
    { .name = "far-return-non-canonical",
      INSTRUCTION(far_return_far_away, .address = NON_CANONICAL,
                  .changes = STACK_CHANGES | BIT(RSP)),
      .must = PROTECTION(0),
      .otherwise = { { IN_TCG_WITH_SMAP, SUPERVISOR_FAULT(1) }, { IN_TCG, KILLED(SIGSEGV) } } },
    { .name = "rdtsc", INSTRUCTION(rdtsc, .changes = BIT(RAX) | BIT(RDX)), .must = HARMLESS },
    { .name = "cpuid",
      INSTRUCTION(cpuid, .set = { REGISTERS(RAX, 0) },
                  .changes = BIT(RAX) | BIT(RBX) | BIT(RCX) | BIT(RDX)),
      .must = HARMLESS },
    { .name = "xgetbv",
      INSTRUCTION(xgetbv_0, .set = { REGISTERS(RCX, 0) }, .changes = BIT(RAX) | BIT(RDX)),
      .must = HARMLESS,
      .otherwise = { { WITHOUT_XSAVE, UNDEFINED } } },
    { .name = "rdpkru",
      INSTRUCTION(rdpkru, .set = { REGISTERS(RCX, 0) }, .changes = BIT(RAX) | BIT(RDX)),
      .must = UNDEFINED,
      .otherwise = { { WITH_KEYS, HARMLESS } } },
    { .name = "rdfsbase",
      INSTRUCTION(rdfsbase, .changes = BIT(RAX)),
      .must = HARMLESS,
      .otherwise = { { WITHOUT_FSGSBASE, UNDEFINED } } },
    { .name = "rdtscp",
      INSTRUCTION_BY(processor_number, rdtscp, .changes = BIT(RAX) | BIT(RCX) | BIT(RDX)),
      .must = HARMLESS,
      .otherwise = { { WITHOUT_RDTSCP, UNDEFINED } } },
    { .name = "rdpid",
      INSTRUCTION_BY(processor_number, rdpid, .changes = BIT(RAX)),
      .must = HARMLESS,
      .otherwise = { { WITHOUT_RDPID, UNDEFINED } } },
};
GROUP(sensitive, "instructions that tell of the system, flags, IRET", attempts);
