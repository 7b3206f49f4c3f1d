// Builds the frame allocator from the loader's map, once, on one CPU; later hands over regions that
// were reserved at boot. Invariant established here: free memory and everything else in the map
// are disjoint, and every frame that was not handed over has use FRAME_RESERVED and a reference.
#include "debug/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/frame_internal.h"

#define LOW_MEMORY_FRAMES 256ull // the first MiB: firmware's data, and other CPUs start there

struct span { // frame numbers
    uint64_t start;
    uint64_t end;
};

static bool span_overlaps(struct span a, struct span b)
{
    return a.start < b.end && b.start < a.end;
}

// Whole frames that hold any byte of the range.
static struct span span_of_bytes(uint64_t base, uint64_t size)
{
    return (struct span){ base >> PAGE_SHIFT, (base + size + PAGE_SIZE - 1) >> PAGE_SHIFT };
}

static struct span span_of_region(const struct boot_region *region)
{
    uint64_t start = region->base >> PAGE_SHIFT;

    if (region->base % PAGE_SIZE != 0 || start + region->page_count < start ||
        region->page_count > UINT64_MAX >> PAGE_SHIFT)
        panic("memory map: broken region at 0x%llx", (unsigned long long)region->base);
    return (struct span){ start, start + region->page_count };
}

static bool region_is_ram(const struct boot_region *region)
{
    switch (region->kind) {
    case BOOT_REGION_USABLE:
    case BOOT_REGION_LOADER:
    case BOOT_REGION_KERNEL:
    case BOOT_REGION_INITRAMFS:
    case BOOT_REGION_SYMBOLS:
    case BOOT_REGION_ACPI:
        return true;
    default:
        return false;
    }
}

static void check_span_disjoint(struct span usable, struct span other, const char *what)
{
    if (span_overlaps(usable, other))
        panic("memory map: usable frames 0x%llx..0x%llx overlap %s at 0x%llx..0x%llx",
              (unsigned long long)usable.start, (unsigned long long)usable.end, what,
              (unsigned long long)other.start, (unsigned long long)other.end);
}

// What the loader says beside the region list must not be free either.
static void check_against_boot_info(const struct boot_info *boot, struct span usable)
{
    check_span_disjoint(usable, span_of_bytes(boot->kernel_base, boot->kernel_size), "the kernel");
    check_span_disjoint(usable, span_of_bytes(boot->symbols_base, boot->symbols_size),
                        "the symbols");
    check_span_disjoint(usable, span_of_bytes(boot->initramfs_base, boot->initramfs_size),
                        "the initramfs");
    check_span_disjoint(usable, span_of_bytes(boot->boot_stack_base, boot->boot_stack_size),
                        "the boot stack");
    check_span_disjoint(usable, span_of_bytes(boot->page_table_root, PAGE_SIZE), "the page tables");
    check_span_disjoint(usable, span_of_bytes((uint64_t)boot - DIRECT_MAP_BASE, sizeof(*boot)),
                        "the boot information");
    if (boot->framebuffer.format != BOOT_PIXEL_NONE)
        check_span_disjoint(usable, span_of_bytes(boot->framebuffer.base, boot->framebuffer.size),
                            "the framebuffer");
}

// Panics unless free ∩ reserved = ∅. The list is not trusted to be sorted: each usable region is
// compared with every other region.
static void check_map(const struct boot_info *boot)
{
    if (boot->region_count == 0 || boot->region_count > BOOT_REGION_LIMIT)
        panic("memory map: %u regions", boot->region_count);
    for (uint32_t i = 0; i < boot->region_count; i++) {
        struct span usable = span_of_region(&boot->regions[i]);

        if (boot->regions[i].kind != BOOT_REGION_USABLE)
            continue;
        check_against_boot_info(boot, usable);
        for (uint32_t other = 0; other < boot->region_count; other++) {
            if (other != i)
                check_span_disjoint(usable, span_of_region(&boot->regions[other]),
                                    "another region");
        }
    }
}

static uint64_t find_frame_limit(const struct boot_info *boot)
{
    uint64_t limit = 0;

    for (uint32_t i = 0; i < boot->region_count; i++) {
        if (region_is_ram(&boot->regions[i]))
            limit = max_of(limit, span_of_region(&boot->regions[i]).end);
    }
    return limit;
}

// The usable part of a region: the first MiB is kept back. Empty (start == end) when none is.
static struct span usable_span(const struct boot_region *region)
{
    struct span span = span_of_region(region);

