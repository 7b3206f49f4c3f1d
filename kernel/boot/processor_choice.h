// Which CPUs of the firmware's table are started, and where they begin. Pure.
#pragma once

#include "boot_info.h"
#include "cpu/percpu.h"
#include "dev/acpi.h"

struct processor_choice {
    uint32_t apic_ids[CPU_LIMIT]; // in the table's order, without the boot CPU's
    uint32_t count;
    uint32_t disabled;    // the firmware says so
    uint32_t unreachable; // an id above what the local APICs' mode can name
    uint32_t unwanted;    // by the limit
};

// `cpu_limit` counts the boot CPU.
void processors_choose(struct processor_choice *choice, const struct acpi_summary *summary,
                       uint32_t boot_apic_id, uint32_t highest_id, uint32_t cpu_limit);
// The first of `page_count` consecutive free pages below 640 KiB; 0 when there are none. Page 0 is
// the firmware's, and the first 64 KiB are taken only when there is nothing else: some firmware
// writes there.
uint64_t trampoline_choose(const struct boot_region *regions, uint32_t region_count,
                           uint64_t page_count);
