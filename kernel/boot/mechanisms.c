// Command-line words that turn a mechanism off, so that one build can be measured with and without
// it. Called once, between the look at the CPU and the first use of what it has.
#include "boot/boot.h"
#include "cpu/features.h"
#include "cpu/isolation.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "debug/log.h"
#include "lib/string.h"
#include "proc/exec_layout.h"
#include "vm/vdso.h"

struct mechanism {
    const char *word, *name;
    bool *feature; // in cpu_features: everybody asks there
};

static const struct mechanism mechanisms[] = {
    { "nosmap", "SMAP", &cpu_features.smap },
    { "nosmep", "SMEP", &cpu_features.smep },
    { "nopcid", "PCID", &cpu_features.pcid },
    { "noxsaveopt", "XSAVEOPT", &cpu_features.xsaveopt },
};

static bool is_given(const char *word)
{
    const char *value = command_line_value(&boot_options.line, word);

    return value && *value == '\0';
}

static void turn_off(const struct mechanism *mechanism)
{
    if (*mechanism->feature)
        log_notice("boot", "%s: %s is not used", mechanism->word, mechanism->name);
    else
        log_notice("boot", "%s: no effect, this CPU has no %s", mechanism->word, mechanism->name);
    *mechanism->feature = false;
}

static bool is_set_to(const char *word, const char *wanted)
{
    const char *value = command_line_value(&boot_options.line, word);

    return value && strcmp(value, wanted) == 0;
}

void boot_start_vdso(void)
{
    if (is_set_to("vdso", "0")) {
        log_notice("boot", "vdso=0: programs read the clocks by system calls");
        return;
    }
    vdso_init();
    bool steady = cpu_features_tsc_is_steady(&cpu_features);
    if (!steady)
        log_warning("clock", "this CPU's TSC may change its speed or stop: times may be wrong");
    if (!steady || is_set_to("tsc", "unstable"))
        vdso_distrust_tsc();
}

// Whether ring 3 gets page tables of its own: kpti=on, kpti=off, or what the CPU needs.
static void choose_isolation(void)
{
    const char *value = command_line_value(&boot_options.line, "kpti");
    uint64_t capabilities = cpu_features.arch_capabilities ? read_msr(MSR_ARCH_CAPABILITIES) : 0;
    bool needed = isolation_is_needed(&cpu_features, capabilities);

    isolation_is_on = needed;
    if (is_set_to("kpti", "on"))
        isolation_is_on = true;
    else if (is_set_to("kpti", "off"))
        isolation_is_on = false;
    else if (value)
        log_warning("boot", "command line: kpti=%s is neither on nor off", value);
    log_info("boot", "kpti: ring 3 has %s; this CPU %s it",
             isolation_is_on ? "page tables of its own" : "the kernel's page tables",
             needed ? "needs" : "does not need");
}

void boot_choose_mechanisms(void)
{
    choose_isolation();
    for (size_t i = 0; i < ARRAY_SIZE(mechanisms); i++) {
        if (is_given(mechanisms[i].word))
            turn_off(&mechanisms[i]);
    }
    spinlocks_are_crowds = cpu_features.hypervisor && !is_set_to("spinlocks", "queued");
    log_info("boot", "spinlocks: %s",
             spinlocks_are_crowds ? "to whoever looks first" : "first come, first served");
    boot_options.never_sysret = is_given("iretq");
    if (is_given("norandmaps")) {
        exec_layout_fix();
        log_notice("boot", "norandmaps: programs lie at the same addresses every time");
    }
    if (boot_options.never_sysret)
        log_notice("boot", "iretq: every return to user mode is by IRETQ");
}
