// The steps of the boot story that main.c lists: small glue between the loader's boot_info and the
// layers. Each runs once, on the boot CPU, in main.c's order.
#pragma once

#include "boot_info.h"
#include "cpu/percpu.h"
#include "lib/command_line.h"
#include "lib/types.h"

// What the kernel command line says; read-only after boot_read_command_line().
struct boot_options {
    uint64_t slice_ns;
    bool timer_off;
    uint64_t seed;     // of all randomness; 0: hardware's
    uint64_t clock_hz; // of TSC and LAPIC timer, not measured; 0: measured
    bool never_sysret;
    uint32_t cpu_limit;        // start no more than these
    uint32_t watchdog_seconds; // 0: off
    const char *init_path;
    const char *direct_program; // NULL: the ordinary way
    const char *selftest;       // NULL: none
    uint32_t trace_events;      // room of each CPU's ring, a power of two; 0: tracing is off
    struct command_line line;
};
extern struct boot_options boot_options;

void boot_open_serial_log(void);
// A foreign or older boot_info is refused with one sentence; restarts the machine.
void boot_check_info(const struct boot_info *boot);
// Unknown words are reported in the log.
void boot_read_command_line(struct boot_info *boot);
// nosmap, nosmep, nopcid, noxsaveopt: the feature counts as absent. iretq: no return by SYSRET.
// kpti=on, off: ring 3 has page tables of its own, or not; else as the CPU needs.
// norandmaps: programs lie at the same addresses every time.
void boot_choose_mechanisms(void);
void boot_guard_stack(void);
// Stamps for the chapter's table of the boot: before the tables, behind each step.
void boot_trace_begin(void);
void boot_trace_trap_table(void);
void boot_trace_syscall_entry(void);
void boot_trace_devices(void);
void boot_trace_timer(void);
// With tracing on, the boot CPU's ring. After frames_init().
void boot_start_trace(void);
// How many events each of the further CPUs' rings has room for, and such a ring.
uint32_t boot_trace_share(uint32_t further_cpus);
void boot_add_trace(struct percpu *cpu, uint32_t count);
void boot_seed_random(void);
// vdso=0: none. tsc=unstable, or a CPU whose TSC is not steady: programs read the clocks by system
// calls.
void boot_start_vdso(void);
void boot_load_symbols(const struct boot_info *boot);
void boot_open_screen(const struct boot_info *boot);
void boot_start_devices(const struct boot_info *boot);
// Starts the further CPUs (processors.c). Each ends in its idle loop.
void boot_start_processors(const struct boot_info *boot);
// For a test: one more, when all others run already.
void boot_start_processor_late(uint32_t apic_id);
// Creates the kernel thread that unpacks the initramfs and becomes process 1.
void boot_start_first_thread(const struct boot_info *boot);
// What it took to come this far, for `make bench`: time, time that was waiting for clocks, memory
// in use. Logged just before the first instruction of the first program (cost.c).
void boot_report_cost(const struct boot_info *boot);
// `selftest=NAME`: provokes, in kernel mode, what a program cannot show (selftest.c).
void boot_run_selftest(const char *name);
