// GDT, TSS, IDT, IST stacks, control registers and system-call MSRs of one CPU. Called by main at
// boot (and by each further CPU when it starts), and by the switch for the kernel stack.
// Invariant: whenever interrupts are on, TSS.RSP0 equals percpu.kernel_stack_top; with isolation it
// is the entry page's stack, from where entry_isolated.S goes there.
#include "cpu/tables.h"

#include "cpu/features.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/isolation.h"
#include "cpu/machine_check.h"
#include "cpu/registers.h"
#include "cpu/selectors.h"
#include "lib/panic.h"
#include "lib/protection.h"

#define VECTOR_STUB_CLAC_SIZE 3u
#define INTERRUPT_STACK_SIZE 8144u // so that all tables fill eight pages
#define INTERRUPT_STACK_COUNT 4u

extern const char vector_stubs[], syscall_entry[], syscall_refused[];
extern const char vector_stubs_isolated[], syscall_entry_isolated[], leave_to_user_isolated[];
extern const char *leave_to_user_address; // entry.S: how thread_return_to_user() leaves

_Static_assert(SELECTOR_USER_CODE == USER_CODE_SELECTOR, "selectors.h");
_Static_assert(SELECTOR_USER_DATA == USER_DATA_SELECTOR, "selectors.h");
_Static_assert(MSR_GS_BASE == MSR_GS_BASE_NUMBER, "selectors.h");
_Static_assert(VECTOR_SYSCALL == SYSCALL_VECTOR, "selectors.h");
_Static_assert(VECTOR_NMI == NMI_VECTOR, "selectors.h");

// 64-bit TSS, SDM vol. 3A, 8.7.
struct packed_struct task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
};
_Static_assert(sizeof(struct task_state) == 104, "TSS layout");

// One of the TSS's stack pointers, which do not lie at multiples of 8.
struct packed_struct packed_word {
    uint64_t value;
};

// The base word lies above the frame that the CPU pushes: entry.S finds GS there.
struct interrupt_stack_area {
    uint8_t bytes[INTERRUPT_STACK_SIZE - 16];
    struct percpu *cpu;
    uint64_t padding;
};

struct cpu_tables {
    uint64_t gdt[10];
    struct task_state tss;
    struct interrupt_stack_area aligned_to(16) stacks[INTERRUPT_STACK_COUNT];
};

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

struct packed_struct table_pointer {
    uint16_t limit;
    uint64_t base;
};

_Static_assert(sizeof(struct cpu_tables) == CPU_TABLES_SIZE, "CPU tables fill their pages");

static struct cpu_tables boot_tables in_section(".entry.data") aligned_to(4096);
static struct gate idt[256] in_section(".entry.data") aligned_to(4096);

#define GDT_KERNEL_CODE 0x00af9b000000ffffull // 64-bit, DPL 0, accessed
#define GDT_KERNEL_DATA 0x00cf93000000ffffull
#define GDT_USER_DATA 0x00cff3000000ffffull  // DPL 3
#define GDT_USER_CODE 0x00affb000000ffffull  // 64-bit, DPL 3
#define GDT_CPU_NUMBER 0x0000f10000000000ull // read-only data, DPL 3: no SS, no write
#define GDT_TSS_AVAILABLE 0x0000890000000000ull
#define CPUID_1_EDX_MCE (1u << 7)
#define DR7_NO_BREAKPOINTS 0x400ull // SDM vol. 3B, 17.2.4
#define DR6_INITIAL 0xffff0ff0ull
#define GATE_INTERRUPT 0x8eu // present, DPL 0, interrupt gate: interrupts go off
#define GATE_USER 0x60u      // DPL 3: `int n` from user mode may use it

static void fill_gdt(struct cpu_tables *tables)
{
    uint64_t tss = (uint64_t)&tables->tss;
    uint64_t limit = sizeof(struct task_state) - 1;

    tables->gdt[SELECTOR_KERNEL_CODE / 8] = GDT_KERNEL_CODE;
    tables->gdt[SELECTOR_KERNEL_DATA / 8] = GDT_KERNEL_DATA;
    tables->gdt[SELECTOR_USER_DATA / 8] = GDT_USER_DATA;
    tables->gdt[SELECTOR_USER_CODE / 8] = GDT_USER_CODE;
    tables->gdt[SELECTOR_TSS / 8] =
        GDT_TSS_AVAILABLE | limit | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
    tables->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
}

