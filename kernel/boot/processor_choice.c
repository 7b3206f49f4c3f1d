// The choices behind boot/processors.c. Pure, tested on the host with tables that nobody here owns.
#include "boot/processor_choice.h"

#include "cpu/trampoline.h"
#include "lib/string.h"

#define LOWEST_GOOD 0x10000ull

static bool is_chosen(const struct processor_choice *choice, uint32_t apic_id)
{
    for (uint32_t i = 0; i < choice->count; i++)
        if (choice->apic_ids[i] == apic_id)
            return true;
    return false;
}

void processors_choose(struct processor_choice *choice, const struct acpi_summary *summary,
                       uint32_t boot_apic_id, uint32_t highest_id, uint32_t cpu_limit)
{
    memset(choice, 0, sizeof(*choice));
    for (uint32_t i = 0; i < summary->cpu_count; i++) {
        const struct acpi_cpu *cpu = &summary->cpus[i];
        if (cpu->apic_id == boot_apic_id || is_chosen(choice, cpu->apic_id))
            continue;
        if (!cpu->enabled)
            choice->disabled++;
        else if (cpu->apic_id > highest_id)
            choice->unreachable++;
        else if (choice->count + 1 >= min_of(cpu_limit, CPU_LIMIT))
            choice->unwanted++;
        else
            choice->apic_ids[choice->count++] = cpu->apic_id;
    }
}

// The first fitting page of the region at or above `lowest`; 0: none.
static uint64_t first_fit(const struct boot_region *region, uint64_t lowest, uint64_t size)
{
    uint64_t start = max_of(region->base, lowest);
    uint64_t end = TRAMPOLINE_LIMIT;

    if (region->kind != BOOT_REGION_USABLE || region->base >= TRAMPOLINE_LIMIT)
        return 0;
    if (region->page_count < (TRAMPOLINE_LIMIT - region->base) / PAGE_SIZE)
        end = region->base + region->page_count * PAGE_SIZE;
    return start < end && end - start >= size ? start : 0;
}

static uint64_t choose_from(const struct boot_region *regions, uint32_t region_count,
                            uint64_t lowest, uint64_t size)
{
    for (uint32_t i = 0; i < region_count; i++) {
        uint64_t start = first_fit(&regions[i], lowest, size);
        if (start != 0)
            return start;
    }
    return 0;
}

uint64_t trampoline_choose(const struct boot_region *regions, uint32_t region_count,
                           uint64_t page_count)
{
    uint64_t start = choose_from(regions, region_count, LOWEST_GOOD, page_count * PAGE_SIZE);

    if (start == 0)
        start = choose_from(regions, region_count, PAGE_SIZE, page_count * PAGE_SIZE);
    return start;
}
