// Privileged instructions in ring 3: each raises #GP or #UD before anything else is looked at,
// whatever its operands (SDM vol. 2, "Protected Mode Exceptions" of each; vol. 3A, 5.9).
#include "registers.h"

static uint64_t operand[8] __attribute__((used, aligned(64)));

// Name, identifier, text: #GP everywhere.
#define REFUSED(ROW)                                                                               \
    ROW("cli", cli, "cli")                                                                         \
    ROW("sti", sti, "sti")                                                                         \
    ROW("hlt", hlt, "hlt")                                                                         \
    ROW("lgdt", lgdt, "lgdt operand(%rip)")                                                        \
    ROW("lidt", lidt, "lidt operand(%rip)")                                                        \
    ROW("lldt", lldt, "lldt %ax")                                                                  \
    ROW("lldt-memory", lldt_memory, "lldt operand(%rip)")                                          \
    ROW("ltr", ltr, "ltr %ax")                                                                     \
    ROW("ltr-memory", ltr_memory, "ltr operand(%rip)")                                             \
    ROW("lmsw", lmsw, "lmsw %ax")                                                                  \
    ROW("lmsw-memory", lmsw_memory, "lmsw operand(%rip)")                                          \
    ROW("clts", clts, "clts")                                                                      \
    ROW("cr0-read", cr0_read, "movq %cr0, %rax")                                                   \
    ROW("cr0-write", cr0_write, "movq %rax, %cr0")                                                 \
    ROW("cr2-read", cr2_read, "movq %cr2, %rax")                                                   \
    ROW("cr2-write", cr2_write, "movq %rax, %cr2")                                                 \
    ROW("cr3-read", cr3_read, "movq %cr3, %rax")                                                   \
    ROW("cr3-write", cr3_write, "movq %rax, %cr3")                                                 \
    ROW("cr4-read", cr4_read, "movq %cr4, %rax")                                                   \
    ROW("cr4-write", cr4_write, "movq %rax, %cr4")                                                 \
    ROW("cr8-read", cr8_read, "movq %cr8, %rax")                                                   \
    ROW("cr8-write", cr8_write, "movq %rax, %cr8")                                                 \
    ROW("dr0-read", dr0_read, "movq %dr0, %rax")                                                   \
    ROW("dr0-write", dr0_write, "movq %rax, %dr0")                                                 \
    ROW("dr3-read", dr3_read, "movq %dr3, %rax")                                                   \
    ROW("dr3-write", dr3_write, "movq %rax, %dr3")                                                 \
    ROW("dr6-read", dr6_read, "movq %dr6, %rax")                                                   \
    ROW("dr6-write", dr6_write, "movq %rax, %dr6")                                                 \
    ROW("dr7-read", dr7_read, "movq %dr7, %rax")                                                   \
    ROW("dr7-write", dr7_write, "movq %rax, %dr7")                                                 \
    ROW("rdmsr", rdmsr, "rdmsr")                                                                   \
    ROW("wrmsr", wrmsr, "wrmsr")                                                                   \
    ROW("rdpmc", rdpmc, "rdpmc")                                                                   \
    ROW("invlpg", invlpg, "invlpg operand(%rip)")                                                  \
    ROW("invd", invd, "invd")                                                                      \
    ROW("wbinvd", wbinvd, "wbinvd")                                                                \
    ROW("in-8", in_8, "inb $0x60, %al")                                                            \
    ROW("in-16", in_16, "inw $0x60, %ax")                                                          \
    ROW("in-32", in_32, "inl $0x60, %eax")                                                         \
    ROW("in-dx-8", in_dx_8, "inb %dx, %al")                                                        \
    ROW("in-dx-16", in_dx_16, "inw %dx, %ax")                                                      \
    ROW("in-dx-32", in_dx_32, "inl %dx, %eax")                                                     \
    ROW("out-8", out_8, "outb %al, $0x80")                                                         \
    ROW("out-16", out_16, "outw %ax, $0x80")                                                       \
    ROW("out-32", out_32, "outl %eax, $0x80")                                                      \
    ROW("out-dx-8", out_dx_8, "outb %al, %dx")                                                     \
    ROW("out-dx-16", out_dx_16, "outw %ax, %dx")                                                   \
    ROW("out-dx-32", out_dx_32, "outl %eax, %dx")                                                  \
    ROW("ins-8", ins_8, "insb")                                                                    \
    ROW("ins-16", ins_16, "insw")                                                                  \
    ROW("ins-32", ins_32, "insl")                                                                  \
    ROW("rep-ins", rep_ins, "rep insb")                                                            \
    ROW("outs-8", outs_8, "outsb")                                                                 \
    ROW("outs-16", outs_16, "outsw")                                                               \
    ROW("outs-32", outs_32, "outsl")                                                               \
    ROW("rep-outs", rep_outs, "rep outsb")                                                         \
    ROW("swapgs", swapgs, "swapgs")                                                                \
    ROW("sysretq", sysretq, "sysretq")                                                             \
    ROW("sysretl", sysretl, "sysretl")