// No I/O permission bitmap: its base lies beyond the limit, so every port access of ring 3 is #GP
// (SDM vol. 1, 19.5.2). With isolation RSP0 is the entry page's stack for good, which ring 3's
// tables map; the notes about kernel stacks, which the CPU has no use for then, stay out of what
// ring 3 may see.
static void fill_tss(struct cpu_tables *tables, struct percpu *cpu)
{
    for (uint32_t i = 0; i < INTERRUPT_STACK_COUNT; i++) {
        tables->stacks[i].cpu = cpu;
        tables->tss.ist[i] = (uint64_t)&tables->stacks[i].cpu;
    }
    tables->tss.io_map_base = sizeof(struct task_state);
    struct cpu_entry_page *page = cpu_entry_page(cpu);
    page->stack_top = align_down((uint64_t)&page->stack_top, 16); // as the CPU aligns it itself
    tables->tss.rsp[0] = page->stack_top;
    cpu->interrupt_stack =
        (struct packed_word *)(isolation_is_on ? &cpu->kernel_stack_top : &tables->tss.rsp[0]);
}

static uint8_t stack_of_vector(uint32_t vector)
{
    if (!PROTECT_IST)
        return 0;
    switch (vector) {
    case VECTOR_NMI:
        return INTERRUPT_STACK_NMI;
    case VECTOR_DOUBLE_FAULT:
        return INTERRUPT_STACK_DOUBLE_FAULT;
    case VECTOR_MACHINE_CHECK:
        return INTERRUPT_STACK_MACHINE_CHECK;
    case VECTOR_DEBUG:
        return INTERRUPT_STACK_DEBUG;
    default:
        return 0;
    }
}

static void fill_idt(void)
{
    const char *stubs = isolation_is_on ? vector_stubs_isolated : vector_stubs;

    for (uint32_t vector = 0; vector < 256; vector++) {
        uint64_t offset = (uint64_t)stubs + vector * VECTOR_STUB_SIZE;
        if (!cpu_features.smap)
            offset += VECTOR_STUB_CLAC_SIZE;
        // int3 and into are the two gates that user programs may name, as on Linux.
        bool user = vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW;
        idt[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .offset_middle = (uint16_t)(offset >> 16),
            .offset_high = (uint32_t)(offset >> 32),
            .selector = SELECTOR_KERNEL_CODE,
            .ist = stack_of_vector(vector),
            .type = GATE_INTERRUPT | (user ? GATE_USER : 0),
        };
    }
}

// CS changes by a far return; SS gets a real selector, the others null; LDTR null: there is no LDT.
static void load_segments(void)
{
    __asm__ volatile("pushq %0\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1: movl %1, %%eax\n"
                     "movl %%eax, %%ss\n"
                     "xorl %%eax, %%eax\n"
                     "movl %%eax, %%ds\n"
                     "movl %%eax, %%es\n"
                     "movl %%eax, %%fs\n"
                     "movl %%eax, %%gs\n"
                     "lldt %%ax\n"
                     :
                     : "i"(SELECTOR_KERNEL_CODE), "i"(SELECTOR_KERNEL_DATA)
                     : "rax", "memory");
}

// Where programs find the number of the CPU that they run on (user/vdso/vdso.c). Base 0, so that as
// FS or GS it gives what a null selector gives.
static void publish_cpu_number(struct cpu_tables *tables, uint32_t number)
{
    tables->gdt[SELECTOR_CPU_NUMBER / 8] = GDT_CPU_NUMBER | number;
    if (cpu_features.rdtscp || cpu_features.rdpid)
        write_msr(MSR_TSC_AUX, number);
}

