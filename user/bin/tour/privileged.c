// Scenes 3 and 4: privileged instructions in ring 3, and the trap table.
#include <stdio.h>

#include "instructions.h"
#include "kernel_log.h"
#include "refused.h"

#define ACT(function)                                                                              \
    static int act_##function(void *unused)                                                        \
    {                                                                                              \
        return do_##function();                                                                    \
    }
ACT(cli)
ACT(in)
ACT(out)
ACT(hlt)
ACT(load_cr3)
ACT(lidt)
ACT(wrmsr)
ACT(sidt)

#define UMIP_LEAF 7
#define UMIP_REGISTER 2
#define UMIP_BIT 2
// The last word of the first gate, which the CPU does not use and which is zero: a kernel that lets
// the zero through lives on.
#define GATE_UNUSED 12
#define KERNEL_IMAGE 0xffffffff80000000ull

void show_privileged(void)
{
    static const struct forbidden acts[] = {
        { "cli, interrupts off", act_cli, NULL, at_cli, VECTOR_PROTECTION, 0 },
        { "hlt, stop the CPU", act_hlt, NULL, at_hlt, VECTOR_PROTECTION, 0 },
        { "in, read from a device", act_in, NULL, at_in, VECTOR_PROTECTION, 0 },
        { "out, write to a device", act_out, NULL, at_out, VECTOR_PROTECTION, 0 },
        { "mov to cr3, other page tables", act_load_cr3, NULL, at_load_cr3, VECTOR_PROTECTION, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(acts); i++)
        refused_run(&acts[i], i == 0);
}

static int act_write(void *address)
{
    return write_zero(address);
}

// Where the trap table lies: the direct program of this boot has told the log. Otherwise any
// address of the kernel's half stands for it.
static unsigned long long trap_table_address(void)
{
    unsigned long long address = KERNEL_IMAGE;
    const char *line = kernel_log_find("direct: kernel: CR3 ");
    if (line == NULL || sscanf(line, "direct: kernel: CR3 %*x, trap table %llx", &address) != 1)
        note("(where it lies is a secret here; the kernel's first page stands for it)");
    return address;
}

void show_trap_table(void)
{
    static const struct forbidden load = { "lidt, another trap table", act_lidt, NULL, at_lidt,
                                           VECTOR_PROTECTION,          0 };
    static const struct forbidden enter = {
        "wrmsr LSTAR, another way in", act_wrmsr, NULL, at_wrmsr, VECTOR_PROTECTION, 0
    };
    static const struct forbidden ask = { "sidt, where is the table", act_sidt, NULL, at_sidt,
                                          VECTOR_PROTECTION,          0 };
    unsigned long long address = trap_table_address() + GATE_UNUSED;
    const struct forbidden write = { "write into the table", act_write, (void *)address, at_write,
                                     VECTOR_PAGE_FAULT,      address };
    refused_run(&load, false);
    refused_run(&enter, false);
    if (cpuid_bit(UMIP_LEAF, UMIP_REGISTER, UMIP_BIT))
        refused_run(&ask, false);
    else
        note("(this CPU has no UMIP: sidt is allowed, and tells where the table lies)");
    refused_run(&write, true);
}
