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
#include "mem/translation.h"
#include "sched/run_queue.h"

#define READ_SELECTOR(name, variable) __asm__ volatile("mov %%" #name ", %k0" : "=r"(variable))
#define LOAD_SELECTOR(name, value) __asm__ volatile("movw %0, %%" #name : : "r"(value) : "memory")

// Loading GS writes the active base, so the program's is made active for that one instruction.
// Interrupts are off; an NMI in between finds the per-CPU base by its stack. Programs can load only
// selectors of this GDT, so loading them back cannot fault.
static void load_selectors(struct selectors selectors)
{
    LOAD_SELECTOR(ds, selectors.ds);
    LOAD_SELECTOR(es, selectors.es);
    LOAD_SELECTOR(fs, selectors.fs);
    __asm__ volatile("swapgs; movw %0, %%gs; swapgs; lfence" : : "r"(selectors.gs) : "memory");
}

// True when one of them is not null.
static bool save_selectors(struct selectors *selectors)
{
    uint32_t ds, es, fs, gs;

    READ_SELECTOR(ds, ds);
    READ_SELECTOR(es, es);
    READ_SELECTOR(fs, fs);
    READ_SELECTOR(gs, gs);
    if (likely((ds | es | fs | gs) == 0))
        return false;
    *selectors = (struct selectors){ (uint16_t)ds, (uint16_t)es, (uint16_t)fs, (uint16_t)gs };
    return true;
}

// In the kernel the program's GS base is in the other register of the swapgs pair. Without FSGSBASE
// only MSRs reach the bases; they cost a hundred cycles each. Interrupts are off.
static void save_bases(struct thread *thread)
{
    if (likely(cpu_features.fsgsbase)) {
        __asm__ volatile("rdfsbase %0" : "=r"(thread->fs_base));
        __asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(thread->gs_base)::"memory");
    } else {
        thread->fs_base = read_msr(MSR_FS_BASE);
        thread->gs_base = read_msr(MSR_KERNEL_GS_BASE);
    }
}

static void load_bases(const struct thread *thread)
{
    if (likely(cpu_features.fsgsbase)) {
        __asm__ volatile("wrfsbase %0" : : "r"(thread->fs_base));
        __asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(thread->gs_base) : "memory");
    } else {
        write_msr(MSR_FS_BASE, thread->fs_base);
        write_msr(MSR_KERNEL_GS_BASE, thread->gs_base);
    }
}

// These four for the running thread, in any interrupt state.
uint64_t thread_fs_base(void)
{
    return read_msr(MSR_FS_BASE);
}

uint64_t thread_gs_base(void)
{
    return read_msr(MSR_KERNEL_GS_BASE);
}

void thread_set_fs_base(uint64_t base)
{
    write_msr(MSR_FS_BASE, base);
}

void thread_set_gs_base(uint64_t base)
{
    write_msr(MSR_KERNEL_GS_BASE, base);
}

static void save_program(struct thread *thread)
{
    fpu_save(thread->fpu_state);
    save_bases(thread);
    thread->has_selectors = save_selectors(&thread->selectors);
}

// Null selectors where null ones are stay as they are: loading them costs more than all the rest.
static void load_program(struct percpu *cpu, struct thread *thread)
{
    if (PROTECT_REGISTERS) {
        if (unlikely(cpu->has_selectors || thread->has_selectors))
            load_selectors(thread->has_selectors ? thread->selectors : (struct selectors){ 0 });
        load_bases(thread);
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

    if (previous->fpu_state) {
        save_program(previous);
        cpu->has_selectors = previous->has_selectors;
    }
    trace_step(STEP_SAVE_PROCESS, previous->id);
    // A kernel thread leaves the last program's registers in place: it never goes to user mode, and
    // coming back to that program costs nothing.
    if (next->fpu_state && !(cpu->fpu_owner == next && next->fpu_cpu == cpu))
        load_program(cpu, next);
    reload_null_ss();
    translation_switch(cpu, next->translation);
    cpu->current = next;
    if (DEBUG_CHECKS)
        cpu->fail_plan = next->fpu_state ? &next->fail_plan : NULL;
    cpu_kernel_stack_set(next->stack_top);
    cpu->canary = next->canary;
    cpu->switch_count++;
    switch_context(&previous->context, next->context);
}

void thread_copy_user_registers(struct thread *to)
{
    interrupts_off();
    save_program(to);
    interrupts_restore();
    thread_inherit_affinity(to);
}

void thread_reset_user_registers(void)
{
    struct thread *thread = current_thread();

    fpu_state_init(thread->fpu_state);
    thread->has_selectors = false;
    thread->fs_base = thread->gs_base = 0;
    interrupts_off();
    this_cpu()->has_selectors = true; // as far as anybody knows
    load_program(this_cpu(), thread);
    interrupts_restore();
}