__attribute__((no_stack_protector)) void cpu_tables_load(struct percpu *cpu)
{
    bool is_boot_cpu = !cpu->tables;

    if (is_boot_cpu)
        cpu->tables = &boot_tables;
    struct cpu_tables *tables = cpu->tables;
    fill_gdt(tables);
    publish_cpu_number(tables, cpu->number);
    fill_tss(tables, cpu);
    if (is_boot_cpu)
        fill_idt();
    if (isolation_is_on)
        leave_to_user_address = leave_to_user_isolated;
    struct table_pointer gdt = { sizeof(tables->gdt) - 1, (uint64_t)tables->gdt };
    struct table_pointer idt_pointer = { sizeof(idt) - 1, (uint64_t)idt };
    __asm__ volatile("lgdt %0" : : "m"(gdt));
    load_segments(); // a null GS clears its base on some CPUs
    write_msr(MSR_GS_BASE, (uint64_t)cpu);
    write_msr(MSR_KERNEL_GS_BASE, 0);
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
}

uint64_t cpu_vector_handler(uint32_t vector)
{
    const struct gate *gate = &idt[vector];

    return gate->offset_low | (uint64_t)gate->offset_middle << 16 |
           (uint64_t)gate->offset_high << 32;
}

void cpu_kernel_stack_set(uint64_t stack_top)
{
    struct percpu *cpu = this_cpu();

    cpu->kernel_stack_top = stack_top;
    cpu->interrupt_stack->value = stack_top;
}

// What SYSCALL clears (SDM vol. 2B): interrupts stay off until the frame is whole; TF would trap in
// the kernel; DF is the ABI's; AC would open SMAP; NT would make IRETQ fault; IOPL, RF and ID are
// cleared so that kernel code always starts alike.
static uint64_t syscall_flag_mask(void)
{
    return RFLAGS_IOPL | RFLAGS_RF | RFLAGS_ID | RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF |
           RFLAGS_SF | RFLAGS_OF | (PROTECT_SFMASK_TF ? RFLAGS_TF : 0) |
           (PROTECT_SFMASK_IF ? RFLAGS_IF : 0) | (PROTECT_SFMASK_DF ? RFLAGS_DF : 0) |
           (PROTECT_SFMASK_NT ? RFLAGS_NT : 0) | (PROTECT_SFMASK_AC ? RFLAGS_AC : 0);
}

static void set_and_check_msr(uint32_t number, uint64_t value)
{
    write_msr(number, value);
    if (read_msr(number) != value)
        panic("MSR %#x does not keep %#llx: it reads %#llx", number, (unsigned long long)value,
              (unsigned long long)read_msr(number));
}

void cpu_syscall_msrs_load(void)
{
    uint64_t sysret_base = SELECTOR_USER_DATA - 8; // CS = base + 16, SS = base + 8

    set_and_check_msr(MSR_STAR, sysret_base << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    set_and_check_msr(MSR_LSTAR,
                      (uint64_t)(isolation_is_on ? syscall_entry_isolated : syscall_entry));
    set_and_check_msr(MSR_CSTAR, (uint64_t)syscall_refused);
    set_and_check_msr(MSR_SFMASK, syscall_flag_mask());
    set_and_check_msr(MSR_SYSENTER_CS, 0); // SYSENTER from ring 3 is #GP
    write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE);
    kassert(read_msr(MSR_EFER) & EFER_SCE);
}

void cpu_control_registers_load(void)
{
    uint64_t cr4 = CR4_PAE; // nothing is inherited from the firmware

    machine_checks_enable();
    if (cpu_features.hwcap & CPUID_1_EDX_MCE)
        cr4 |= CR4_MCE; // without it a machine check shuts the CPU down without a word
    if (cpu_features.pge && !isolation_is_on)
        cr4 |= CR4_PGE;
    if (cpu_features.smep && PROTECT_SMEP)
        cr4 |= CR4_SMEP;
    if (cpu_features.smap && PROTECT_SMAP)
        cr4 |= CR4_SMAP;
    if (cpu_features.umip && PROTECT_UMIP)
        cr4 |= CR4_UMIP;
    if (cpu_features.fsgsbase)
        cr4 |= CR4_FSGSBASE;
    write_cr4(cr4);
    write_dr7(DR7_NO_BREAKPOINTS);
    write_dr6(DR6_INITIAL);
    // WP: ring 0 obeys read-only pages, which copy-on-write needs. AM: ring 3 may ask for #AC.
    write_cr0(read_cr0() | CR0_WP | CR0_AM | CR0_NE);
    if (cpu_features.nx)
        write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
}