    if (region->kind != BOOT_REGION_USABLE)
        return (struct span){ 0, 0 };
    span.end = max_of(span.end, LOW_MEMORY_FRAMES);
    span.start = max_of(span.start, LOW_MEMORY_FRAMES);
    return span;
}

// The top of the largest usable region becomes the descriptor array.
static struct span place_descriptors(const struct boot_info *boot, uint64_t frame_limit)
{
    uint64_t needed = align_up(frame_limit * sizeof(struct frame), PAGE_SIZE) >> PAGE_SHIFT;
    struct span largest = { 0, 0 };

    for (uint32_t i = 0; i < boot->region_count; i++) {
        struct span span = usable_span(&boot->regions[i]);
        if (span.end - span.start > largest.end - largest.start)
            largest = span;
    }
    if (largest.end - largest.start <= needed)
        panic("memory map: no room for %llu frame descriptors", (unsigned long long)frame_limit);
    return (struct span){ largest.end - needed, largest.end };
}

static void reserve_span(uint64_t start, uint64_t end)
{
    for (uint64_t number = start; number < end; number++) {
        struct frame *frame = &frame_allocator.descriptors[number];
        frame->use = FRAME_RESERVED;
        atomic_init(&frame->references, 1);
    }
}

// Puts zeroed descriptors into the free lists, in blocks as big as size and alignment allow. The
// lock is taken per block, so that interrupts are not off for long.
static void insert_span(struct span span)
{
    uint64_t number = span.start;

    while (number < span.end) {
        uint32_t order = FRAME_ORDER_LIMIT - 1;
        while (number % (1ull << order) != 0 || span.end - number < 1ull << order)
            order--;
        spinlock_acquire(&frame_allocator.lock);
        frame_allocator.total += 1ull << order;
        frames_insert_free(&frame_allocator.descriptors[number], order);
        spinlock_release(&frame_allocator.lock);
        number += 1ull << order;
    }
}

// All descriptors start as zero; what lies between usable regions becomes reserved, the regions
// themselves become free.
static void fill_descriptors(const struct boot_info *boot, struct span array)
{
    uint64_t done = 0; // frames below are settled

    memset(frame_allocator.descriptors, 0, frame_allocator.frame_limit * sizeof(struct frame));
    for (uint32_t i = 0; i < boot->region_count; i++) {
        struct span span = usable_span(&boot->regions[i]);

        if (span.start == span.end)
            continue;
        if (span.start < done)
            panic("memory map: not sorted at region %u", i);
        if (span.end == array.end)
            span.end = array.start;
        reserve_span(done, span.start);
        insert_span(span);
        done = span.end;
    }
    reserve_span(done, frame_allocator.frame_limit);
}

void frames_init(const struct boot_info *boot)
{
    check_map(boot);
    uint64_t frame_limit = find_frame_limit(boot);
    struct span array = place_descriptors(boot, frame_limit);

    for (uint32_t order = 0; order < FRAME_ORDER_LIMIT; order++)
        list_init(&frame_allocator.free_lists[order]);
    for (uint32_t kind = 0; kind < FRAME_KINDS; kind++)
        list_init(&frame_allocator.depots[kind].chains);
    frame_allocator.descriptors = direct_map_pointer(phys_make(array.start << PAGE_SHIFT));
    frame_allocator.frame_limit = frame_limit;
    fill_descriptors(boot, array);
    log_info("memory", "%llu MiB free, %llu KiB for frame descriptors",
             (unsigned long long)(frame_allocator.total * PAGE_SIZE >> 20),
             (unsigned long long)((array.end - array.start) * PAGE_SIZE >> 10));
}

void frames_give(uint64_t base, uint64_t page_count)
{
    struct span span = { base >> PAGE_SHIFT, (base >> PAGE_SHIFT) + page_count };

    kassert(base % PAGE_SIZE == 0 && span.start <= span.end &&
            span.end <= frame_allocator.frame_limit);
    span.start = max_of(span.start, LOW_MEMORY_FRAMES);
    for (uint64_t number = span.start; number < span.end; number++) {
        struct frame *frame = &frame_allocator.descriptors[number];
        if (frame->use != FRAME_RESERVED)
            panic("frame 0x%llx handed to the allocator twice", (unsigned long long)number);
        *frame = (struct frame){ .use = FRAME_FREE };
    }
    if (span.start < span.end)
        insert_span(span);
}
