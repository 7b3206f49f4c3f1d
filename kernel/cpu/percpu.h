// What belongs to one CPU, reached through GS while in the kernel. Nothing else in C touches GS.
// Fields without a lock are written only by their own CPU, with interrupts off unless said.
#pragma once

#include <stdatomic.h>

#include "cpu/pcid.h"
#include "lib/chacha.h"
#include "lib/types.h"

struct thread;
struct packed_word;
struct run_queue;
struct spinlock;
struct trace_ring;
struct ipi_request;
struct frame;
struct object_magazine;
struct translation;
struct inode;
struct fail_plan;

// Single free frames, linked (mem/frame_internal.h).
struct frame_chain {
    struct frame *top;
    uint32_t count;
};

// What lies ready at a CPU: taken from and put on the first chain; the second is whole or empty, so
// that taking and putting in turns never needs more than the two.
struct frame_magazine {
    struct frame_chain loaded, spare;
};

#define RANDOM_POOL_SIZE 224u // four blocks less the next key

// Where a CPU's random bytes come from; used by it alone, with interrupts off.
struct random_source {
    struct chacha_generator generator;
    uint64_t bytes_until_reseed;
    // Generated ahead for small requests, since the generator makes whole blocks; `pool_left` bytes
    // at the end are not handed out yet, the others are erased.
    size_t pool_left;
    uint8_t pool[RANDOM_POOL_SIZE];
};

// A place in the queue of those who wait for a spinlock (spinlock.h).
struct lock_waiter {
    _Atomic(struct lock_waiter *) next;
    atomic_bool is_waiting; // cleared by the one before it
};

#define CPU_LIMIT 256u
#define LOCK_WAIT_LIMIT 4u
#define FRAME_KINDS 2u
#define FRAME_USE_LIMIT 9u
#define STACKS_READY_LIMIT 2u
#define HELD_LOCK_LIMIT 16u
#define INTERRUPT_VECTOR_LIMIT 256u
#define HISTOGRAM_COUNT 4u    // cpu/histogram.h
#define HISTOGRAM_BUCKETS 36u // seconds, with any clock

struct percpu {
    struct percpu *self;
    uint64_t kernel_stack_top; // where SYSCALL puts its frame; TSS.RSP0, but with isolation
    uint64_t user_rsp;         // scratch for the SYSCALL entry, valid for a few instructions
    struct thread *current;
    uint64_t reserved; // keeps the canary where the compiler looks for it
    uint64_t canary;   // offset 0x28 is fixed by the compiler's -fstack-protector
    uint32_t number;
    uint32_t apic_id;

    // interrupts.h
    uint32_t interrupts_off_depth;
    uint64_t flags_before_off;     // RFLAGS before the outermost interrupts_off()
    uint64_t interrupts_off_since; // TSC
    // debug builds: the spinlocks held, innermost last
    uint32_t held_lock_count;
    const struct spinlock *held_locks[HELD_LOCK_LIMIT];
    uint64_t held_since[HELD_LOCK_LIMIT], held_at[HELD_LOCK_LIMIT]; // TSC; who acquired it
    // spinlock.h: where others write while this CPU waits, so a cache line of its own; the first
    // `lock_wait_depth` are in use
    struct lock_waiter lock_waiters[LOCK_WAIT_LIMIT] aligned_to(64);
    uint32_t lock_wait_depth;

    // sched
    struct run_queue *run_queue;
    atomic_bool reschedule_due; // set by any CPU, looked at by the exit gate

    // cpu/fpu.h: whose state the vector registers hold
    struct thread *fpu_owner;
    bool has_selectors; // a program's DS, ES, FS or GS that is not null was loaded when it left

    // cpu/tables.h: and where a change of the kernel stack is noted for the CPU
    struct cpu_tables *tables;
    struct packed_word *interrupt_stack;

    // cpu/ipi.h: calls that other CPUs want made here; a stack, pushed by anyone
    _Atomic(struct ipi_request *) ipi_requests;

    // mem/frame.h: single frames that lie ready here, and by use how many were taken here less
    // those given back here. Whoever comes in between, an interrupt, finds it busy and goes
    // without.
    struct frame_magazine frame_magazines[FRAME_KINDS];
    int64_t frames_used[FRAME_USE_LIMIT];
    atomic_bool frames_busy;

