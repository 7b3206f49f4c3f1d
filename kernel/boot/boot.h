// The steps of the boot story that main.c lists: small glue between the loader's boot_info and the
// layers. Each runs once, on the boot CPU, in main.c's order.
#pragma once

#include "boot_info.h"
#include "lib/command_line.h"
#include "lib/types.h"

// What the kernel command line says; read-only after boot_read_command_line().
struct boot_options {
    uint64_t slice_ns;
    bool timer_off;
    uint64_t seed; // of all randomness; 0: hardware's
    const char *init_path;
    const char *direct_program; // NULL: the ordinary way
    const char *selftest;       // NULL: none
    struct command_line line;
};
extern struct boot_options boot_options;

void boot_open_serial_log(void);
// A foreign or older boot_info is refused with one sentence; restarts the machine.
void boot_check_info(const struct boot_info *boot);
// Unknown words are reported in the log.
void boot_read_command_line(struct boot_info *boot);
void boot_guard_stack(void);
void boot_seed_random(void);
void boot_load_symbols(const struct boot_info *boot);
void boot_open_screen(const struct boot_info *boot);
void boot_start_devices(const struct boot_info *boot);
// Creates the kernel thread that unpacks the initramfs and becomes process 1.
void boot_start_first_thread(const struct boot_info *boot);
// What it took to come this far, for `make bench`: time, time that was waiting for clocks, memory
// in use. Logged just before the first instruction of the first program (cost.c).
void boot_report_cost(const struct boot_info *boot);
// `selftest=NAME`: provokes, in kernel mode, what a program cannot show (selftest.c).
void boot_run_selftest(const char *name);
