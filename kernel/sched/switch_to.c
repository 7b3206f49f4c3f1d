// What a switch changes besides the callee-saved registers: the program's FPU state, FS/GS bases
// and selectors, SS, the page-table root, the kernel stack of the next entry, the canary. Called by
// the scheduler only. Invariant: afterwards nothing of the previous program is in any register that
// the next program can read.
#include "cpu/features.h"
#include "cpu/fpu.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "cpu/tables.h"
#include "lib/protection.h"
#include "sched/run_queue.h"

#define READ_SELECTOR(name, variable) __asm__ volatile("movw %%" #name ", %0" : "=r"(variable))
#define LOAD_SELECTOR(name, value) __asm__ volatile("movw %0, %%" #name : : "r"(value) : "memory")

static uint64_t read_fs_base(void)
{
    uint64_t base;

    if (!cpu_features.fsgsbase)
        return read_msr(MSR_FS_BASE);
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static void write_fs_base(uint64_t base)
{
    if (cpu_features.fsgsbase)
        __asm__ volatile("wrfsbase %0" : : "r"(base));
    else
        write_msr(MSR_FS_BASE, base);
}

// In the kernel the program's GS base is in the other register of the swapgs pair.
uint64_t thread_fs_base(void)
{
    return read_fs_base();
}

uint64_t thread_gs_base(void)
{
    return read_msr(MSR_KERNEL_GS_BASE);
}

void thread_set_fs_base(uint64_t base)
{
    write_fs_base(base);
}

void thread_set_gs_base(uint64_t base)
{
    write_msr(MSR_KERNEL_GS_BASE, base);
}

// Loading GS writes the active base, so the program's is made active for that one instruction.
// Interrupts are off; an NMI in between finds the per-CPU base by its stack.
static void load_gs_selector(uint16_t selector)
{
    __asm__ volatile("swapgs; movw %0, %%gs; swapgs; lfence" : : "r"(selector) : "memory");
}

// Programs can load only selectors of this GDT, so loading them back cannot fault.
static void load_selectors(const struct thread *next)
{
    LOAD_SELECTOR(ds, next->ds);
    LOAD_SELECTOR(es, next->es);
    LOAD_SELECTOR(fs, next->fs);
    load_gs_selector(next->gs);
}

static void save_program(struct thread *thread)
{
    if (!thread->fpu_state)
        return;
    fpu_save(thread->fpu_state);
    thread->fs_base = read_fs_base();
    thread->gs_base = read_msr(MSR_KERNEL_GS_BASE);
    READ_SELECTOR(ds, thread->ds);
    READ_SELECTOR(es, thread->es);
    READ_SELECTOR(fs, thread->fs);
    READ_SELECTOR(gs, thread->gs);
}

// A kernel thread leaves the last program's registers in place: it never goes to user mode, and
// coming back to that program costs nothing.
static void load_program(struct thread *thread)
{
    struct percpu *cpu = this_cpu();

    if (!thread->fpu_state || (cpu->fpu_owner == thread && thread->fpu_cpu == cpu))
        return;
    if (PROTECT_REGISTERS) {
        load_selectors(thread);
        write_fs_base(thread->fs_base);
        write_msr(MSR_KERNEL_GS_BASE, thread->gs_base);
    }
    if (PROTECT_FPU)
        fpu_restore(thread->fpu_state);
    cpu->fpu_owner = thread;
    thread->fpu_cpu = cpu;
}

// An interrupt from ring 3 leaves SS null in the kernel; on AMD a later SYSRET of another thread
// would then get an SS with unusable attributes (Linux commit 61f01dd941ba).
static void reload_null_ss(void)
{
    uint16_t ss;

    READ_SELECTOR(ss, ss);
    if (ss == 0)
        LOAD_SELECTOR(ss, (uint16_t)SELECTOR_KERNEL_DATA);
}

// The canary changes in here while both sides' frames hold their own: on return `previous` is
// running again, and whoever switched back to it has put its canary back.
void switch_to(struct thread *previous, struct thread *next)
{
    struct percpu *cpu = this_cpu();

    save_program(previous);
    trace_step(STEP_SAVE_PROCESS, previous->id);
    load_program(next);
    reload_null_ss();
    if (next->page_table_root.value && next->page_table_root.value != read_cr3())
        write_cr3(next->page_table_root.value);
    cpu->current = next;
    cpu_kernel_stack_set(next->stack_top);
    cpu->canary = next->canary;
    cpu->switch_count++;
    switch_context(&previous->context, next->context);
}

void thread_copy_user_registers(struct thread *to)
{
    struct thread *from = current_thread();

    fpu_save(to->fpu_state);
    to->fs_base = read_fs_base();
    to->gs_base = read_msr(MSR_KERNEL_GS_BASE);
    READ_SELECTOR(ds, to->ds);
    READ_SELECTOR(es, to->es);
    READ_SELECTOR(fs, to->fs);
    READ_SELECTOR(gs, to->gs);
    to->affinity = from->affinity;
}

void thread_reset_user_registers(void)
{
    struct thread *thread = current_thread();

    fpu_state_init(thread->fpu_state);
    thread->ds = thread->es = thread->fs = thread->gs = 0;
    thread->fs_base = thread->gs_base = 0;
    interrupts_off();
    this_cpu()->fpu_owner = NULL;
    load_program(thread);
    interrupts_restore();
}
