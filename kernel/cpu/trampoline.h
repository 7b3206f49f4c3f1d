// The way of a further CPU from its first instruction to C: a page below 640 KiB where it starts in
// real mode (trampoline.S), with a root of page tables beside it. Offsets of both structures are
// generated for assembly. The pages stay for ever, so a CPU that comes late never meets others'
// data.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

#define TRAMPOLINE_PAGES 5u // code and data; a root and three tables that map that page
#define TRAMPOLINE_LIMIT                                                                           \
    0xa0000ull // a start-up IPI names a page; from here on its numbers are kept
#define TRAMPOLINE_NOBODY UINT32_MAX // no APIC id
#define TRAMPOLINE_CODE32 0x08u
#define TRAMPOLINE_DATA32 0x10u
#define TRAMPOLINE_CODE64 0x18u

struct packed_struct trampoline_far {
    uint32_t offset;
    uint16_t selector;
};

// Lies in the page, behind the code. What is offered to the one CPU that may take it.
struct trampoline_data {
    _Atomic(uint32_t) offered; // APIC id of who may come in; taken by exchanging it for NOBODY
    _Atomic(uint32_t) taken;   // 1: someone took it
    _Atomic(uint32_t) unfit;   // 1: and it lacks long mode or NX
    _Atomic(uint32_t) turned_away;
    uint32_t root32;            // physical, below 4 GiB
    uint32_t extended_features; // of CPUID 80000001h EDX; those that the CPU must have
    uint32_t extended_enable;   // EFER, low half
    uint32_t pat[2];            // no table that needs it is in use before it is set
    uint64_t root;              // the kernel's
    uint64_t stack_top;
    struct percpu *cpu;
    void (*entry)(struct percpu *cpu);
    uint64_t kernel_entry; // processor_entry, where the page is left
    uint64_t gdt[4];
    struct packed_struct {
        uint16_t limit;
        uint32_t base;
    } gdt_pointer;
    struct trampoline_far protected_entry, long_entry;
};

// The code as linked, and where its parts begin in it. The data's place comes right behind it.
extern const char trampoline_start[], trampoline_protected[], trampoline_long[], trampoline_end[];
extern const char processor_entry[];
