// Privileged instructions in ring 3: each must raise #GP (SIGSEGV) or #UD (SIGILL), whatever its
// operands. Invariant: an act that survives its instruction returns 0, which is a wrong verdict.
#include "offend.h"

#include <signal.h>

static unsigned char table_register[16];

#define INSTRUCTION_ACT(name, ...)                                                                 \
    static int name(void)                                                                          \
    {                                                                                              \
        __asm__ volatile(__VA_ARGS__);                                                             \
        return 0;                                                                                  \
    }

INSTRUCTION_ACT(do_cli, "cli")
INSTRUCTION_ACT(do_sti, "sti")
INSTRUCTION_ACT(do_hlt, "hlt")
INSTRUCTION_ACT(do_in, "inb $0x60, %%al" : : : "rax")
INSTRUCTION_ACT(do_in_dx, "inl %%dx, %%eax" : : "d"(0xcfc) : "rax")
INSTRUCTION_ACT(do_out, "outb %%al, $0x80" : : "a"(0))
INSTRUCTION_ACT(do_out_dx, "outb %%al, %%dx" : : "a"('!'), "d"(0x3f8))
INSTRUCTION_ACT(do_ins, "insb" : : "d"(0x60), "D"(table_register) : "memory")
INSTRUCTION_ACT(do_outs, "rep outsb" : : "d"(0x3f8), "S"(table_register), "c"(4) : "memory")
INSTRUCTION_ACT(do_lgdt, "lgdt %0" : : "m"(table_register))
INSTRUCTION_ACT(do_lidt, "lidt %0" : : "m"(table_register))
INSTRUCTION_ACT(do_lldt, "lldt %%ax" : : "a"(0))
INSTRUCTION_ACT(do_ltr, "ltr %%ax" : : "a"(0x40))
INSTRUCTION_ACT(do_lmsw, "lmsw %%ax" : : "a"(1))
INSTRUCTION_ACT(do_clts, "clts")
INSTRUCTION_ACT(read_cr0, "movq %%cr0, %%rax" : : : "rax")
INSTRUCTION_ACT(write_cr0, "movq %%rax, %%cr0" : : "a"(0x80000011ul))
INSTRUCTION_ACT(read_cr2, "movq %%cr2, %%rax" : : : "rax")
INSTRUCTION_ACT(read_cr3, "movq %%cr3, %%rax" : : : "rax")
INSTRUCTION_ACT(write_cr3, "movq %%rax, %%cr3" : : "a"(0ul))
INSTRUCTION_ACT(read_cr4, "movq %%cr4, %%rax" : : : "rax")
INSTRUCTION_ACT(write_cr4, "movq %%rax, %%cr4" : : "a"(0x20ul))
INSTRUCTION_ACT(write_cr8, "movq %%rax, %%cr8" : : "a"(15ul))
INSTRUCTION_ACT(read_dr7, "movq %%dr7, %%rax" : : : "rax")
INSTRUCTION_ACT(write_dr0, "movq %%rax, %%dr0" : : "a"(0x1000ul))
INSTRUCTION_ACT(do_rdmsr, "rdmsr" : : "c"(0xc0000080) : "rax", "rdx")
INSTRUCTION_ACT(do_wrmsr, "wrmsr" : : "c"(0xc0000082), "a"(0), "d"(0))
INSTRUCTION_ACT(do_rdpmc, "rdpmc" : : "c"(0) : "rax", "rdx")
INSTRUCTION_ACT(do_invlpg, "invlpg %0" : : "m"(table_register))
INSTRUCTION_ACT(do_invd, "invd" : : : "memory")
INSTRUCTION_ACT(do_wbinvd, "wbinvd" : : : "memory")
INSTRUCTION_ACT(do_swapgs, "swapgs")
INSTRUCTION_ACT(do_sysret, "sysretq" : : "c"(0), "r"(0) : "r11", "memory")
INSTRUCTION_ACT(do_sysexit, "sysexit" : : "c"(0), "d"(0) : "memory")
INSTRUCTION_ACT(do_sysenter, "sysenter" : : "a"(20) : "memory", "rcx", "rdx")
INSTRUCTION_ACT(do_clac, "clac" : : : "cc")
INSTRUCTION_ACT(do_stac, "stac" : : : "cc")
INSTRUCTION_ACT(do_xsetbv, "xsetbv" : : "c"(0), "a"(1), "d"(0))
INSTRUCTION_ACT(bad_xgetbv, "xgetbv" : : "c"(77) : "rax", "rdx")
INSTRUCTION_ACT(do_monitor, "monitor" : : "a"(table_register), "c"(0), "d"(0))
INSTRUCTION_ACT(do_rsm, "rsm" : : : "memory")
INSTRUCTION_ACT(do_sgdt, "sgdt %0" : "=m"(table_register))
INSTRUCTION_ACT(do_sidt, "sidt %0" : "=m"(table_register))
INSTRUCTION_ACT(do_sldt, "sldt %%rax" : : : "rax")
INSTRUCTION_ACT(do_str, "str %%rax" : : : "rax")
INSTRUCTION_ACT(do_smsw, "smsw %%rax" : : : "rax")

