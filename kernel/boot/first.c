// The kernel thread that finishes the boot and becomes process 1: files, devices, with `direct=` a
// program without limits, then init.
#include "abi/process.h"
#include "boot/boot.h"
#include "cpu/upcalls.h"
#include "debug/fail.h"
#include "debug/log.h"
#include "debug/symbols.h"
#include "dev/acpi.h"
#include "drivers/console.h"
#include "drivers/host_channel.h"
#include "drivers/keyboard.h"
#include "fs/memory_fs.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "mem/frame.h"
#include "proc/exec.h"
#include "proc/process.h"
#include "pseudo/pseudo.h"
#include "pseudo/terminal.h"
#include "sched/thread.h"
#include "trap/system_call.h"

#define KEYBOARD_INTERRUPT 1u // ISA lines
#define SERIAL_INTERRUPT 4u   // of COM1 and COM3

static const struct boot_info *boot_information;

_Static_assert(offsetof(struct boot_info, regions) + sizeof(((struct boot_info *)0)->regions) ==
                   sizeof(struct boot_info),
               "what lies behind the regions in use is given back");

// The whole pages between two addresses.
static void give_back(uint64_t start, uint64_t end)
{
    start = align_up(start, PAGE_SIZE);
    end = align_down(end, PAGE_SIZE);
    if (start < end)
        frames_give(start, (end - start) / PAGE_SIZE);
}

static void unpack_initramfs(void)
{
    const struct boot_info *boot = boot_information;
    phys_addr base = phys_make(boot->initramfs_base);

    if (boot->initramfs_size == 0) {
        log_error("boot", "initramfs.cpio is missing or empty: there is no program to run");
        return;
    }
    if (memory_fs_unpack(direct_map_pointer(base), boot->initramfs_size) != 0)
        log_error("boot", "initramfs.cpio is broken: going on with what could be unpacked");
    give_back(boot->initramfs_base,
              align_up(boot->initramfs_base + boot->initramfs_size, PAGE_SIZE));
}

// What the loader left and nobody needs: of the file kernel.elf, whose segments are copies, all but
// the symbols; the end of the list of regions.
static void give_back_leftovers(void)
{
    const struct boot_info *boot = boot_information;
    uint64_t file_end = align_up(boot->symbols_base + boot->symbols_size, PAGE_SIZE);
    uintptr_t symbols_start, symbols_end;

    symbols_extent(&symbols_start, &symbols_end);
    if (symbols_start < symbols_end) {
        give_back(boot->symbols_base, symbols_start - DIRECT_MAP_BASE);
        give_back(symbols_end - DIRECT_MAP_BASE, file_end);
    } else {
        give_back(boot->symbols_base, file_end);
    }
    give_back((uint64_t)&boot->regions[boot->region_count] - DIRECT_MAP_BASE,
              align_up((uint64_t)(boot + 1) - DIRECT_MAP_BASE, PAGE_SIZE));
}

static void start_input_devices(void)
{
    const struct acpi_isa_route *serial = &acpi.isa[SERIAL_INTERRUPT];
    const struct acpi_isa_route *keyboard = &acpi.isa[KEYBOARD_INTERRUPT];

    console_init(serial->line, serial->active_low, serial->level_triggered);
    terminal_init();
    keyboard_init(command_line_value(&boot_options.line, "keymap"), keyboard->line,
                  keyboard->active_low, keyboard->level_triggered);
    keyboard_set_reboot_receiver(process_restart_by_keys);
    host_channel_init(serial->line, serial->active_low, serial->level_triggered);
}

// Figure 6.1 of the chapter: no limits. The program runs in ring 0; nothing brings control back but
// its own return. Then the boot goes on.
static void run_direct(void)
{
    const char *path = boot_options.direct_program;
    char *const arguments[] = { (char *)path, NULL };
    int64_t result = 0;

    log_notice("direct", "calling %s in ring 0, without limits", path);
    int error = exec_direct(path, arguments, &result);
    if (error)
        log_error("direct", "%s cannot be run: error %d", path, -error);
    else
        log_notice("direct", "%s returned %lld; the boot goes on", path, (long long)result);
}

// fail=KIND:N, which no program is told of.
static void start_to_fail(void)
{
    const char *text = command_line_value(&boot_options.line, "fail");

    if (!text)
        return;
    if (!DEBUG_CHECKS)
        log_warning("boot", "fail=: only checked builds have that");
    else if (fail_begin(text))
        log_notice("boot", "fail=%s: one in so many is refused", text);
    else
        log_warning("boot", "command line: fail=%s is no KIND:NUMBER", text);
}

static void run_init(void)
{
    char *arguments[COMMAND_LINE_WORD_LIMIT + 2] = { (char *)boot_options.init_path };
    char *const environment[] = { "HOME=/", "TERM=xterm", "PATH=/sbin:/bin", NULL };
    const struct command_line *line = &boot_options.line;

    for (size_t i = 0; i < line->init_word_count; i++)
        arguments[i + 1] = (char *)line->init_words[i];
    system_calls_begin(boot_options.never_sysret);
    start_to_fail();
    int error = process_start_first(boot_options.init_path, arguments, environment);
    if (!error) {
        boot_report_cost(boot_information);
        thread_return_to_user();
    }
    log_error("boot", "%s cannot be started: error %d; name another program with init=",
              boot_options.init_path, -error);
    process_shutdown(REBOOT_POWER_OFF);
}

static void first_thread(void *argument)
{
    console_start_thread();
    process_remember_baseline();
    memory_fs_init();
    give_back_leftovers();
    unpack_initramfs();
    pseudo_init(&boot_options.line);
    start_input_devices();
    if (boot_options.selftest)
        boot_run_selftest(boot_options.selftest);
    if (boot_options.direct_program && PROTECT_DIRECT)
        run_direct();
    run_init();
}

void boot_start_first_thread(const struct boot_info *boot)
{
    boot_information = boot;
    struct thread *thread = thread_create("init", first_thread, NULL, true);
    if (!thread)
        panic("no memory for the first thread");
    thread_start(thread);
}
