// The first steps: a log on the serial port, is the boot_info ours, what does the command line say.
#include "boot/boot.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "cpu/report.h"
#include "debug/log.h"
#include "debug/panic_report.h"
#include "debug/random.h"
#include "debug/symbols.h"
#include "debug/trace.h"
#include "debug/watchdog.h"
#include "dev/power.h"
#include "drivers/serial_console.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/page_table.h"
#include "sched/policy.h"

#define DEFAULT_SLICE_MS 10
#define MAXIMUM_SLICE_MS 10000
#define MAXIMUM_PANIC_SECONDS 86400
#define MAXIMUM_WATCHDOG_SECONDS 3600

struct boot_options boot_options;

extern const char boot_stack_guard[]; // start.S

void boot_open_serial_log(void)
{
    serial_console_open();
    report_to(log_receive); // what cpu/ and dev/ have to say
    log_info("boot", "Ringfence: limited direct execution on x86-64");
}

void boot_check_info(const struct boot_info *boot)
{
    if (boot->magic == BOOT_INFO_MAGIC && boot->version == BOOT_INFO_VERSION &&
        boot->size == sizeof(*boot))
        return;
    log_error("boot",
              "the loader speaks boot_info version %u (%u bytes), this kernel version %u "
              "(%u bytes): install loader and kernel of the same build; restarting",
              boot->version, boot->size, BOOT_INFO_VERSION, (unsigned)sizeof(*boot));
    power_restart();
}

static bool word_is(const char *word, const char *name)
{
    size_t length = strlen(name);

    return strncmp(word, name, length) == 0 && word[length] == '=';
}

// Those without a value.
static bool is_switch(const char *word)
{
    static const char *const switches[] = { "nosmap", "nosmep", "nopcid",  "noxsaveopt",
                                            "iretq",  "nosmp",  "nokaslr", "norandmaps" };

    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        if (strcmp(word, switches[i]) == 0)
            return true;
    }
    return false;
}

static void report_unknown_words(const struct command_line *line)
{
    static const char *const known[] = { "init",  "console", "loglevel",  "panic",    "slice_ms",
                                         "timer", "direct",  "selftest",  "trace",    "keymap",
                                         "size",  "video",   "seed",      "sched",    "vdso",
                                         "tsc",   "maxcpus", "spinlocks", "watchdog", "fail",
                                         "kpti",  "clock_hz" };

    for (size_t i = 0; i < line->word_count; i++) {
        size_t k = 0;
        while (k < ARRAY_SIZE(known) && !word_is(line->words[i], known[k]))
            k++;
        if (k == ARRAY_SIZE(known) && !is_switch(line->words[i]))
            log_warning("boot", "command line: unknown word \"%s\"", line->words[i]);
    }
    if (line->overflow)
        log_warning("boot", "command line: more than %u words; the rest is not used",
                    COMMAND_LINE_WORD_LIMIT);
}

// A number that is absent keeps the default; one that is malformed is reported and keeps it too.
static uint64_t number_option(const char *name, uint64_t minimum, uint64_t maximum,
                              uint64_t default_value)
{
    uint64_t value = default_value;
    const char *text = command_line_value(&boot_options.line, name);

    if (text && !command_line_number(&boot_options.line, name, minimum, maximum, &value))
        log_warning("boot", "command line: %s=%s is not a number from %llu to %llu; using %llu",
                    name, text, (unsigned long long)minimum, (unsigned long long)maximum,
                    (unsigned long long)default_value);
    return value;
}

static void read_timer_option(void)
{
    const char *timer = command_line_value(&boot_options.line, "timer");

    if (!timer)
        return;
    boot_options.timer_off = strcmp(timer, "off") == 0;
    if (boot_options.timer_off)
        log_notice("boot", "timer=off: the cooperative way; a loop now owns the machine for good");
    else
        log_warning("boot", "command line: timer=%s: only timer=off is known", timer);
}