    // mem/object_cache.h: free objects that lie ready here, by cache; NULL: none, ever. Not ready
    // while in use here: an interrupt that comes in between goes without.
    struct object_magazine *object_magazines;
    atomic_bool objects_ready;

    // mem/kernel_map.h: stacks that lie ready here, number + 1; 0: none. Any CPU may take them
    // away. And how many were taken here less those given back here.
    atomic_uint stacks_ready[STACKS_READY_LIMIT];
    int64_t stacks_live;

    struct random_source random; // debug/random.h

    // debug/fail.h, debug builds: the running thread's; NULL: nothing may be made to fail
    struct fail_plan *fail_plan;

    // proc/internal.h: deals with a process: nobody may hold the locks of all
    atomic_bool deals_with_process;

    // fs/inode_pages.h: looks pages of this file up without its lock
    _Atomic(const struct inode *) pages_looked_up;

    // debug/panic_report.h: came to rest because another CPU panics; why, if it panicked as well
    atomic_bool stopped;
    const char *stop_reason;

    // mem/translation.h: whose user half is in use (NULL: nobody's), and what CR3 holds (NULL: the
    // kernel's root). Other CPUs read both.
    _Atomic(struct translation *) translation_active;
    _Atomic(struct translation *) translation_loaded;
    uint64_t translation_generation; // up to which this CPU has flushed what is loaded
    struct pcid_slots pcid;
    uint64_t contexts_made; // numbers given to translations

    // debug/trace.h: where events go; NULL: nowhere
    struct trace_ring *trace_ring;

    // longest stretches seen, in TSC ticks (debug/latency.h)
    uint64_t longest_interrupts_off;
    uint64_t longest_interrupts_off_at; // return address of who turned them on again
    uint64_t longest_unpreemptible;
    uint64_t longest_unpreemptible_at;
    uint64_t longest_unpreemptible_from;
    uint64_t unpreemptible_since; // 0: not inside the kernel on behalf of a thread
    uint64_t unpreemptible_from;  // code address where it began

    // counters shown by panic, shutdown and /proc
    uint64_t timer_interrupts;
    uint64_t nmi_count; // stored last of an NMI's notes
    uint64_t nmi_rip;   // where the last one hit
    uint64_t switch_count;
    uint64_t sysret_count;
    uint64_t iretq_count;
    // Calls to drop translations: to other CPUs (by threads); from others (by the interrupt), and
    // the pages that these named.
    uint64_t shootdowns_sent, shootdowns_received, shootdown_pages;
    uint64_t idle_ticks, system_ticks;     // TSC, up to the last switch; the rest is the programs'
    uint64_t user_samples, system_samples; // where interrupts fell since the last switch
    uint64_t migrations; // threads that this CPU has moved from one CPU to another
    uint64_t processes_started;
    uint64_t histograms[HISTOGRAM_COUNT][HISTOGRAM_BUCKETS];
    uint64_t interrupt_counts[INTERRUPT_VECTOR_LIMIT];
};

_Static_assert(offsetof(struct percpu, canary) == 0x28, "the compiler reads the canary at gs:0x28");

// A field of this CPU, read or changed by one instruction. For cpu/ only; others go by this_cpu().
#define percpu_field(field) (((struct percpu __attribute__((address_space(256))) *)0)->field)

static inline struct percpu *this_cpu(void)
{
    return percpu_field(self);
}

static inline struct thread *current_thread(void)
{
    return percpu_field(current);
}

extern struct percpu boot_percpu;

// The CPUs that run, by number: 0 (the boot CPU) to cpu_count() - 1, without gaps. Numbers are
// given as CPUs answer at boot, before the first program; afterwards nothing here changes.
extern struct percpu *percpu_table[CPU_LIMIT];
extern atomic_uint percpu_count;

static inline uint32_t cpu_count(void)
{
    return atomic_load_explicit(&percpu_count, memory_order_acquire);
}
static inline struct percpu *cpu_by_number(uint32_t number)
{
    return percpu_table[number];
}
#define for_each_cpu(cpu)                                                                          \
    for (uint32_t cpu##_number = 0;                                                                \
         cpu##_number < cpu_count() && ((cpu) = percpu_table[cpu##_number], true); cpu##_number++)
