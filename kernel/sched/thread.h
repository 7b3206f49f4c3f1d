// Threads: what the scheduler runs. A thread knows its kernel stack, its saved context and the
// registers that a switch must change; what it belongs to is opaque here.
#pragma once

#include <stdatomic.h>

#include "cpu/cpu_mask.h"
#include "cpu/frame.h"
#include "cpu/histogram.h"
#include "cpu/percpu.h"
#include "cpu/switch.h"
#include "debug/fail.h"
#include "debug/trace.h"
#include "lib/heap.h"
#include "lib/list.h"
#include "lib/types.h"
#include "sched/thread_identity.h"
#include "sched/thread_signals.h"

// State changes happen under the run-queue lock of the thread's CPU, but for RUNNING -> BLOCKED and
// back while it has not left its CPU, which the thread does itself (wait.h says why that is
// enough).
enum thread_state {
    THREAD_NEW,
    THREAD_RUNNABLE, // in a run queue
    THREAD_RUNNING,  // on a CPU
    THREAD_BLOCKED,
    THREAD_MOVING, // to the CPU it belongs to now, in no queue yet (migrate.c)
    THREAD_EXITED, // its stack goes back once another thread runs
};

// Work for the exit gate; also interrupts an interruptible wait. Bits of `work`.
#define THREAD_WORK_SIGNAL (1u << 0) // a signal or death is pending

// What a thread is entitled to, as Linux has it. Read by anyone, changed by thread_set_rights().
struct thread_rights {
    uint8_t policy; // a SCHED_ number
    int8_t nice;
    uint8_t realtime_priority; // 1 to 99 for SCHED_FIFO and SCHED_RR, else 0
    bool reset_on_fork;        // children start with ordinary rights
};

// What the policies keep per thread; guarded by the run-queue lock. All zero at first, but for the
// weight.
struct policy_entity {
    union {
        struct list_node link; // round robin, mlfq, lottery
        struct heap_node node; // realtime, stride, fair
    };
    uint64_t slice_left; // TSC ticks; 0: used up, so the next one is a whole one
    union {
        uint64_t turn;         // realtime: among those of its priority
        uint64_t level_ticks;  // mlfq: of the level's allotment, used
        uint64_t virtual_time; // stride, fair
    };
    uint32_t weight;      // from the rights (weight.h)
    uint32_t boosts_seen; // mlfq
    uint8_t level;        // mlfq; 0 is the top
    bool settled;         // mlfq, stride, fair: the above belongs to a queue's account
    bool holds_tickets;   // lottery: in the next drawing
    struct thread_rights rights;
};

// What a program may load into these: user data, or null, which is what almost all of them leave
// there.
struct selectors {
    uint16_t ds, es, fs, gs;
};

struct late_release;
#define THREAD_MUTEX_RANKS 16u

struct mutex_hold {
    uint64_t since; // TSC
    uint64_t place; // who acquired it
};

struct translation;

struct thread {
    atomic_uint work; // for the exit gate; first, because the system-call entry looks at it
    struct switch_context *context; // valid while not running
    uint64_t stack_top;
    struct translation *translation; // NULL: kernel thread, runs on any root
    void *fpu_state;                 // NULL: kernel thread
    struct percpu *fpu_cpu;          // on whose registers the state was loaded last
    uint32_t held_mutex_ranks;       // bit per mutex_rank; written by the thread itself
#if DEBUG_CHECKS
    struct mutex_hold mutex_holds[THREAD_MUTEX_RANKS]; // by rank, while held
#endif
    uint64_t fs_base, gs_base;  // of the program; valid while not running
    struct selectors selectors; // likewise, and only if has_selectors: else all are null
    bool has_selectors;
    uint64_t canary;
    uint32_t id;
    _Atomic(enum thread_state) state;
    bool wait_interruptible;      // written by the thread before it is BLOCKED, cleared after
    atomic_bool woken_awake;      // thread_wake() found it not BLOCKED, since wait_many_begin()
    _Atomic(struct percpu *) cpu; // to whose run queue it belongs; changes under that one's lock
    struct cpu_mask affinity;     // guarded by that lock
    bool is_bound;                // likewise: the mask leaves out a CPU that runs
    uint64_t wait_units;          // likewise: what it adds to run_queue.waiting while it waits
    struct policy_entity policy;
    uint64_t waiting_since;   // TSC, while RUNNABLE or MOVING: since when it wants to run
    enum histogram wait_kind; // and where that counts
    char name[16];

