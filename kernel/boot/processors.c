// Starts the further CPUs, one after the other, and takes them in: numbers are given as they come,
// so there are no gaps. Runs on the boot CPU before the first thread, but for processor_main(),
// which each new CPU runs. Invariant: a CPU counts only after it has said that it is ready, and
// goes on only after it was counted; one that was given up meanwhile comes to rest.
#include "boot/boot.h"
#include "boot/processor_choice.h"
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/fpu.h"
#include "cpu/interrupts.h"
#include "cpu/isolation.h"
#include "cpu/lapic.h"
#include "cpu/processor.h"
#include "cpu/register_set.h"
#include "cpu/registers.h"
#include "cpu/tables.h"
#include "cpu/trampoline.h"
#include "cpu/tsc_compare.h"
#include "debug/log.h"
#include "debug/random.h"
#include "debug/watchdog.h"
#include "dev/acpi.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/entry_map.h"
#include "mem/frame.h"
#include "mem/kernel_map.h"
#include "mem/object_cache.h"
#include "mem/page_table.h"
#include "mem/translation.h"
#include "sched/scheduler.h"

#define AFTER_RESET_NS 10000000ull // SDM vol. 3A, 8.4.4.1
#define READY_LIMIT_NS 10000000000ull

// Between the boot CPU and the one that is coming.
enum arrival { ARRIVAL_AWAITED, ARRIVAL_READY, ARRIVAL_LACKS, ARRIVAL_GIVEN_UP };
static _Atomic(enum arrival) arrival;
static const char *lacking;                                    // with ARRIVAL_LACKS
static struct register_set first_registers, arrived_registers; // CPU 0's; with ARRIVAL_READY
static uint32_t alike_count; // further CPUs that have CPU 0's registers
static uint64_t slowest_round_trip;
static uint32_t trace_events; // room of each ring

// A CPU reads the meeting's end when it gets to it, while the next ones may be meeting already.
struct cpu_area {
    struct cpu_entry_page entry;
    struct percpu cpu;
    struct tsc_meeting meeting; // with the boot CPU
};
_Static_assert(offsetof(struct cpu_area, cpu) == sizeof(struct cpu_entry_page), "no gap between");

static struct tsc_meeting *meeting_of(struct percpu *cpu)
{
    return &((struct cpu_area *)cpu_entry_page(cpu))->meeting;
}

// After every earlier load (SDM vol. 2B, RDTSC).
static uint64_t read_counter(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return read_tsc();
}

static void shift_counter(int64_t difference)
{
    write_msr(MSR_TSC, read_tsc() + (uint64_t)difference);
}

static const struct tsc_clock tsc = { read_counter, shift_counter };

noreturn_function static void rest(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}

// Exchanges what is awaited for what is so; false when the boot CPU has given up.
static bool announce(enum arrival what)
{
    enum arrival expected = ARRIVAL_AWAITED;

    return atomic_compare_exchange_strong(&arrival, &expected, what);
}

static void compare_features(void)
{
    struct cpu_features own;

    cpu_features_read(&own);
    lacking = cpu_features_lacking(&cpu_features, &own);
    if (!lacking)
        return;
    (void)announce(ARRIVAL_LACKS);
    rest();
}

// The first C code of a further CPU: what main.c did for the boot CPU, in the same order.
static void processor_main(struct percpu *cpu)
{
    compare_features();
    cpu_control_registers_load();
    if (!PROTECT_EVERY_CPU)
        write_cr4(read_cr4() & ~CR4_SMAP);
    cpu_tables_load(cpu);
    cpu_syscall_msrs_load();
    fpu_init_cpu();
    translation_cpu_init();
    lapic_init_cpu();
    cpu->apic_id = lapic_id();
    if (DEBUG_CHECKS)
        register_set_read(&arrived_registers);
    if (!announce(ARRIVAL_READY) || !tsc_follow(meeting_of(cpu), &tsc))
        rest();
    while (cpu_count() <= cpu->number)
        cpu_relax();
    scheduler_idle_loop();
}

