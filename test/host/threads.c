// The one thread of the host tests: sleeping locks with rank checks, waits that a signal ends at
// once, time, and the instructions that touch user memory, which here is the host's own.
#include "threads.h"

#include <stdatomic.h>
#include <string.h>

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/ipi.h"
#include "lib/panic.h"
#include "sched/mutex.h"
#include "sched/scheduler.h"
#include "sched/shared_mutex.h"
#include "vm/user_copy_raw.h"

#define HELD_LIMIT 8

struct percpu boot_percpu;
struct percpu *percpu_table[CPU_LIMIT] = { &boot_percpu };
atomic_uint percpu_count = 1;
static struct thread thread = { .state = THREAD_RUNNING };
static struct held_mutex {
    const void *lock;
    const char *name;
    enum mutex_rank rank;
} held[HELD_LIMIT];
static unsigned held_count;
static uint64_t now_ns;

uint64_t user_bad_start, user_bad_end;
uint64_t user_copies;
uint64_t wake_ups;
void (*after_wait_prepare)(struct wait_queue *queue, struct waiter *waiter);
void (*before_wait_block)(void);
void (*after_mutex_release)(struct mutex *mutex);

struct percpu *threads_cpu = &boot_percpu;
void (*after_cpu_change)(struct percpu *cpu);

struct percpu *this_cpu(void)
{
    return threads_cpu;
}

void interrupts_off(void)
{
}

void interrupts_restore(void)
{
}

void ipi_call(const struct cpu_mask *cpus, void (*function)(void *argument), void *argument)
{
    struct percpu *caller = threads_cpu;

    spinlock_assert_held_count(0);
    for_each_cpu(threads_cpu)
    {
        if (!cpu_mask_has(cpus, threads_cpu->number))
            continue;
        if (after_cpu_change)
            after_cpu_change(threads_cpu);
        function(argument);
    }
    threads_cpu = caller;
    if (after_cpu_change)
        after_cpu_change(caller);
}

void ipi_call_all(void (*function)(void *argument), void *argument)
{
    struct cpu_mask all;

    memset(&all, 0xff, sizeof(all));
    ipi_call(&all, function, argument);
}

// As late as may be: when the next one comes.
void ipi_post(const struct cpu_mask *cpus, void (*function)(void *argument), const void *argument,
              size_t size)
{
    static struct {
        struct cpu_mask cpus;
        void (*function)(void *argument);
        uint64_t argument[IPI_POST_SIZE / sizeof(uint64_t)];
    } posted;

    if (posted.function)
        ipi_call(&posted.cpus, posted.function, posted.argument);
    posted.cpus = *cpus;
    posted.function = function;
    memcpy(posted.argument, argument, size);
}

struct thread *current_thread(void)
{
    return &thread;
}

void mutex_init(struct mutex *mutex, const char *name, enum mutex_rank rank)
{
    *mutex = (struct mutex){ .name = name, .rank = rank };
}

static void hold(const void *lock, const char *name, enum mutex_rank rank)
{
    spinlock_assert_held_count(0);
    if (held_count > 0 && held[held_count - 1].rank >= rank)
        panic("mutex %s acquired while %s is held", name, held[held_count - 1].name);
    if (held_count == HELD_LIMIT)
        panic("too many mutexes");
    held[held_count++] = (struct held_mutex){ lock, name, rank };
}

static void let_go(const void *lock, const char *name)
{
    spinlock_assert_held_count(0);
    if (held_count == 0 || held[held_count - 1].lock != lock)
        panic("mutex %s released out of order", name);
    held_count--;
}

void mutex_acquire(struct mutex *mutex)
{
    hold(mutex, mutex->name, mutex->rank);
    atomic_store(&mutex->owner, (uintptr_t)&thread);
}

void mutex_release(struct mutex *mutex)
{
    let_go(mutex, mutex->name);
    atomic_store(&mutex->owner, 0);
    if (after_mutex_release)
        after_mutex_release(mutex);
}

void shared_mutex_init(struct shared_mutex *mutex, const char *name, enum mutex_rank rank)
{
    *mutex = (struct shared_mutex){ .name = name, .rank = rank };
}

void shared_mutex_acquire(struct shared_mutex *mutex)
{
    hold(mutex, mutex->name, mutex->rank);
}

