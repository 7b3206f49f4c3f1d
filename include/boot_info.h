// The contract between the UEFI loader (efi/) and the kernel: what the loader leaves in memory and
// hands over in RDI when it jumps to the kernel's entry point. Compiled by two ABIs (windows and
// System V), so: fixed-width fields only, natural alignment, sizes asserted on both sides.
#pragma once

#include <stdint.h>

#define BOOT_INFO_MAGIC 0x45434e4546474e52ull // "RNGFENCE", little-endian
#define BOOT_INFO_VERSION 1u

// The kernel's half of the address space, as the loader maps it.
#define DIRECT_MAP_BASE 0xffff800000000000ull   // all RAM and firmware memory: base + physical
#define DIRECT_MAP_SIZE 0x0000400000000000ull   // 64 TiB
#define KERNEL_IMAGE_BASE 0xffffffff80000000ull // where kernel.elf is linked; runs from here up

#define BOOT_COMMAND_LINE_SIZE 4096u
#define BOOT_REGION_LIMIT 1024u

// What a physical region is for. The firmware's own type stays beside it in `firmware_type`, but
// for usable ones: whatever was there, that is EfiConventionalMemory.
enum boot_region_kind {
    BOOT_REGION_RESERVED = 0,  // never touched
    BOOT_REGION_USABLE = 1,    // free for the frame allocator at once
    BOOT_REGION_LOADER = 2,    // boot_info, page tables, boot stack: in use, stays mapped
    BOOT_REGION_KERNEL = 3,    // the loaded kernel image
    BOOT_REGION_INITRAMFS = 4, // the archive; free once unpacked
    BOOT_REGION_SYMBOLS = 5,   // the kernel.elf file itself, for its symbol table
    BOOT_REGION_ACPI = 6,      // ACPI reclaim: mapped, readable, not allocated
    BOOT_REGION_RUNTIME = 7,   // runtime services code or data
    BOOT_REGION_NVS = 8,       // ACPI non-volatile storage
    BOOT_REGION_MMIO = 9,      // memory-mapped I/O named by the firmware
};

struct boot_region {
    uint64_t base; // physical, 4 KiB aligned
    uint64_t page_count;
    uint32_t kind;          // enum boot_region_kind
    uint32_t firmware_type; // EFI_MEMORY_TYPE
    uint64_t attributes;    // EFI_MEMORY_* bits
};

enum boot_pixel_format {
    BOOT_PIXEL_NONE = 0, // no framebuffer
    BOOT_PIXEL_RGBX = 1,
    BOOT_PIXEL_BGRX = 2,
    BOOT_PIXEL_MASKS = 3,
};

struct boot_framebuffer {
    uint64_t base; // physical
    uint64_t size; // bytes
    uint32_t width;
    uint32_t height;
    uint32_t stride; // pixels from one line to the next
    uint32_t format; // enum boot_pixel_format
    uint32_t red_mask;
    uint32_t green_mask;
    uint32_t blue_mask;
    uint32_t reserved_mask; // bits of a pixel that are no colour
};

// How large a pixel is: up to the highest bit of its masks (UEFI 2.9, 12.9.2.1).
static inline uint32_t boot_pixel_bytes(const struct boot_framebuffer *framebuffer)
{
    uint32_t bits = framebuffer->red_mask | framebuffer->green_mask | framebuffer->blue_mask |
                    framebuffer->reserved_mask;

    if (framebuffer->format != BOOT_PIXEL_MASKS || bits > 0xffffff)
        return 4;
    return bits > 0xffff ? 3 : 2;
}

struct boot_info {
    uint64_t magic;
    uint32_t version;
    uint32_t size; // sizeof(struct boot_info)

    uint64_t rsdp;             // physical; 0 when the firmware has none
    uint64_t efi_system_table; // physical
    uint64_t kernel_base;      // physical; image spans kernel_base .. kernel_base + kernel_size
    uint64_t kernel_size;      // bytes, page multiple
    uint64_t kernel_virtual;   // where kernel_base is mapped: differs from boot to boot
    uint64_t symbols_base;     // physical address of the kernel.elf file
    uint64_t symbols_size;
    uint64_t initramfs_base; // physical; size 0 when the file is missing
    uint64_t initramfs_size;
    uint64_t page_table_root; // physical address of the PML4 in use
    uint64_t boot_stack_base; // physical; the stack the kernel is entered on
    uint64_t boot_stack_size;
    uint64_t tsc_at_entry; // TSC when efi_main began
    uint64_t tsc_at_exit;  // TSC right after ExitBootServices

    struct boot_framebuffer framebuffer;

    uint32_t region_count;
    uint32_t firmware_descriptor_count; // runtime services' map, kept as the firmware gave it
    uint32_t firmware_descriptor_size;
    uint32_t firmware_descriptor_version;
    uint64_t firmware_map; // physical

    char command_line[BOOT_COMMAND_LINE_SIZE];     // NUL-terminated
    struct boot_region regions[BOOT_REGION_LIMIT]; // sorted by base, disjoint
};

_Static_assert(sizeof(struct boot_region) == 32, "boot_region layout");
_Static_assert(sizeof(struct boot_framebuffer) == 48, "boot_framebuffer layout");
_Static_assert(sizeof(struct boot_info) == 128 + 48 + 24 + 4096 + 32 * 1024, "boot_info layout");