// What a CPU needs before its first instruction; NULL: no memory. A CPU that does not come leaves
// it to the next one.
static struct percpu *prepare_cpu(void)
{
    struct cpu_area *area = memory_allocate(sizeof(*area));
    struct thread *idle = memory_allocate(sizeof(*idle));

    if (!area || !idle)
        goto no_memory;
    struct percpu *cpu = &area->cpu;
    cpu->tables = memory_allocate(CPU_TABLES_SIZE);
    if (!cpu->tables)
        goto no_memory;
    if (!entry_map_add_cpu(cpu) || !object_magazines_prepare(cpu))
        goto no_magazines;
    idle->stack_top = kernel_stack_allocate();
    if (!idle->stack_top)
        goto no_stack;
    cpu->self = cpu;
    cpu->canary = random_u64() & ~0xffull;
    random_init_cpu(cpu);
    cpu->number = cpu_count();
    cpu->kernel_stack_top = idle->stack_top;
    string_copy(idle->name, "idle", sizeof(idle->name));
    if (scheduler_init_cpu(cpu, idle) == 0)
        return cpu;

    kernel_stack_release(idle->stack_top);
no_stack:
    memory_release(cpu->object_magazines);
no_magazines:
    entry_map_remove_cpu(cpu);
    memory_release(cpu->tables);
no_memory:
    memory_release(idle);
    memory_release(area);
    return NULL;
}

// Of a CPU that did not come.
static void free_cpu(struct percpu *cpu)
{
    kernel_stack_release(cpu->current->stack_top);
    memory_release(cpu->run_queue);
    memory_release(cpu->object_magazines);
    memory_release(cpu->current);
    entry_map_remove_cpu(cpu);
    memory_release(cpu->tables);
    memory_release(cpu_entry_page(cpu));
}

static enum arrival wait_for_arrival(void)
{
    uint64_t begin = clock_now_ns();

    for (;;) {
        enum arrival now = atomic_load_explicit(&arrival, memory_order_acquire);
        if (now != ARRIVAL_AWAITED)
            return now;
        if (processor_is_unfit() ||
            (clock_now_ns() - begin > READY_LIMIT_NS && announce(ARRIVAL_GIVEN_UP)))
            return ARRIVAL_GIVEN_UP;
        cpu_relax();
    }
}

// Time must not go back when a thread moves, so a CPU whose counter cannot be brought in line stays
// out.
static bool compare_counters(struct percpu *cpu, uint32_t apic_id)
{
    struct tsc_result result;
    bool agree = tsc_lead(meeting_of(cpu), &tsc, clock_ns_to_ticks(READY_LIMIT_NS), &result);

    slowest_round_trip = max_of(slowest_round_trip, result.round_trip);
    if (result.shifted != 0)
        log_notice("clock", "TSC of the CPU with APIC id %u shifted by %lld ticks", apic_id,
                   (long long)result.shifted);
    if (!agree)
        log_warning("clock", "TSC of the CPU with APIC id %u is %llu ticks apart from CPU 0's",
                    apic_id, (unsigned long long)result.warp);
    return agree;
}

// A protection that is on here and off there protects nobody.
static void compare_registers(uint32_t apic_id)
{
    uint32_t which = register_set_difference(&first_registers, &arrived_registers);

    if (which == REGISTER_SET_SIZE)
        alike_count++;
    else
        log_error("cpu", "%s of the CPU with APIC id %u is %#llx, CPU 0's is %#llx",
                  register_set_name(which), apic_id,
                  (unsigned long long)arrived_registers.values[which],
                  (unsigned long long)first_registers.values[which]);
}

