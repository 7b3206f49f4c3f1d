// Threads that are CPUs; see cpus.h. Beside them, what the kernel's spinlocks and memory need of
// the machine.
#define _GNU_SOURCE
#include "parallel/cpus.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "test.h"

struct percpu boot_percpu = { .self = &boot_percpu };
struct percpu *percpu_table[CPU_LIMIT] = { &boot_percpu };
atomic_uint percpu_count = 1;

static struct percpu others[HOST_CPU_LIMIT];
static _Thread_local struct percpu *own = &boot_percpu;
static pthread_t threads[HOST_CPU_LIMIT];
static atomic_uint meeting; // how often a CPU has come
static void (*cpu_work)(uint32_t number);
void (*cpus_interrupt)(void);
static atomic_uint finished;

struct percpu *this_cpu(void)
{
    return own;
}

struct thread *current_thread(void)
{
    return NULL;
}

// The signal stands for an interrupt.
void interrupts_off(void)
{
    sigset_t calls;

    if (own->interrupts_off_depth++ > 0)
        return;
    sigemptyset(&calls);
    sigaddset(&calls, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &calls, NULL);
}

void interrupts_restore(void)
{
    sigset_t calls;

    if (own->interrupts_off_depth == 1 && cpus_interrupt)
        cpus_interrupt(); // signals still wait
    if (--own->interrupts_off_depth > 0)
        return;
    sigemptyset(&calls);
    sigaddset(&calls, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &calls, NULL);
}

uint64_t read_rflags(void)
{
    return own->interrupts_off_depth == 0 ? 1 << 9 : 0;
}

uint64_t read_tsc(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// There may be fewer processors than threads.
void cpu_relax(void)
{
    sched_yield();
}

struct call {
    void (*function)(void *argument);
    void *argument;
    atomic_uint unanswered;
};

static struct call *_Atomic wanted[HOST_CPU_LIMIT];

// Interrupts are off, or this is one.
static void answer(void)
{
    struct call *call = atomic_exchange(&wanted[own->number], NULL);

    if (!call)
        return;
    call->function(call->argument);
    atomic_fetch_sub(&call->unanswered, 1);
}

static void serve(int signal)
{
    own->interrupts_off_depth++;
    answer();
    own->interrupts_off_depth--;
}

// Who waits looks for calls, too: ThreadSanitizer may keep a signal for much later.
static void wait_and_answer(void)
{
    interrupts_off();
    answer();
    interrupts_restore();
    sched_yield();
}

void ipi_call(const struct cpu_mask *cpus, void (*function)(void *argument), void *argument)
{
    struct call call = { function, argument, 0 };

    CHECK(own->interrupts_off_depth == 0);
    for (uint32_t number = 0; number < cpu_count(); number++) {
        if (!cpu_mask_has(cpus, number))
            continue;
        if (number == own->number) {
            interrupts_off();
            function(argument);
            interrupts_restore();
            continue;
        }
        atomic_fetch_add(&call.unanswered, 1);
        for (struct call *none = NULL; !atomic_compare_exchange_weak(&wanted[number], &none, &call);
             none = NULL)
            wait_and_answer();
        pthread_kill(threads[number], SIGUSR1);
    }
    while (atomic_load(&call.unanswered) != 0)
        wait_and_answer();
}

void ipi_call_all(void (*function)(void *argument), void *argument)
{
    struct cpu_mask all;

    memset(&all, 0xff, sizeof(all));
    ipi_call(&all, function, argument);
}

// For builds that do not wait; none of their cases is here.
void ipi_post(const struct cpu_mask *cpus, void (*function)(void *argument), const void *argument,
              size_t size)
{
    CHECK(false);
}

void cpus_meet(void)
{
    uint32_t before = atomic_fetch_add(&meeting, 1);
    uint32_t all = (before / cpu_count() + 1) * cpu_count();

    while (atomic_load(&meeting) < all)
        wait_and_answer();
}

static void *run_cpu(void *number_argument)
{
    uint32_t number = (uint32_t)(uintptr_t)number_argument;

    if (number != 0)
        own = &others[number];
    cpus_meet();
    cpu_work(number);
    atomic_fetch_add(&finished, 1);
    while (atomic_load(&finished) < cpu_count()) // others may want something of this CPU
        wait_and_answer();
    return NULL;
}

void cpus_run(uint32_t count, void (*work)(uint32_t number))
{
    struct sigaction action = { .sa_handler = serve, .sa_flags = SA_RESTART };

    CHECK(count <= HOST_CPU_LIMIT && sigaction(SIGUSR1, &action, NULL) == 0);
    cpu_work = work;
    atomic_store(&finished, 0);
    atomic_store(&meeting, 0);
    for (uint32_t number = 1; number < count; number++) {
        others[number].self = &others[number];
        others[number].number = number;
        percpu_table[number] = &others[number];
    }
    atomic_store(&percpu_count, count);
    threads[0] = pthread_self();
    for (uint32_t number = 1; number < count; number++)
        CHECK(pthread_create(&threads[number], NULL, run_cpu, (void *)(uintptr_t)number) == 0);
    run_cpu(NULL);
    for (uint32_t number = 1; number < count; number++)
        CHECK(pthread_join(threads[number], NULL) == 0);
}