void shared_mutex_release(struct shared_mutex *mutex)
{
    let_go(mutex, mutex->name);
}

void shared_mutex_acquire_shared(struct shared_mutex *mutex)
{
    hold(mutex, mutex->name, mutex->rank);
}

void shared_mutex_release_shared(struct shared_mutex *mutex)
{
    let_go(mutex, mutex->name);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return atomic_load(&mutex->owner) != 0;
}

void wait_queue_init(struct wait_queue *queue)
{
}

void wait_prepare(struct wait_queue *queue, struct waiter *waiter, enum wait_kind kind)
{
    atomic_store(&thread.state, THREAD_BLOCKED);
    atomic_store(&waiter->thread, &thread);
    if (after_wait_prepare)
        after_wait_prepare(queue, waiter);
}

int wait_block(uint64_t deadline_ns)
{
    spinlock_assert_held_count(0);
    if (before_wait_block)
        before_wait_block();
    atomic_store(&thread.state, THREAD_RUNNING);
    return -EINTR;
}

void wait_many_begin(void)
{
    atomic_store(&thread.woken_awake, false);
}

void wait_enter(struct wait_queue *queue, struct waiter *waiter)
{
    kassert(thread_state(&thread) == THREAD_RUNNING);
    atomic_store(&waiter->thread, &thread);
    if (after_wait_prepare)
        after_wait_prepare(queue, waiter);
}

int wait_many_block(uint64_t deadline_ns)
{
    kassert(thread_state(&thread) == THREAD_RUNNING);
    if (!atomic_load(&thread.woken_awake))
        return wait_block(deadline_ns);
    if (thread_has_work(&thread))
        return -ERESTARTSYS;
    return clock_now_ns() >= deadline_ns ? -ETIMEDOUT : 0;
}

void wait_finish(struct wait_queue *queue, struct waiter *waiter)
{
    atomic_store(&waiter->thread, NULL);
    atomic_store(&thread.state, THREAD_RUNNING);
}

void wait_wake_all(struct wait_queue *queue)
{
    wake_ups++;
}

void preempt_point(void)
{
    spinlock_assert_held_count(0);
}

uint64_t clock_now_ns(void)
{
    return now_ns += 1000;
}

void clock_spin_ns(uint64_t duration_ns)
{
    now_ns += duration_ns;
}

uint64_t clock_boot_unix_seconds(void)
{
    return 1700000000;
}

// How much of a copy comes before the first bad address.
static size_t part_before_bad(uint64_t address, size_t length)
{
    if (address >= user_bad_end || address + length <= user_bad_start)
        return length;
    return address >= user_bad_start ? 0 : user_bad_start - address;
}

size_t user_copy_raw(uint64_t destination, uint64_t source, size_t length)
{
    size_t good = min_of(part_before_bad(destination, length), part_before_bad(source, length));

    user_copies++;
    if (good > 0)
        memcpy((void *)destination, (const void *)source, good);
    return length - good;
}

size_t user_zero_raw(uint64_t destination, size_t length)
{
    size_t good = part_before_bad(destination, length);

    user_copies++;
    memset((void *)destination, 0, good);
    return length - good;
}

size_t user_string_raw(uint64_t destination, uint64_t source, size_t size)
{
    size_t good = part_before_bad(source, size);
    size_t length = strnlen((const char *)source, good);

    user_copies++;
    memcpy((void *)destination, (const void *)source, min_of(length + 1, good));
    return length < good || good == size ? length : SIZE_MAX;
}

static uint64_t load_word(uint64_t address)
{
    if (part_before_bad(address, sizeof(uint32_t)) < sizeof(uint32_t))
        return UINT64_MAX;
    user_copies++;
    return *(const uint32_t *)address;
}

uint64_t user_load32_raw(uint64_t address)
{
    return load_word(address);
}

uint64_t user_load32_no_fault_raw(uint64_t address)
{
    return load_word(address);
}

uint64_t user_compare_exchange32_raw(uint64_t address, uint32_t expected, uint32_t desired)
{
    uint64_t word = load_word(address);

    if (word == expected)
        *(uint32_t *)address = desired;
    return word;
}

const char user_load32_no_fault_instruction[8];
const struct user_copy_fixup_entry user_copy_fixups_start[1];
const struct user_copy_fixup_entry user_copy_fixups_end[1];