// The CPU has taken `cpu` and everything in it. True: it is one of us now.
static bool receive_cpu(struct percpu *cpu, uint32_t apic_id)
{
    switch (wait_for_arrival()) {
    case ARRIVAL_READY:
        if (!compare_counters(cpu, apic_id)) {
            log_warning("cpu", "going on without the CPU with APIC id %u", apic_id);
            break;
        }
        if (DEBUG_CHECKS)
            compare_registers(apic_id);
        boot_add_trace(cpu, trace_events);
        percpu_table[cpu->number] = cpu;
        atomic_store_explicit(&percpu_count, cpu->number + 1, memory_order_release);
        return true;
    case ARRIVAL_LACKS:
        log_warning("cpu", "CPU with APIC id %u lacks %s, which CPU 0 has; going on without it",
                    apic_id, lacking);
        break;
    default:
        log_warning("cpu", "CPU with APIC id %u %s; going on without it", apic_id,
                    processor_is_unfit() ? "lacks long mode or NX" : "stopped while it started");
    }
    processor_reset(apic_id); // it lies still already; now it waits for a start-up IPI
    return false;
}

// Returns the per-CPU area that is left for the next one; NULL when it was taken.
static struct percpu *start_cpu(struct percpu *cpu, uint32_t apic_id)
{
    struct processor_start start = {
        .apic_id = apic_id,
        .cpu = cpu,
        .stack_top = cpu->current->stack_top,
        .entry = processor_main,
    };

    cpu->apic_id = apic_id;
    *meeting_of(cpu) = (struct tsc_meeting){ 0 };
    atomic_store(&arrival, ARRIVAL_AWAITED);
    if (!processor_start(&start)) {
        log_warning("cpu", "CPU with APIC id %u does not answer; going on without it", apic_id);
        return cpu;
    }
    (void)receive_cpu(cpu, apic_id);
    return NULL;
}

static void start_chosen(const struct processor_choice *choice)
{
    struct percpu *cpu = NULL;

    trace_events = boot_trace_share(choice->count);
    for (uint32_t i = 0; i < choice->count; i++)
        processor_reset(choice->apic_ids[i]);
    clock_spin_ns(AFTER_RESET_NS);
    for (uint32_t i = 0; i < choice->count; i++) {
        if (!cpu)
            cpu = prepare_cpu();
        if (!cpu) {
            log_warning("cpu", "no memory for CPU %u and those behind it", cpu_count());
            return;
        }
        cpu = start_cpu(cpu, choice->apic_ids[i]);
    }
    if (cpu)
        free_cpu(cpu);
}

void boot_start_processor_late(uint32_t apic_id)
{
    struct percpu *cpu = prepare_cpu();

    kassert(cpu);
    cpu = start_cpu(cpu, apic_id);
    if (cpu)
        free_cpu(cpu);
}

static void report_choice(const struct processor_choice *choice)
{
    if (choice->unreachable > 0)
        log_warning("cpu",
                    "%u CPUs have APIC ids above %u, which need x2APIC, which the firmware "
                    "left off: left out",
                    choice->unreachable, lapic_highest_id());
    if (choice->unwanted > 0)
        log_info("cpu", "%u CPUs left out: %u wanted", choice->unwanted, boot_options.cpu_limit);
}

void boot_start_processors(const struct boot_info *boot)
{
    struct processor_choice choice;
    uint64_t begin = clock_now_ns();

    processors_choose(&choice, &acpi, this_cpu()->apic_id, lapic_highest_id(),
                      boot_options.cpu_limit);
    report_choice(&choice);
    if (choice.count == 0)
        return;
    uint64_t page = trampoline_choose(boot->regions, boot->region_count, TRAMPOLINE_PAGES);
    if (page == 0) {
        log_warning("cpu",
                    "no free memory below 640 KiB, where further CPUs start: going on with "
                    "one of %u",
                    choice.count + 1);
        return;
    }
    if (DEBUG_CHECKS)
        register_set_read(&first_registers);
    processor_trampoline_init(page, kernel_page_table_root, KERNEL_PAT);
    start_chosen(&choice);
    watchdog_init(boot_options.watchdog_seconds);
    log_info("cpu", "%u CPUs run; the others took %llu us to start; TSCs agree within %llu ns",
             cpu_count(), (unsigned long long)(clock_now_ns() - begin) / 1000,
             (unsigned long long)clock_ticks_to_ns(slowest_round_trip));
    if (DEBUG_CHECKS)
        log_info("cpu", "%u registers of %u further CPUs are as CPU 0's", REGISTER_SET_SIZE,
                 alike_count);
}
