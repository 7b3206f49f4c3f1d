// Threads as objects: creation, start, end. Called by the process layer and by main. Invariant: a
// thread's stack and FPU state are freed only after another thread runs on its CPU.
#include "sched/thread.h"

#include "cpu/clock.h"
#include "cpu/fpu.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "debug/random.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/kernel_map.h"
#include "mem/object_cache.h"
#include "mem/translation.h"
#include "sched/run_queue.h"
#include "sched/scheduler.h"
#include "sched/weight.h"

#define FPU_STATE_ALIGNMENT 64u

static OBJECT_CACHE(thread_cache, "thread", struct thread);
// 0 is the boot CPU's idle thread. No two threads ever have the same, on whatever CPUs they begin.
static atomic_uint next_thread_id = 1;

// Lays out the stack so that switch_context() continues in thread_first_entry. The program's trap
// frame has its place above.
static void prepare_stack(struct thread *thread, thread_function function, void *argument)
{
    uint64_t top = thread->stack_top - sizeof(struct trap_frame);
    struct switch_context *context = (struct switch_context *)(top - sizeof(struct switch_context));

    memset((void *)top, 0, sizeof(struct trap_frame));
    *context = (struct switch_context){
        .r12 = (uint64_t)function,
        .r13 = (uint64_t)argument,
        .return_address = (uint64_t)thread_first_entry,
    };
    thread->context = context;
}

struct thread *thread_create(const char *name, thread_function function, void *argument,
                             bool uses_fpu)
{
    struct thread *thread = object_allocate(&thread_cache);

    if (!thread)
        return NULL;
    thread->stack_top = kernel_stack_allocate();
    if (!thread->stack_top)
        goto no_stack;
    if (uses_fpu) {
        thread->fpu_state = memory_allocate(fpu_state_size());
        if (!thread->fpu_state)
            goto no_fpu_state;
        kassert((uint64_t)thread->fpu_state % FPU_STATE_ALIGNMENT == 0);
        fpu_state_init_zeroed(thread->fpu_state);
    }
    string_copy(thread->name, name, sizeof(thread->name));
    prepare_stack(thread, function, argument);
    thread->canary = random_u64() & ~0xffull;
    thread->id = atomic_fetch_add(&next_thread_id, 1);
    atomic_store_explicit(&thread->cpu, this_cpu(), memory_order_relaxed);
    memset(&thread->affinity, 0xff, sizeof(thread->affinity));
    thread->wait_units = WAIT_MOVABLE;
    thread->policy.weight = WEIGHT_NICE_0;
    list_init(&thread->owner_link);
    atomic_store(&thread->state, THREAD_NEW);
    if (!uses_fpu) // a kernel thread; processes are named by their layer
        trace_keep(TRACE_NAME, thread->id, trace_short_name(thread->name));
    return thread;

no_fpu_state:
    kernel_stack_release(thread->stack_top);
no_stack:
    object_release(&thread_cache, thread);
    return NULL;
}

static void free_thread(struct thread *thread)
{
    kernel_stack_release(thread->stack_top);
    memory_release(thread->fpu_state);
    object_release(&thread_cache, thread); // last: shutdown waits for the count of these
}

void thread_discard(struct thread *thread)
{
    kassert(atomic_load(&thread->state) == THREAD_NEW);
    free_thread(thread);
}

void thread_bury(struct thread *thread)
{
    void (*on_release)(struct thread *) = thread->on_release;

    if (on_release)
        on_release(thread);
    free_thread(thread);
}

void thread_exit(void)
{
    kassert(atomic_load(&current_thread()->state) == THREAD_RUNNING);
    if (DEBUG_CHECKS && current_thread()->held_mutex_ranks != 0)
        panic("thread ends while it holds mutexes of ranks %#x",
              current_thread()->held_mutex_ranks);
    schedule(SWITCH_EXITED);
    panic("an exited thread runs again");
}

void thread_set_translation(struct thread *thread, struct translation *translation)
{
    thread->translation = translation;
    if (thread != current_thread())
        return;
    if (translation)
        interrupts_off();
    translation_switch(this_cpu(), translation);
    if (translation)
        interrupts_restore();
}

uint64_t threads_live(void)
{
    return object_cache_live(&thread_cache);
}