// Not in this mode, not at this privilege, or not switched on: #UD everywhere.
#define NOT_THERE(ROW)                                                                             \
    ROW("clac", clac, "clac")                                                                      \
    ROW("stac", stac, "stac")                                                                      \
    ROW("monitor", monitor, "monitor")                                                             \
    ROW("mwait", mwait, "mwait")                                                                   \
    ROW("rsm", rsm, "rsm")                                                                         \
    ROW("getsec", getsec, "getsec")                                                                \
    ROW("vmxon", vmxon, "vmxon operand(%rip)")                                                     \
    ROW("vmxoff", vmxoff, "vmxoff")                                                                \
    ROW("vmlaunch", vmlaunch, "vmlaunch")                                                          \
    ROW("vmresume", vmresume, "vmresume")                                                          \
    ROW("vmread", vmread, "vmread %rax, %rbx")                                                     \
    ROW("vmwrite", vmwrite, "vmwrite %rax, %rbx")                                                  \
    ROW("vmptrld", vmptrld, "vmptrld operand(%rip)")                                               \
    ROW("vmclear", vmclear, "vmclear operand(%rip)")                                               \
    ROW("vmfunc", vmfunc, ".byte 0x0f, 0x01, 0xd4")                                                \
    ROW("invept", invept, "invept operand(%rip), %rax")                                            \
    ROW("vmrun", vmrun, "vmrun")                                                                   \
    ROW("vmload", vmload, "vmload")                                                                \
    ROW("vmsave", vmsave, "vmsave")                                                                \
    ROW("stgi", stgi, "stgi")                                                                      \
    ROW("clgi", clgi, "clgi")                                                                      \
    ROW("skinit", skinit, "skinit")                                                                \
    ROW("invlpga", invlpga, "invlpga %rax, %ecx")                                                  \
    ROW("encls", encls, ".byte 0x0f, 0x01, 0xcf")                                                  \
    ROW("pconfig", pconfig, ".byte 0x0f, 0x01, 0xc5")

#define DEFINE_CODE(name, identifier, text) CODE(identifier, "", text);
REFUSED(DEFINE_CODE)
NOT_THERE(DEFINE_CODE)
CODE(cr1_read, "", ".byte 0x0f, 0x20, 0xc8");
CODE(cr5_write, "", ".byte 0x0f, 0x22, 0xe8");
CODE(invpcid, "", "invpcid operand(%rip), %rax");
CODE(wbnoinvd, "", ".byte 0xf3, 0x0f, 0x09");
CODE(sysexit, "", "sysexit");
CODE(sysenter, "", "sysenter");
CODE(xsetbv, "", "xsetbv");
CODE(xgetbv, "", "xgetbv");
CODE(xsaves, "", "xsaves operand(%rip)");
CODE(vmcall, "", "vmcall");
CODE(vmmcall, "", "vmmcall");

#define REFUSED_ROW(label, identifier, text)                                                       \
    { .name = label, INSTRUCTION(identifier), .must = PROTECTION(0) },
#define NOT_THERE_ROW(label, identifier, text)                                                     \
    { .name = label, INSTRUCTION(identifier), .must = UNDEFINED },

