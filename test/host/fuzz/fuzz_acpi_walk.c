// Any bytes as the memory that the firmware leaves, in which the boot map calls some pages memory
// and some not: the walk from the root pointer reads nothing else, and what it finds fits.
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "boot_info.h"
#include "dev/acpi_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 8u
#define BASE 0xe0000ull // of the first page, physical
#define HEAD 6u         // bytes of the input before the records
#define RECORD 8u       // bytes of a record before its contents
#define SLOT 64u        // tables begin at multiples of it, and a bit behind

uint64_t host_direct_map_base;
static uint8_t memory[PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct boot_info boot;

static void require(bool condition)
{
    if (!condition)
        abort();
}

void power_set_registers(const struct power_registers *registers)
{
    require(registers->sleep_type_a <= 7 && registers->sleep_type_b <= 7);
}

static void put(size_t at, const void *bytes, size_t count)
{
    if (at < sizeof(memory))
        memcpy(memory + at, bytes, min_of(count, sizeof(memory) - at));
}

static void make_sum_zero(size_t at, size_t length, size_t place)
{
    uint8_t sum = 0;

    if (at + place >= sizeof(memory) || length > sizeof(memory) - at)
        return;
    for (size_t i = 0; i < length; i++)
        sum += memory[at + i];
    memory[at + place] -= sum;
}

static uint64_t address_of(const uint8_t *bytes)
{
    return BASE + (bytes[0] % (sizeof(memory) / SLOT / 2)) * 2 * SLOT + (bytes[1] & 0xf);
}

// What the kernel may not read is poisoned.
static void make_map(uint32_t kinds)
{
    static const uint32_t kind_of[8] = { BOOT_REGION_ACPI,   BOOT_REGION_ACPI,    BOOT_REGION_NVS,
                                         BOOT_REGION_USABLE, BOOT_REGION_RUNTIME, BOOT_REGION_ACPI,
                                         BOOT_REGION_MMIO,   BOOT_REGION_RESERVED };

    boot.region_count = 0;
    for (uint32_t i = 0; i < PAGES; i++, kinds >>= 3) {
        uint32_t kind = kind_of[kinds % 8];
        if (kind == BOOT_REGION_MMIO || kind == BOOT_REGION_RESERVED)
            __asan_poison_memory_region(memory + i * PAGE_SIZE, PAGE_SIZE);
        if (kind != BOOT_REGION_RESERVED) // that in no region at all
            boot.regions[boot.region_count++] =
                (struct boot_region){ .base = BASE + i * PAGE_SIZE, .page_count = 1, .kind = kind };
    }
}

static void make_root_pointer(const uint8_t *bytes)
{
    uint32_t rsdt = (uint32_t)address_of(bytes);
    uint64_t xsdt = address_of(bytes + 2);
    size_t at = bytes[4] & 0xf0 ? 0 : sizeof(memory) - 24; // its second half may be missing

    put(at, "RSD PTR ", 8);
    memory[at + 15] = bytes[5];
    put(at + 16, &rsdt, sizeof(rsdt));
    put(at + 24, &xsdt, sizeof(xsdt));
    make_sum_zero(at, 20, 8);
    make_sum_zero(at, 36, 32);
    boot.rsdp = BASE + at;
}

// Its place, two bytes; length, two; which signature; flags; how many bytes follow. The addresses
// in a root table lead into the memory.
static size_t make_table(const uint8_t *bytes, size_t size)
{
    static const char signatures[8][5] = { "XSDT", "RSDT", "APIC", "FACP",
                                           "HPET", "SSDT", "DSDT", "XSDT" };
    size_t at = address_of(bytes) - BASE, count = min_of((size_t)bytes[6], size - RECORD);
    uint32_t length =
        bytes[5] & 1 ? bytes[2] | (uint32_t)bytes[3] << 8 : ACPI_HEADER_SIZE + (uint32_t)count;
    uint32_t entry_size = bytes[4] % 8 == 1 ? 4 : 8;

    put(at, signatures[bytes[4] % 8], 4);
    put(at + 4, &length, 4);
    put(at + ACPI_HEADER_SIZE, bytes + RECORD, count);
    for (size_t i = 0; bytes[4] % 7 < 2 && i + entry_size <= count; i += entry_size) {
        uint64_t entry = address_of(bytes + RECORD + i);
        put(at + ACPI_HEADER_SIZE + i, &entry, entry_size);
    }
    if (bytes[4] % 8 == 3) {
        uint32_t dsdt = (uint32_t)address_of(bytes + 3);
        put(at + 40, &dsdt, sizeof(dsdt));
    }
    if (!(bytes[5] & 2))
        make_sum_zero(at, length, 9);
    return RECORD + count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD + 4)
        return 0;
    __asan_unpoison_memory_region(memory, sizeof(memory));
    memset(memory, 0, sizeof(memory));
    memset(&acpi, 0, sizeof(acpi));
    host_direct_map_base = (uint64_t)memory - BASE;
    for (size_t at = HEAD + 4; at + RECORD <= size;)
        at += make_table(data + at, size - at);
    make_root_pointer(data);
    uint32_t kinds;
    memcpy(&kinds, data + HEAD, sizeof(kinds));
    make_map(kinds);
    acpi_init(&boot);
    __asan_unpoison_memory_region(memory, sizeof(memory));
    require(acpi.cpu_count <= ARRAY_SIZE(acpi.cpus));
    require(acpi.ioapic_count <= ARRAY_SIZE(acpi.ioapics));
    return 0;
}
