// Leaves the firmware and enters the kernel. Called once, by main.c. The memory map and the page
// tables are built twice: from a first map while the firmware can still show a refusal, and again
// from the final one, so that regions and mappings agree with what the firmware left.
#include "handoff.h"

#include "cpu.h"
#include "firmware.h"
#include "memory.h"
#include "memory_map.h"
#include "page_tables.h"

#define SPARE_DESCRIPTORS 64u
#define SPARE_TABLES 64u
#define EXIT_TRIES 8u

_Static_assert(sizeof(struct firmware_descriptor) == sizeof(EFI_MEMORY_DESCRIPTOR) &&
                   __builtin_offsetof(struct firmware_descriptor, attributes) ==
                       __builtin_offsetof(EFI_MEMORY_DESCRIPTOR, Attribute),
               "descriptor layout");

struct firmware_map {
    void *descriptors;
    UINTN capacity; // bytes
    UINTN size;
    UINTN key;
    UINTN descriptor_size;
    UINT32 descriptor_version;
};

// switch.S. `stack_top` and `info` are direct-map addresses; runs at its physical address.
_Noreturn void kernel_enter(uint64_t page_table_root, uint64_t stack_top, uint64_t entry,
                            uint64_t info);

static EFI_STATUS read_firmware_map(EFI_SYSTEM_TABLE *system, struct firmware_map *map)
{
    map->size = map->capacity;
    return system->BootServices->GetMemoryMap(&map->size, map->descriptors, &map->key,
                                              &map->descriptor_size, &map->descriptor_version);
}

static void allocate_firmware_map(EFI_SYSTEM_TABLE *system, struct firmware_map *map)
{
    EFI_STATUS status = read_firmware_map(system, map); // no capacity yet: tells the size
    if (status != EFI_BUFFER_TOO_SMALL)
        loader_fail("the firmware does not give its memory map (status %x): update the firmware",
                    status);
    map->capacity = map->size + SPARE_DESCRIPTORS * map->descriptor_size;
    map->descriptors = pages_allocate(map->capacity, "the memory map");
    status = read_firmware_map(system, map);
    if (EFI_ERROR(status) || map->descriptor_size < sizeof(struct firmware_descriptor))
        loader_fail("the firmware does not give its memory map (status %x): update the firmware",
                    status);
}

static void convert_firmware_map(struct boot_info *info, const struct firmware_map *map)
{
    info->firmware_map = (uint64_t)map->descriptors;
    info->firmware_descriptor_count = (uint32_t)(map->size / map->descriptor_size);
    info->firmware_descriptor_size = (uint32_t)map->descriptor_size;
    info->firmware_descriptor_version = map->descriptor_version;
    bool fits =
        memory_map_convert(info, map->descriptors, info->firmware_descriptor_count,
                           info->firmware_descriptor_size) &&
        memory_map_carve(info, info->kernel_base, info->kernel_size, BOOT_REGION_KERNEL) &&
        memory_map_carve(info, info->symbols_base, info->symbols_size, BOOT_REGION_SYMBOLS) &&
        memory_map_carve(info, info->initramfs_base, info->initramfs_size, BOOT_REGION_INITRAMFS) &&
        memory_map_carve(info, (uint64_t)info, sizeof(*info), BOOT_REGION_LOADER) &&
        memory_map_carve(info, info->boot_stack_base, info->boot_stack_size, BOOT_REGION_LOADER) &&
        memory_map_carve(info, info->firmware_map, map->capacity, BOOT_REGION_LOADER);
    if (!fits)
        loader_fail("this machine's memory map has more than %u regions, too many for this "
                    "kernel: update the firmware",
                    (uint64_t)BOOT_REGION_LIMIT);
}

static void build_page_tables(struct boot_info *info, struct page_tables *tables,
                              const struct kernel_image *kernel)
{
    // What the build left of the pool goes back to free memory: only the used part is carved out.
    if (!page_tables_build(tables, info, kernel, (uint64_t)kernel_enter) ||
        !memory_map_carve(info, (uint64_t)tables->pool, tables->used_pages * EFI_PAGE_SIZE,
                          BOOT_REGION_LOADER))
        loader_fail("the memory map changed too much while the firmware was left: start again");
    info->page_table_root = (uint64_t)tables->pool;
}

// Events that fire in between change the map and fail ExitBootServices, so it is tried with a fresh
// map; nothing else may be called once it was tried (UEFI 2.9, section 7.4).
static void leave_firmware(EFI_HANDLE image, EFI_SYSTEM_TABLE *system, struct firmware_map *map)
{
    EFI_STATUS status = EFI_ABORTED;
    firmware_gone();
    for (uint32_t i = 0; i < EXIT_TRIES; i++) {
        status = read_firmware_map(system, map);
        if (EFI_ERROR(status))
            break;
        status = system->BootServices->ExitBootServices(image, map->key);
        if (!EFI_ERROR(status)) {
            interrupts_disable();
            return;
        }
    }
    loader_fail("the firmware does not let go of the machine (status %x): start again, or update "
                "the firmware",
                status);
}

_Noreturn void handoff(EFI_HANDLE image, EFI_SYSTEM_TABLE *system, struct boot_info *info,
                       const struct kernel_image *kernel)
{
    uint32_t features = cpuid_extended_features();
    struct firmware_map map = { .capacity = 0 };
    struct page_tables tables = {
        .no_execute = features & CPUID_EXTENDED_NO_EXECUTE,
        .gigabyte_pages = features & CPUID_EXTENDED_GIGABYTE_PAGES,
    };

    allocate_firmware_map(system, &map);
    convert_firmware_map(info, &map);
    tables.pool_pages = page_tables_estimate(info) + SPARE_TABLES;
    tables.pool = pages_allocate(tables.pool_pages * EFI_PAGE_SIZE, "page tables");
    build_page_tables(info, &tables, kernel);

    leave_firmware(image, system, &map);
    info->tsc_at_exit = tsc_read();
    convert_firmware_map(info, &map);
    build_page_tables(info, &tables, kernel);
    if (tables.no_execute)
        msr_set_bits(MSR_EFER, EFER_NXE); // else the NX bits in the tables are reserved ones
    kernel_enter(info->page_table_root,
                 DIRECT_MAP_BASE + info->boot_stack_base + info->boot_stack_size, kernel->entry,
                 DIRECT_MAP_BASE + (uint64_t)info);
}