static int msrs(const struct attempt *attempt)
{
    static const uint32_t numbers[] = {
        0,          0x10,       0x1b,       0x3a,       0x174,      0x176,      0x1a0,
        0x1d9,      0x277,      0x6e0,      0x802,      0xc0000080, 0xc0000081, 0xc0000082,
        0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010015
    };
    registers_prepare();
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        registers_in.general[RCX] = numbers[i];
        struct seen read = registers_try(code_rdmsr.start);
        struct seen written = registers_try(code_wrmsr.start);
        if (expect_protection(&read, &code_rdmsr, 0, numbers[i]) ||
            expect_protection(&written, &code_wrmsr, 0, numbers[i]) || registers_compare(0))
            return 1;
    }
    return 0;
}

// A hole in an I/O permission bitmap would be one port wide.
static int ports(const struct attempt *attempt)
{
    unsigned step = sweeps_are_quick ? 64 : 1;
    registers_prepare();
    for (unsigned port = 0; port < 0x10000; port += step) {
        registers_in.general[RDX] = port;
        const struct code *code = port % 16 == 0 ? &code_out_dx_8 : &code_in_dx_8;
        struct seen what = registers_try(code->start);
        if (expect_protection(&what, code, 0, port))
            return 1;
    }
    return registers_compare(0);
}

static const struct attempt attempts[] = {
    REFUSED(REFUSED_ROW) NOT_THERE(NOT_THERE_ROW) //
    { .name = "cr1-read",                         // TCG looks at the privilege first
      INSTRUCTION(cr1_read),
      .must = UNDEFINED,
      .otherwise = { { IN_TCG, PROTECTION(0) } } },
    { .name = "cr5-write",
      INSTRUCTION(cr5_write),
      .must = UNDEFINED,
      .otherwise = { { IN_TCG, PROTECTION(0) } } },
    { .name = "invpcid",
      INSTRUCTION(invpcid),
      .must = PROTECTION(0),
      .otherwise = { { WITHOUT_INVPCID, UNDEFINED } } },
    { .name = "wbnoinvd", INSTRUCTION(wbnoinvd), .must = PROTECTION(0) },
    { .name = "sysexit",
      INSTRUCTION(sysexit),
      .must = PROTECTION(0),
      .otherwise = { { ON_AMD, UNDEFINED } } },
    { .name = "sysenter", // SYSENTER_CS is 0
      INSTRUCTION(sysenter),
      .must = PROTECTION(0),
      .otherwise = { { ON_LINUX, KILLED(SIGSEGV) }, { ON_AMD, UNDEFINED } } },
    { .name = "xsetbv",
      INSTRUCTION(xsetbv, .set = { REGISTERS(RCX, 0) }),
      .must = PROTECTION(0),
      .otherwise = { { WITHOUT_XSAVE, UNDEFINED } } },
    { .name = "xgetbv-unknown",
      INSTRUCTION(xgetbv, .set = { REGISTERS(RCX, 5) }),
      .must = PROTECTION(0),
      .otherwise = { { WITHOUT_XSAVE, UNDEFINED } } },
    { .name = "xsaves",
      INSTRUCTION(xsaves),
      .must = PROTECTION(0),
      .otherwise = { { WITHOUT_XSAVES, UNDEFINED } } },
    { .name = "vmcall", // to a hypervisor, which answers in RAX: nothing of the kernel's
      INSTRUCTION(vmcall, .changes = BIT(RAX)),
      .must = UNDEFINED,
      .otherwise = { { ON_LINUX_IN_A_GUEST, HARMLESS } } },
    { .name = "vmmcall",
      INSTRUCTION(vmmcall, .changes = BIT(RAX)),
      .must = UNDEFINED,
      .otherwise = { { ON_LINUX_IN_A_GUEST, KILLED(SIGSEGV) } } },
    { .name = "every-msr", .run = msrs, .must = HARMLESS },
    { .name = "every-port", .run = ports, .must = HARMLESS },
};
GROUP(privileged, "privileged instructions", attempts);
