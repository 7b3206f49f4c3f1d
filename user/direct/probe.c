// Looks at the machine from ring 0, where `direct=` puts it, to show what no program in ring 3 can
// see (kernel/README.md, rows 3 to 5): control registers, MSRs, the tables, and a walk through the
// page tables of the kernel's half. One `probe: NAME VALUE` a line; the tests judge. Returns 0.
#include "port.h"

#define DIRECT_MAP 0xffff800000000000ul
#define PRESENT 1ul
#define WRITABLE 2ul
#define USER 4ul
#define LARGE 0x80ul
#define NO_EXECUTE (1ul << 63)
#define ADDRESS_MASK 0x000ffffffffff000ul
#define TOP_LEVEL 3

long main(int argc, char **argv);

struct __attribute__((packed)) table_register {
    uint16_t limit;
    uint64_t base;
};

static const uint64_t *table_at(uint64_t entry)
{
    return (const uint64_t *)(DIRECT_MAP + (entry & ADDRESS_MASK));
}

static void say_gates(void)
{
    struct table_register idt;
    uint64_t user_gates = 0, stacks = 0, absent = 0;
    __asm__ volatile("sidt %0" : "=m"(idt));
    say_value("probe: idt-limit", idt.limit);
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t low = ((const uint64_t *)idt.base)[vector * 2];
        absent += !(low >> 47 & 1);
        if ((low >> 45 & 3) == 3)
            user_gates |= vector < 64 ? 1ul << vector : 1ul << 63;
        if (low >> 32 & 7)
            stacks |= vector < 64 ? 1ul << vector : 1ul << 63;
    }
    say_value("probe: idt-absent", absent);
    say_value("probe: idt-open-to-ring-3", user_gates); // bits: vectors; 63: any from 63 on
    say_value("probe: idt-with-ist", stacks);
}

static void say_segments(void)
{
    struct table_register gdt;
    uint16_t task, local;
    uint64_t narrow_code = 0;
    __asm__ volatile("sgdt %0; str %1; sldt %2" : "=m"(gdt), "=r"(task), "=r"(local));
    const uint64_t *entries = (const uint64_t *)gdt.base;
    for (unsigned i = 1; i < (gdt.limit + 1u) / 8; i++) {
        int is_system = !(entries[i] >> 44 & 1);
        int is_code = !is_system && (entries[i] >> 43 & 1);
        narrow_code += is_code && !(entries[i] >> 53 & 1);
        i += is_system && (entries[i] >> 47 & 1); // the TSS takes two
    }
    const uint64_t *descriptor = entries + task / 8;
    uint64_t tss =
        (descriptor[0] >> 16 & 0xffffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
    uint64_t limit = (descriptor[0] & 0xffff) | (descriptor[0] >> 48 & 15) << 16;
    say_value("probe: gdt-narrow-code", narrow_code);
    say_value("probe: ldt", local);
    say_value("probe: tss-limit", limit);
    say_value("probe: tss-io-map", *(const uint16_t *)(tss + 102));
    say_value("probe: tss-rsp0", *(const uint64_t *)(tss + 4));
}

static void say_state(void)
{
    uint32_t eax = 7, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    say_value("probe: cpu-smep", ebx >> 7 & 1);
    say_value("probe: cpu-smap", ebx >> 20 & 1);
    say_value("probe: cpu-umip", ecx >> 2 & 1);
    say_value("probe: cpu-fsgsbase", ebx & 1);
    say_value("probe: cr0", read_cr0());
    say_value("probe: cr4", read_cr4());
    say_value("probe: dr6", read_dr6());
    say_value("probe: dr7", read_dr7());
    say_value("probe: pat", read_msr(0x277));
    say_value("probe: efer", read_msr(0xc0000080));
    say_value("probe: star", read_msr(0xc0000081));
    say_value("probe: lstar", read_msr(0xc0000082));
    say_value("probe: cstar", read_msr(0xc0000083));
    say_value("probe: sfmask", read_msr(0xc0000084));
    say_value("probe: sysenter-cs", read_msr(0x174));
}

static uint64_t write_and_execute_pages, open_pages, leaf_pages;

static void walk(uint64_t entry, int level, unsigned first, uint64_t rights)
{
    const uint64_t *table = table_at(entry);
    for (unsigned i = first; i < 512; i++) {
        uint64_t below = table[i];
        if (!(below & PRESENT))
            continue;
        // A page has a right only when every level grants it; NX when any level says so.
        uint64_t granted = (rights & below & (WRITABLE | USER)) | ((rights | below) & NO_EXECUTE);
        if (level > 0 && !(level < TOP_LEVEL && (below & LARGE))) {
            walk(below, level - 1, 0, granted);
            continue;
        }
        leaf_pages++;
        write_and_execute_pages += (granted & WRITABLE) && !(granted & NO_EXECUTE);
        open_pages += (granted & USER) != 0;
    }
}

// The kernel's half only.
static void say_map(void)
{
    walk(read_cr3(), TOP_LEVEL, 256, WRITABLE | USER);
    say_value("probe: leaf-entries", leaf_pages);
    say_value("probe: writable-and-executable", write_and_execute_pages);
    say_value("probe: open-to-ring-3", open_pages);
}

long main(int argc, char **argv)
{
    say_state();
    say_segments();
    say_gates();
    say_map();
    return 0;
}
