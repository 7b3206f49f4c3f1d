// The parts of `selftest=` about several CPUs: one that stops, with interrupts off or on, which the
// watchdog must name; one that does not exist; one that comes when nobody wants it; all that panic
// at once.
#include "boot/boot.h"
#include "boot/selftest.h"
#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/processor.h"
#include "cpu/spinlock.h"
#include "debug/log.h"
#include "debug/panic_report.h"
#include "dev/acpi.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "sched/scheduler.h"
#include "sched/wait.h"

#define STOPPED_CPU 1u
#define LIVE_CPU 2u
#define STEP_NS 50000000ull
#define STEPS 1200u // a minute
#define ABSENT_APIC_ID 250u

static struct spinlock held = SPINLOCK_INIT("selftest", LOCK_RANK_FS);
static atomic_bool has_stopped;

static void wait_a_step(void)
{
    (void)sleep_until(clock_now_ns() + STEP_NS);
}

noreturn_function static void stop_for_good(void *argument)
{
    if (argument)
        spinlock_acquire(argument);
    interrupts_off();
    atomic_store(&has_stopped, true);
    for (;;)
        cpu_relax();
}

// It takes its interrupts, but nobody else ever runs there.
noreturn_function static void loop_for_good(void *argument)
{
    atomic_store(&has_stopped, true);
    for (;;)
        cpu_relax();
}

static void do_nothing(void *argument)
{
}

static void pin(struct thread *thread, uint32_t number)
{
    struct cpu_mask mask = { { 0 } };
    struct departure departure; // of nobody who runs

    cpu_mask_add(&mask, number);
    int error = thread_set_affinity(thread, &mask, &departure);
    kassert(error == 0);
}

static void start_on(uint32_t number, thread_function function, void *argument)
{
    struct thread *thread = thread_create("stopped", function, argument, false);

    kassert(thread);
    pin(thread, number);
    thread_start(thread);
}

static void stop_a_cpu(thread_function how, void *argument)
{
    pin(current_thread(), 0);
    wait_a_step(); // a thread moves when it is woken, or on its way to user mode
    start_on(STOPPED_CPU, how, argument);
    for (uint32_t step = 0; step < STEPS && !atomic_load(&has_stopped); step++)
        wait_a_step();
}

void selftest_stopped_call(void)
{
    stop_a_cpu(stop_for_good, NULL);
    ipi_call_all(do_nothing, NULL);
}

void selftest_stopped_lock(void)
{
    stop_a_cpu(stop_for_good, &held);
    spinlock_acquire(&held);
}

// One that lives is told just before, and then there is nothing to do here for a minute.
static void want_stopped_cpu(thread_function how)
{
    stop_a_cpu(how, NULL);
    start_on(LIVE_CPU, do_nothing, NULL);
    start_on(STOPPED_CPU, do_nothing, NULL);
    (void)sleep_until(clock_now_ns() + STEPS * STEP_NS);
    log_error("selftest", "nobody noticed that CPU %u has stopped", STOPPED_CPU);
}

void selftest_stopped_reschedule(void)
{
    want_stopped_cpu(stop_for_good);
}

void selftest_stopped_loop(void)
{
    want_stopped_cpu(loop_for_good);
}

static void spin_until_stopped(_Atomic(struct percpu *) *cpu)
{
    while (!atomic_load(cpu) || !atomic_load(&atomic_load(cpu)->stopped))
        cpu_relax();
}

// The first is in its panic, and not yet at stopping the others, when the second one's comes; the
// third one's comes at any moment after that.
static void panic_here(void *argument)
{
    static atomic_uint arrived;
    static atomic_bool is_claimed;
    static _Atomic(struct percpu *) second;
    uint32_t place = atomic_fetch_add(&arrived, 1);

    if (place == 0) {
        atomic_store(&is_claimed, panic_claim(this_cpu()));
    } else if (place == 1) {
        while (!atomic_load(&is_claimed))
            cpu_relax();
        atomic_store(&second, this_cpu());
    }
    if (place != 1)
        spin_until_stopped(&second);
    panic("asked for on CPU %u by selftest=panic-all", this_cpu()->number);
}

// All other CPUs, of which there are two at least, while this one waits for them.
void selftest_panic_everywhere(void)
{
    struct cpu_mask others;

    memset(&others, 0xff, sizeof(others));
    cpu_mask_remove(&others, this_cpu()->number);
    ipi_call(&others, panic_here, NULL);
}

static bool runs(uint32_t apic_id)
{
    const struct percpu *cpu;

    for_each_cpu(cpu)
    {
        if (cpu->apic_id == apic_id)
            return true;
    }
    return false;
}

// With maxcpus=2 on a machine with more: the CPUs that were left out get a start-up IPI now, when
// nobody expects them, and must come to rest where they begin.
void selftest_unwanted_cpus(void)
{
    uint32_t woken = 0;

    boot_start_processor_late(ABSENT_APIC_ID);
    for (uint32_t i = 0; i < acpi.cpu_count; i++) {
        if (!acpi.cpus[i].enabled || runs(acpi.cpus[i].apic_id))
            continue;
        processor_start_unexpected(acpi.cpus[i].apic_id);
        woken++;
    }
    for (uint32_t step = 0; step < STEPS && processors_turned_away() < woken; step++)
        wait_a_step();
    log_notice("selftest", "%u CPUs run, %u were turned away", cpu_count(),
               processors_turned_away());
}