static void read_policy_option(void)
{
    const char *name = command_line_value(&boot_options.line, "sched");

    if (name && !policy_choose(name))
        log_warning("boot", "command line: sched=%s is no policy; using %s", name,
                    policy_chosen->name);
}

// The checked build traces unless told not to; the lean one only when asked.
static uint32_t trace_option(void)
{
    const char *text = command_line_value(&boot_options.line, "trace");
    uint32_t events = DEBUG_CHECKS ? TRACE_DEFAULT_EVENTS : 0;
    uint64_t count;

    if (!text)
        return events;
    if (strcmp(text, "on") == 0)
        return TRACE_DEFAULT_EVENTS;
    if (strcmp(text, "off") == 0)
        return 0;
    if (!command_line_number(&boot_options.line, "trace", TRACE_MINIMUM_EVENTS,
                             TRACE_MAXIMUM_EVENTS, &count)) {
        log_warning("boot",
                    "command line: trace=%s is neither on nor off nor a count from %u to %u", text,
                    TRACE_MINIMUM_EVENTS, TRACE_MAXIMUM_EVENTS);
        return events;
    }
    for (events = TRACE_MINIMUM_EVENTS; events < count;)
        events *= 2;
    return events;
}

static uint32_t cpu_limit_option(void)
{
    if (command_line_value(&boot_options.line, "nosmp"))
        return 1;
    return (uint32_t)number_option("maxcpus", 1, CPU_LIMIT, CPU_LIMIT);
}

void boot_read_command_line(struct boot_info *boot)
{
    struct boot_options *options = &boot_options;

    boot->command_line[BOOT_COMMAND_LINE_SIZE - 1] = '\0';
    log_info("boot", "command line: %s", boot->command_line);
    command_line_parse(&options->line, boot->command_line);
    report_unknown_words(&options->line);
    options->slice_ns = number_option("slice_ms", 1, MAXIMUM_SLICE_MS, DEFAULT_SLICE_MS) * 1000000;
    log_set_level((uint32_t)number_option("loglevel", 0, LOG_DEBUG, LOG_INFO));
    panic_set_restart_seconds((uint32_t)number_option("panic", 0, MAXIMUM_PANIC_SECONDS, 10));
    options->seed = number_option("seed", 1, UINT32_MAX, 0);
    options->clock_hz = number_option("clock_hz", 1000000, UINT32_MAX, 0);
    read_timer_option();
    read_policy_option();
    options->cpu_limit = cpu_limit_option();
    options->watchdog_seconds =
        (uint32_t)number_option("watchdog", 0, MAXIMUM_WATCHDOG_SECONDS, WATCHDOG_DEFAULT_SECONDS);
    options->trace_events = trace_option();
    options->init_path = command_line_value(&options->line, "init");
    options->direct_program = command_line_value(&options->line, "direct");
    options->selftest = command_line_value(&options->line, "selftest");
    if (!options->init_path)
        options->init_path = "/sbin/init";
}

// The page below the boot stack becomes a guard page, as every other kernel stack has one.
void boot_guard_stack(void)
{
    uint64_t *entry = page_table_entry(kernel_page_table_root, (uint64_t)boot_stack_guard, false);

    kassert(entry && *entry != 0);
    if (PROTECT_GUARD)
        *entry = 0;
    invalidate_page((uint64_t)boot_stack_guard);
}

void boot_load_symbols(const struct boot_info *boot)
{
    symbols_init((const void *)(DIRECT_MAP_BASE + boot->symbols_base), boot->symbols_size,
                 boot->kernel_virtual - KERNEL_IMAGE_BASE);
    log_info("boot", "kernel offset %#llx", (unsigned long long)symbols_offset());
}

// With seed=, for measuring: memory lies in the same places in every boot.
void boot_seed_random(void)
{
    if (boot_options.seed != 0)
        log_notice("boot", "seed=: every boot draws the same random numbers; nothing is secret");
    random_init(boot_options.seed);
}