    uint64_t run_ticks; // of the TSC; exact, taken at switches
    uint64_t last_switch_tsc;
    uint64_t user_samples, system_samples; // where interrupts fell, to split run time
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t minor_faults;

    void *owner; // the process layer's object; NULL for kernel threads
    void (*on_release)(
        struct thread *thread);         // called once nobody runs on it any more; may be NULL
    struct list_node owner_link;        // for the owner
    struct late_release *late_releases; // fs/late_release.h
    struct fail_plan fail_plan;
    struct thread_identity identity;
    struct thread_signals signals;
};

// One thread that waits; and the same of one whose mask names more than one CPU that runs.
#define WAIT_MOVABLE_SHIFT 32u
#define WAIT_PINNED 1ull
#define WAIT_MOVABLE (1ull << WAIT_MOVABLE_SHIFT | WAIT_PINNED)

typedef void (*thread_function)(void *argument);

// A thread in state NEW that will run `function(argument)` on its own kernel stack. With
// `uses_fpu`, a clean FPU state is allocated. NULL: no memory. The name is copied, cut to fit.
must_check struct thread *thread_create(const char *name, thread_function function, void *argument,
                                        bool uses_fpu);
// NEW -> RUNNABLE. Any context.
void thread_start(struct thread *thread);
// For a NEW thread that will never start.
void thread_discard(struct thread *thread);
// Ends the running thread; its memory goes back after the switch away, then on_release() is called.
noreturn_function void thread_exit(void);
// Sets work bits and wakes the thread if it waits interruptibly. Any context; takes the run-queue
// lock.
void thread_add_work(struct thread *thread, uint32_t work);
// Exact under the run-queue lock, and of the running thread itself.
static inline enum thread_state thread_state(const struct thread *thread)
{
    return atomic_load_explicit(&thread->state, memory_order_relaxed);
}
static inline bool thread_has_work(const struct thread *thread)
{
    return atomic_load_explicit(&thread->work, memory_order_acquire) != 0;
}
// Changes what the thread is entitled to; the rights must be valid. Any state, any context; takes
// the run-queue lock.
void thread_set_rights(struct thread *thread, const struct thread_rights *rights);
// A NEW thread gets its creator's rights, as far as they are passed on.
void thread_inherit_rights(struct thread *child, const struct thread *parent);
// The slice of threads with these rights, before any division among those who wait; 0: none.
uint64_t thread_slice_ns(const struct thread_rights *rights);
// Which user half the thread has; loads it if the thread is the running one. NULL: none any more;
// it runs on like a kernel thread. Whoever owns the translation keeps it while a thread has it.
void thread_set_translation(struct thread *thread, struct translation *translation);
// FS/GS base of the running thread's program.
void thread_set_fs_base(uint64_t base);
void thread_set_gs_base(uint64_t base);
uint64_t thread_fs_base(void);
uint64_t thread_gs_base(void);
// Copies the running thread's FPU state, bases and selectors into a new thread (fork).
void thread_copy_user_registers(struct thread *to);
// The running thread's program starts afresh (exec): FPU initial, bases and selectors 0.
void thread_reset_user_registers(void);
// What the next switch to the thread will load, and the stack pointer after that. False: it runs
// now, or is on its way between two CPUs. The caller sees to it that the thread stays.
must_check bool thread_copy_context(const struct thread *thread, struct switch_context *copy,
                                    uint64_t *rsp);
// Run time of a thread including the stretch it is running now, on whatever CPU. Takes the
// run-queue lock for any but the running thread itself.
uint64_t thread_run_ns(const struct thread *thread);

// The trap frame of the thread's program lies at the top of its kernel stack.
static inline struct trap_frame *thread_user_frame(const struct thread *thread)
{
    return (struct trap_frame *)(thread->stack_top - sizeof(struct trap_frame));
}
