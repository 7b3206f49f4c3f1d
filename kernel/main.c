// The boot story, one call a line. The loader (efi/) has left boot_info and jumped to start.S,
// which called kernel_main() on the boot stack with interrupts off. The boot context ends as the
// idle thread; the rest of the boot runs in a kernel thread that becomes process 1.
#include "boot/boot.h"
#include "cpu/features.h"
#include "cpu/fpu.h"
#include "cpu/interrupts.h"
#include "cpu/tables.h"
#include "mem/entry_map.h"
#include "mem/kernel_map.h"
#include "mem/translation.h"
#include "proc/process.h"
#include "sched/scheduler.h"
#include "vm/user_copy.h"

noreturn_function void kernel_main(struct boot_info *boot);

noreturn_function void kernel_main(struct boot_info *boot)
{
    boot_open_serial_log();        // from here on, everything can be said
    boot_check_info(boot);         // is this our loader, and does it speak our version?
    boot_read_command_line(boot);  // all of its words: README.md
    cpu_features_init();           // what can this CPU do?
    boot_choose_mechanisms();      // and what of that is wanted: nosmap, nosmep, iretq...
    cpu_control_registers_load();  // NX, WP, SMEP, SMAP, UMIP, FSGSBASE
    boot_trace_begin();            // each step from here to the timer is stamped
    cpu_tables_load(&boot_percpu); // the trap table, by a privileged instruction
    boot_trace_trap_table();       // read back: what the hardware remembers now
    cpu_syscall_msrs_load();       // and the one address where SYSCALL arrives
    boot_trace_syscall_entry();    // read back
    fpu_init();                    // vector state: how it is saved, how big it is
    boot_load_symbols(boot);       // from here on, a panic names functions
    frames_init(boot);             // all RAM, frame by frame
    kernel_map_init(boot);         // the kernel's half; the identity map goes
    entry_map_init();              // kpti: what of it ring 3's tables have
    translation_cpu_init();        // PCIDs, if this CPU has them
    boot_start_trace();            // trace=: the event rings get their memory
    boot_guard_stack();            // an overflow of this stack is noticed, too
    boot_open_screen(boot);        // the log appears on the framebuffer as well
    boot_start_devices(boot);      // ACPI, LAPIC, I/O APICs, clocks: time begins
    boot_trace_devices();          // what lies between the traps and the timer
    boot_seed_random();            // from hardware; seed= makes layouts repeat
    scheduler_init(boot_options.slice_ns, boot_options.timer_off); // this context is idle now
    boot_trace_timer();            // the last of the chapter's steps at boot
    user_copy_init();              // STAC and CLAC, if this CPU has them
    boot_start_vdso();             // programs read the clocks without a trap
    process_init();                // the process table
    boot_start_processors(boot);   // every other CPU, up to its idle loop (boot/processors.c)
    boot_start_first_thread(boot); // the rest of the boot, with interrupts on (boot/first.c)
    interrupts_enable_now();
    scheduler_idle_loop();
}