const struct offence privileged_offences[] = {
    { "cli", do_cli, SIGSEGV, 0 },
    { "sti", do_sti, SIGSEGV, 0 },
    { "hlt", do_hlt, SIGSEGV, 0 },
    { "in", do_in, SIGSEGV, 0 },
    { "in-dx", do_in_dx, SIGSEGV, 0 },
    { "out", do_out, SIGSEGV, 0 },
    { "out-dx", do_out_dx, SIGSEGV, 0 },
    { "ins", do_ins, SIGSEGV, 0 },
    { "outs", do_outs, SIGSEGV, 0 },
    { "lgdt", do_lgdt, SIGSEGV, 0 },
    { "lidt", do_lidt, SIGSEGV, 0 },
    { "lldt", do_lldt, SIGSEGV, 0 },
    { "ltr", do_ltr, SIGSEGV, 0 },
    { "lmsw", do_lmsw, SIGSEGV, 0 },
    { "clts", do_clts, SIGSEGV, 0 },
    { "cr0-read", read_cr0, SIGSEGV, 0 },
    { "cr0-write", write_cr0, SIGSEGV, 0 },
    { "cr2-read", read_cr2, SIGSEGV, 0 },
    { "cr3-read", read_cr3, SIGSEGV, 0 },
    { "cr3-write", write_cr3, SIGSEGV, 0 },
    { "cr4-read", read_cr4, SIGSEGV, 0 },
    { "cr4-write", write_cr4, SIGSEGV, 0 },
    { "cr8-write", write_cr8, SIGSEGV, 0 },
    { "dr7-read", read_dr7, SIGSEGV, 0 },
    { "dr0-write", write_dr0, SIGSEGV, 0 },
    { "rdmsr", do_rdmsr, SIGSEGV, 0 },
    { "wrmsr", do_wrmsr, SIGSEGV, 0 },
    { "rdpmc", do_rdpmc, SIGSEGV, 0 },
    { "invlpg", do_invlpg, SIGSEGV, 0 },
    { "invd", do_invd, SIGSEGV, 0 },
    { "wbinvd", do_wbinvd, SIGSEGV, 0 },
    { "swapgs", do_swapgs, SIGSEGV, 0 },
    { "sysret", do_sysret, SIGSEGV, 0 },
    { "sysexit", do_sysexit, SIGSEGV, AMD_SAYS_ILL },
    { "sysenter", do_sysenter, SIGSEGV, AMD_SAYS_ILL }, // SYSENTER_CS is 0
    { "clac", do_clac, SIGILL, 0 },
    { "stac", do_stac, SIGILL, 0 },
    { "xsetbv", do_xsetbv, SIGSEGV, NEEDS_XSAVE },
    { "xgetbv-unknown", bad_xgetbv, SIGSEGV, NEEDS_XSAVE },
    { "monitor", do_monitor, SIGILL, 0 },
    { "rsm", do_rsm, SIGILL, 0 },
    // Where the CPU has UMIP the kernel's addresses stay secret; no real program needs these.
    { "sgdt", do_sgdt, SIGSEGV, UMIP_DECIDES },
    { "sidt", do_sidt, SIGSEGV, UMIP_DECIDES },
    { "sldt", do_sldt, SIGSEGV, UMIP_DECIDES },
    { "str", do_str, SIGSEGV, UMIP_DECIDES },
    { "smsw", do_smsw, SIGSEGV, UMIP_DECIDES },
};
const size_t privileged_offence_count = COUNT_OF(privileged_offences);
