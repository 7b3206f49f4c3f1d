// The orderly end: every process is killed and collected, the running one gives up its own, the
// file tree goes, caches are drained, and the log's last line says whether all of it came back.
// Called by reboot(2), by the end of init, and by the boot code when there is no init to run.

#include "proc/inspect.h"
#include "proc/internal.h"
#include "proc/signal.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/percpu.h"
#include "debug/latency.h"
#include "debug/log.h"
#include "dev/power.h"
#include "fs/memory_fs.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/kernel_map.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define PATIENCE_NS (10ull * 1000000000)
#define DIFFERENCE_TEXT_SIZE 320u

static atomic_bool keys_restart = true; // Ctrl-Alt-Del does not ask init

static void become_root_locked(struct process *self)
{
    struct process *init = process_find_locked(INIT_PID);
    list_remove(&self->sibling_link);
    process_set_parent_locked(self, NULL);
    if (init && init != self) {
        process_set_parent_locked(init, self);
        list_append(&self->children, &init->sibling_link);
    }
}

// Nobody starts processes from here on, and `self` (NULL: a kernel thread) adopts what is left.
// False when another thread shuts down already.
static bool begin_shutdown(struct process *self)
{
    process_lock_all();
    bool first = !process_shutting_down;
    process_shutting_down = true;
    if (first)
        process_reaper = self;
    if (first && self)
        become_root_locked(self);
    process_unlock_all();
    return first;
}

// In pieces, with interrupts on in between: none comes any more, and none changes its bucket. Whose
// turn has not come runs on until then.
static void kill_all(void)
{
    for (uint32_t bucket = 0; bucket < PROCESS_BUCKETS; bucket++) {
        process_lock_all();
        list_for_each (node, process_bucket_locked(bucket))
            process_begin_exit_locked(list_entry(node, struct process, pid_link), SIGKILL);
        process_unlock_all();
        preempt_point();
    }
}

// One child that ended, out of the tree; NULL when there is none.
static struct process *take_zombie_locked(struct process *self)
{
    list_for_each (node, &self->children) {
        struct process *child = list_entry(node, struct process, sibling_link);
        if (child->state != PROCESS_ZOMBIE)
            continue;
        process_unlink_locked(child);
        return child;
    }
    return NULL;
}

static void report_survivors(const struct process *self)
{
    struct process *process;
    uint32_t pid = 0;
    while ((process = process_find_from(pid + 1)) != NULL) {
        char name[sizeof(process->name)];
        pid = process->pid;
        process_lock(process);
        bool ends = process == self && process->thread_count == 1;
        memcpy(name, process->name, sizeof(name));
        process_unlock(process);
        if (!ends)
            log_error("process", "%u (%s) does not end", pid, name);
        process_release(process);
    }
}

// Collects children until this process and this thread are alone. Orphans arrive as their parents
// end.
static void wait_until_alone(struct process *self)
{
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
    struct waiter waiter = { 0 };
    bool alone = false, late = false;
    while (!alone && !late) {
        wait_prepare(&self->child_exit, &waiter, WAIT_UNINTERRUPTIBLE);
        process_lock(self);
        struct process *zombie = take_zombie_locked(self);
        alone = !zombie && processes_in_tree() == 1 && self->thread_count == 1;
        process_unlock(self);
        if (zombie) {
            process_release(zombie);
        } else if (!alone) {
            late = clock_now_ns() >= deadline_ns;
            // After a time-out everything is looked at once more.
            int result = late ? 0 : wait_block(deadline_ns);
            kassert(result != -ERESTARTSYS);
        }
    }
    wait_finish(&self->child_exit, &waiter);
    if (late)
        report_survivors(self);
}

// The process ends without a zombie; its thread goes on as a kernel thread. False when it must stay
// as the parent of processes that do not end, or because another of its threads, which uses its
// files and its space, does not. No process and no thread is made any more.
static bool dissolve_process(struct process *self)
{
    struct thread *thread = current_thread();
    process_lock(self);
    bool survivors = !list_is_empty(&self->children) || self->thread_count > 1;
    process_unlock(self);
    if (survivors)
        return false;
    process_release_files(self);
    process_leave_space(self);
    process_vfork_finish(self);
    itimers_stop(self);
    process_lock_all();
    signal_discard_all_locked(self, thread);
    process_unlink_locked(self);
    list_remove(&thread->owner_link);
    thread_unpublish_locked(thread);
    thread->owner = NULL;
    thread->on_release = NULL;
    process_unlock_all();
    process_release(self); // the thread's reference
    process_release(self); // the tree's
    return true;
}

