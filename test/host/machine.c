// The fake machine: one small file of leftovers, mapped privately over and over, so that gigabytes
// of "RAM" hold poison and cost only what is written.
#define _GNU_SOURCE
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu/features.h"
#include "lib/panic.h"
#include "mem/kernel_map.h"
#include "test.h"

#define CHUNK (16 * MIB)

// No code lies between them that a build without `wx` could open.
extern const char kernel_image_start[1];
const char kernel_image_start[1];
extern const char kernel_text_end[1] __attribute__((alias("kernel_image_start")));

uint64_t host_direct_map_base;
static struct boot_info boot;
static struct list_node taken = LIST_HEAD_INIT(taken);

static int make_leftovers(void)
{
    int file = memfd_create("leftovers", 0);

    CHECK(file >= 0 && ftruncate(file, CHUNK) == 0);
    uint8_t *bytes = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(bytes != MAP_FAILED);
    memset(bytes, 0xa5, CHUNK);
    munmap(bytes, CHUNK);
    return file;
}

void machine_create(uint64_t size)
{
    int file = make_leftovers();
    uint64_t span = align_up(size, CHUNK);
    // Large pages in the kernel's sense stay aligned in the host's addresses.
    uint8_t *base =
        mmap(NULL, span + CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(base != MAP_FAILED);
    host_direct_map_base = align_up((uint64_t)base, CHUNK);
    for (uint64_t offset = 0; offset < span; offset += CHUNK)
        CHECK(mmap((void *)(host_direct_map_base + offset), CHUNK, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file, 0) != MAP_FAILED);
    close(file);
    memset(&boot, 0, sizeof(boot));
    boot.magic = BOOT_INFO_MAGIC;
    boot.version = BOOT_INFO_VERSION;
    boot.size = sizeof(boot);
}

struct boot_info *machine_boot_info(void)
{
    return &boot;
}

void machine_add_region(uint64_t base, uint64_t size, enum boot_region_kind kind)
{
    CHECK(boot.region_count < BOOT_REGION_LIMIT);
    boot.regions[boot.region_count++] = (struct boot_region){
        .base = base,
        .page_count = size / PAGE_SIZE,
        .kind = kind,
    };
}

struct boot_info *machine_start(uint64_t size)
{
    machine_create(size);
    machine_add_region(0, 0xa0000, BOOT_REGION_USABLE);
    machine_add_region(0xa0000, 0x60000, BOOT_REGION_RESERVED);
    machine_add_region(1 * MIB, 1 * MIB, BOOT_REGION_USABLE);
    machine_add_region(MACHINE_ROOT, 2 * MIB, BOOT_REGION_LOADER);
    machine_add_region(MACHINE_KERNEL, MACHINE_KERNEL_SIZE, BOOT_REGION_KERNEL);
    machine_add_region(5 * MIB, 3 * MIB, BOOT_REGION_USABLE);
    machine_add_region(MACHINE_INITRAMFS, MACHINE_INITRAMFS_SIZE, BOOT_REGION_INITRAMFS);
    machine_add_region(11 * MIB, size - 11 * MIB, BOOT_REGION_USABLE);
    boot.page_table_root = MACHINE_ROOT;
    boot.kernel_base = MACHINE_KERNEL;
    boot.kernel_size = MACHINE_KERNEL_SIZE;
    boot.initramfs_base = MACHINE_INITRAMFS;
    boot.initramfs_size = MACHINE_INITRAMFS_SIZE;
    frames_init(&boot);
    return &boot;
}

struct boot_info *machine_start_mapped(uint64_t size)
{
    machine_start(size);
    uint64_t *root = direct_map_pointer(phys_make(MACHINE_ROOT));
    memset(root, 0, PAGE_SIZE);
    root[0] = 0x1003;                // the loader's identity map
    root[256] = 0x2003;              // and the direct map
    cpu_features.physical_bits = 46; // more than the whole map of devices
    kernel_map_init(&boot);
    return &boot;
}

void machine_exhaust(void)
{
    struct frame *frame;

    while ((frame = frames_allocate(0, FRAME_ANONYMOUS)) != NULL)
        list_append(&taken, &frame->link);
}

void machine_give_back(uint64_t count)
{
    for (; count > 0 && !list_is_empty(&taken); count--) {
        struct frame *frame = list_first(&taken, struct frame, link);
        list_remove(&frame->link);
        frame_release(frame);
    }
}

uint64_t machine_free_frames(void)
{
    struct frame_counts counts;

    frames_count(&counts);
    return counts.free;
}
