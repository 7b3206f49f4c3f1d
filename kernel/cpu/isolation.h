// Page-table isolation (kpti=): what an entry from ring 3 finds before it is on the kernel's
// tables. CPUs without RDCL_NO read memory that a translation exists for, whatever its rights
// (CVE-2017-5754, "Meltdown"); so with isolation ring 3 runs on tables of its own, in which of the
// kernel's half only the entry area exists: entry code, IDT, and of each CPU GDT, TSS, IST stacks
// and the page below. Every program may read it all (see "What ring 3 may see").
//
// Rules, each again where it is kept:
//   - CR3 holds a root of ring 3 only between the write of CR3 in a way out and the one in a way in
//     (cpu/entry_isolated.S). Both are in the entry area, with interrupts off; only IST vectors can
//     hit in between, and they look at CR3 itself.
//   - `user_cr3` and `kernel_cr3` are a pair, and CR3 never holds `user_cr3` while they change:
//     they change in C (mem/translation.c).
//   - With isolation there are no global pages (CR4.PGE is 0): they would stay in the TLB over the
//     change of tables, and be read from there.
//
// What ring 3 may see: registers of programs, while they enter and leave. And, on an IST stack,
// until the next such vector overwrites them, the kernel's registers and the handler's frames, when
// an NMI, a #DB or a machine check hit the kernel: values in passing, another program's among them,
// and addresses, which the IDT tells as well. Who could ask for one at will would have a leak here:
// kernel code has no breakpoints and no single steps, and no program sends NMIs.
#pragma once

#include "cpu/features.h"
#include "cpu/percpu.h"
#include "lib/types.h"

#define ENTRY_PAGE_SIZE 4096u
#define ENTRY_PAGE_WORDS 6u

// The page right below a CPU's struct percpu, so that GS reaches it at negative offsets. RSP0 is
// the top of `stack`: a frame from ring 3 lies there for some instructions.
struct cpu_entry_page {
    uint8_t stack[ENTRY_PAGE_SIZE - ENTRY_PAGE_WORDS * 8];
    uint64_t stack_top;  // RSP0
    uint64_t rsp;        // scratch: the user's, while RSP carries something else
    uint64_t kernel_cr3; // of the translation that is loaded
    uint64_t user_cr3;   // what the next way out loads; bit 63 is CR3_NO_FLUSH
    uint64_t exit_cr3;   // scratch: what this way out loads
    uint64_t no_flush;   // what user_cr3 gets once it was loaded: CR3_NO_FLUSH, 0 without PCIDs
};

_Static_assert(sizeof(struct cpu_entry_page) == ENTRY_PAGE_SIZE, "a page, mapped alone");

static inline struct cpu_entry_page *cpu_entry_page(struct percpu *cpu)
{
    return (struct cpu_entry_page *)cpu - 1;
}

extern struct cpu_entry_page boot_entry_page; // boot_percpu's

// Decided once, before the first table is loaded; read-only afterwards.
extern bool isolation_is_on;

#define ARCH_CAPABILITY_RDCL_NO (1ull << 0) // SDM vol. 4, IA32_ARCH_CAPABILITIES

// Is ring 3 on this CPU able to read what only the kernel may? Pure; `capabilities` is
// IA32_ARCH_CAPABILITIES, 0 when the CPU does not have it.
bool isolation_is_needed(const struct cpu_features *features, uint64_t capabilities);

// Kernel addresses that ring 3's tables need at all times: `entry_text` is code, the rest data.
extern const char entry_text_start[], entry_text_end[], entry_data_start[], entry_data_end[];