// A thread that ended on another CPU leaves its stack only after its process was collected, so we
// may be alone before its memory is back.
static void wait_for_burials(void)
{
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;

    while (threads_live() > live_threads_baseline() && clock_now_ns() < deadline_ns)
        scheduler_yield();
}

// Of all CPUs. Each writes its own, so that the sums are of some moment.
static void report_counters(void)
{
    const struct percpu *cpu;
    uint64_t switches = 0, timer_interrupts = 0, nmis = 0, sysrets = 0, iretqs = 0;

    for_each_cpu(cpu)
    {
        switches += cpu->switch_count;
        timer_interrupts += cpu->timer_interrupts;
        nmis += cpu->nmi_count;
        sysrets += cpu->sysret_count;
        iretqs += cpu->iretq_count;
    }
    log_info("power",
             "up %llu ms, %llu switches, %llu timer interrupts, %llu NMIs, %llu exits by SYSRET, "
             "%llu by IRETQ",
             (unsigned long long)clock_now_ns() / 1000000, (unsigned long long)switches,
             (unsigned long long)timer_interrupts, (unsigned long long)nmis,
             (unsigned long long)sysrets, (unsigned long long)iretqs);
    latency_report();
}

static const char *name_command(uint32_t command)
{
    if (command == REBOOT_RESTART)
        return "restarting";
    return command == REBOOT_HALT ? "halting" : "powering off";
}

// The last line of the log. `before` is what was in use when the shutdown began.
static void report_balance(const struct live_totals *before, uint32_t command)
{
    char differences[DIFFERENCE_TEXT_SIZE];
    bool differ = live_counts_differ(differences, sizeof(differences));
    struct live_totals now = live_counts_now();
    struct live_totals start = live_counts_baseline();
    if (differ)
        log_error("power", "LOST %lld frames, %lld objects:%s; %s",
                  (long long)(now.frames - start.frames), (long long)(now.objects - start.objects),
                  differences, name_command(command));
    else
        log_notice("power", "everything came back: %llu frames, %llu objects; %s",
                   (unsigned long long)(before->frames - now.frames),
                   (unsigned long long)(before->objects - now.objects), name_command(command));
}

void process_set_restart_by_keys(bool at_once)
{
    atomic_store(&keys_restart, at_once);
}

void process_restart_by_keys(void)
{
    struct abi_siginfo info = { .signal = SIGINT, .code = SI_KERNEL };

    if (atomic_load(&keys_restart)) {
        log_notice("power", "Ctrl-Alt-Del: restarting at once");
        log_flush();
        power_restart();
    }
    process_lock_all();
    struct process *init = process_find_locked(INIT_PID);
    int error = init ? signal_send_locked(init, NULL, &info, NULL) : 0;
    (void)error; // standard signals always find room
    process_unlock_all();
}

void process_shutdown(uint32_t command)
{
    struct process *self = current_process();
    if (!begin_shutdown(self)) {
        kassert(self != NULL);
        process_exit(SIGKILL);
    }
    kill_all();
    struct live_totals before = live_counts_now();
    bool alone = true;
    if (self) {
        wait_until_alone(self);
        alone = dissolve_process(self);
    }
    if (alone) {
        wait_for_burials();
        memory_fs_destroy();
    }
    report_counters();
    uint64_t stack_frames = kernel_stacks_drain();
    uint64_t slab_frames = object_caches_drain();
    log_info("power", "caches gave back %llu frames of kernel stacks and %llu of slabs",
             (unsigned long long)stack_frames, (unsigned long long)slab_frames);
    report_balance(&before, command);
    log_flush();

    if (command == REBOOT_RESTART)
        power_restart();
    if (command == REBOOT_HALT)
        power_halt();
    power_off();
}
