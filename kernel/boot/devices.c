// Screen, interrupt controllers and clocks, from what the firmware's tables say.
#include "boot/boot.h"
#include "cpu/ioapic.h"
#include "cpu/lapic.h"
#include "cpu/percpu.h"
#include "debug/log.h"
#include "dev/acpi.h"
#include "dev/screen.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/kernel_map.h"

#define LAPIC_DEFAULT_ADDRESS 0xfee00000ull // SDM vol. 3A, 11.4.1
#define REGISTER_PAGE_SIZE 4096u

static bool console_wants(const char *sink)
{
    const char *console = command_line_value(&boot_options.line, "console");

    if (console && strcmp(console, "serial") != 0 && strcmp(console, "screen") != 0) {
        log_warning("boot", "command line: console=%s is neither serial nor screen", console);
        return true;
    }
    return !console || strcmp(console, sink) == 0;
}

void boot_open_screen(const struct boot_info *boot)
{
    static struct log_sink sink = {
        .write = screen_write,
        .work = screen_draw,
        .reset = screen_reset_for_panic,
        .may_lag = true,
        .name = "screen",
    };

    if (boot->framebuffer.format == BOOT_PIXEL_NONE || !console_wants("screen"))
        return;
    volatile void *pixels =
        device_map(boot->framebuffer.base, boot->framebuffer.size, DEVICE_WRITE_COMBINING);
    if (pixels && screen_init(&boot->framebuffer, pixels))
        log_add_sink(&sink);
    else
        log_warning("boot", "the framebuffer cannot be used: the log is on the serial port only");
}

static void start_ioapics(void)
{
    for (uint32_t i = 0; i < acpi.ioapic_count; i++) {
        struct ioapic_description description = {
            .registers = device_map(acpi.ioapics[i].address, REGISTER_PAGE_SIZE, DEVICE_UNCACHED),
            .first_line = acpi.ioapics[i].first_line,
        };
        if (description.registers)
            ioapic_add(&description);
    }
}

void boot_start_devices(const struct boot_info *boot)
{
    acpi_init(boot);
    uint64_t lapic = acpi.lapic_address ? acpi.lapic_address : LAPIC_DEFAULT_ADDRESS;
    volatile void *registers = device_map(lapic, REGISTER_PAGE_SIZE, DEVICE_UNCACHED);
    if (!registers)
        panic("no memory to map the local APIC");
    lapic_init(registers);
    this_cpu()->apic_id = lapic_id();
    start_ioapics();
    struct clock_sources sources = {
        .pm_timer_port = acpi.pm_timer_port,
        .pm_timer_is_32_bit = acpi.pm_timer_is_32_bit,
        .has_pit = true,
        .stated_hz = boot_options.clock_hz,
    };
    if (acpi.hpet_address)
        sources.hpet = device_map(acpi.hpet_address, REGISTER_PAGE_SIZE, DEVICE_UNCACHED);
    clock_init(&sources, boot->tsc_at_exit);
    log_info("clock", "TSC runs at %llu kHz, measured against the %s; LAPIC timer: %s",
             (unsigned long long)clock_tsc_hz() / 1000, clock_reference_name(),
             lapic_timer_uses_tsc_deadline() ? "TSC deadline" : "one-shot");
}
