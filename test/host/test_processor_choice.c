// Which CPUs of a firmware's table are started, and where they begin.
#include <string.h>

#include "boot/processor_choice.h"
#include "cpu/features.h"
#include "cpu/trampoline.h"
#include "test.h"

static struct acpi_summary table;
static struct processor_choice choice;

static void add(uint32_t apic_id, bool enabled)
{
    table.cpus[table.cpu_count++] = (struct acpi_cpu){ apic_id, enabled };
}

static void choose(uint32_t boot_id, uint32_t highest_id, uint32_t limit)
{
    processors_choose(&choice, &table, boot_id, highest_id, limit);
}

TEST(processors_gaps_and_disabled_entries)
{
    table.cpu_count = 0;
    for (uint32_t id = 0; id < 7; id++)
        if (id != 3)
            add(id, id != 5);
    choose(0, 254, CPU_LIMIT);
    CHECK_EQUAL(choice.count, 4);
    static const uint32_t expected[] = { 1, 2, 4, 6 };
    CHECK(memcmp(choice.apic_ids, expected, sizeof(expected)) == 0);
    CHECK_EQUAL(choice.disabled, 1);
}

TEST(processors_boot_cpu_anywhere_and_nobody_twice)
{
    table.cpu_count = 0;
    add(8, true);
    add(4, true);
    add(8, true);
    add(2, true);
    choose(4, 254, CPU_LIMIT);
    CHECK_EQUAL(choice.count, 2);
    CHECK_EQUAL(choice.apic_ids[0], 8);
    CHECK_EQUAL(choice.apic_ids[1], 2);
    table.cpu_count = 0; // a table without the boot CPU, and none at all
    choose(4, 254, CPU_LIMIT);
    CHECK_EQUAL(choice.count, 0);
}

TEST(processors_limits)
{
    table.cpu_count = 0;
    for (uint32_t i = 0; i < ACPI_CPU_LIMIT; i++)
        add(i * 2, true);
    choose(0, 254, CPU_LIMIT);
    CHECK_EQUAL(choice.count, 127); // 2 to 254
    CHECK_EQUAL(choice.unreachable, 128);
    choose(0, UINT32_MAX - 1, CPU_LIMIT);
    CHECK_EQUAL(choice.count, 255);
    choose(0, UINT32_MAX - 1, 4);
    CHECK_EQUAL(choice.count, 3);
    CHECK_EQUAL(choice.unwanted, 252);
    choose(0, UINT32_MAX - 1, 1);
    CHECK_EQUAL(choice.count, 0);
    choose(1, UINT32_MAX - 1, CPU_LIMIT); // all 256 of the table are others
    CHECK_EQUAL(choice.count, 255);
    CHECK_EQUAL(choice.unwanted, 1);
}

static struct boot_region region(uint64_t base, uint64_t pages, enum boot_region_kind kind)
{
    return (struct boot_region){ .base = base, .page_count = pages, .kind = kind };
}

#define CHOOSE(...)                                                                                \
    ({                                                                                             \
        struct boot_region regions[] = { __VA_ARGS__ };                                            \
        trampoline_choose(regions, ARRAY_SIZE(regions), TRAMPOLINE_PAGES);                         \
    })

TEST(trampoline_page)
{
    // As OVMF has it.
    CHECK_EQUAL(
        CHOOSE(region(0, 0xa0, BOOT_REGION_USABLE), region(1 << 20, 99, BOOT_REGION_USABLE)),
        0x10000);
    CHECK_EQUAL(CHOOSE(region(0, 0x10 + TRAMPOLINE_PAGES - 1, BOOT_REGION_USABLE)), 0x1000);
    CHECK_EQUAL(CHOOSE(region(0, 1 + TRAMPOLINE_PAGES, BOOT_REGION_USABLE)), 0x1000);
    CHECK_EQUAL(CHOOSE(region(0, TRAMPOLINE_PAGES, BOOT_REGION_USABLE)), 0);
    CHECK_EQUAL(CHOOSE(region(0, 0xa0, BOOT_REGION_RESERVED)), 0);
    CHECK_EQUAL(CHOOSE(region(0x2000, 4, BOOT_REGION_USABLE), region(0x8000, 0x20, BOOT_REGION_NVS),
                       region(0x40000, 8, BOOT_REGION_USABLE)),
                0x40000);
    // Up to 640 KiB, whatever the region's end.
    CHECK_EQUAL(CHOOSE(region(0x9c000, 4, BOOT_REGION_USABLE)), 0);
    CHECK_EQUAL(CHOOSE(region(0x9b000, 1 << 20, BOOT_REGION_USABLE)), 0x9b000);
    CHECK_EQUAL(CHOOSE(region(0x9c000, 1 << 20, BOOT_REGION_USABLE)), 0);
    CHECK_EQUAL(CHOOSE(region(0x9b000, UINT64_MAX >> 12, BOOT_REGION_USABLE)), 0x9b000);
    CHECK_EQUAL(CHOOSE(region(1 << 20, 1 << 20, BOOT_REGION_USABLE)), 0);
}

TEST(features_that_a_cpu_lacks)
{
    struct cpu_features needed = { .nx = true,
                                   .smap = true,
                                   .xsave_mask = 7,
                                   .xsave_size = 832,
                                   .physical_bits = 40,
                                   .hwcap = 0x1200 };
    struct cpu_features offered = needed;

    CHECK(!cpu_features_lacking(&needed, &offered));
    offered.smep = offered.umip = true; // more than the boot CPU uses
    CHECK(!cpu_features_lacking(&needed, &offered));
    offered.smap = false;
    CHECK(strcmp(cpu_features_lacking(&needed, &offered), "SMAP") == 0);
    offered = needed;
    offered.xsave_mask = 3;
    CHECK(cpu_features_lacking(&needed, &offered));
    offered = needed;
    offered.physical_bits = 39;
    CHECK(cpu_features_lacking(&needed, &offered));
    offered = needed;
    offered.hwcap = 0x1000; // bit 9: its local APIC is off until we switch it on
    CHECK(!cpu_features_lacking(&needed, &offered));
    offered.hwcap = 0x200;
    CHECK(cpu_features_lacking(&needed, &offered));
}
