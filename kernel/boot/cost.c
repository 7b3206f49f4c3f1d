// What the boot took, in two lines of the log that `make bench` reads: nanoseconds from
// ExitBootServices to the first program, and the memory in use by then.
#include "boot/boot.h"
#include "cpu/clock.h"
#include "debug/log.h"
#include "dev/screen.h"
#include "mem/frame.h"

#define KIB 1024u
#define KIB_PER_FRAME (PAGE_SIZE / KIB)

typedef unsigned long long number;

// RAM that the firmware left for good, in KiB: all that could be in use. What it keeps for itself,
// ACPI's tables too, is not in it.
static uint64_t count_ram(const struct boot_info *boot)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < boot->region_count; i++) {
        uint32_t kind = boot->regions[i].kind;
        if (kind >= BOOT_REGION_USABLE && kind <= BOOT_REGION_SYMBOLS)
            pages += boot->regions[i].page_count;
    }
    return pages * KIB_PER_FRAME;
}

static void report_memory(const struct boot_info *boot)
{
    struct frame_counts frames;

    frames_count(&frames);
    uint64_t shadow = screen_shadow_size() / KIB, table = frames.descriptors * KIB_PER_FRAME;
    uint64_t files = frames.used[FRAME_FILE] * KIB_PER_FRAME;
    uint64_t reserved = count_ram(boot) - (frames.total + frames.descriptors) * KIB_PER_FRAME;
    uint64_t allocated = (frames.total - frames.free) * KIB_PER_FRAME - files;
    log_info("memory",
             "in use %llu KiB: reserved at boot %llu (kernel image %llu) and allocated %llu (page "
             "tables %llu, stacks %llu, objects %llu, programs %llu), but for files %llu, frame "
             "table %llu, screen %llu",
             (number)(reserved - shadow + allocated), (number)(reserved - shadow),
             (number)(boot->kernel_size / KIB - shadow), (number)allocated,
             (number)(frames.used[FRAME_PAGE_TABLE] * KIB_PER_FRAME),
             (number)(frames.used[FRAME_STACK] * KIB_PER_FRAME),
             (number)(frames.used[FRAME_CACHE] * KIB_PER_FRAME),
             (number)(frames.used[FRAME_ANONYMOUS] * KIB_PER_FRAME), (number)files, (number)table,
             (number)shadow);
}

void boot_report_cost(const struct boot_info *boot)
{
    uint64_t now_ns = clock_now_ns(), waited_ns = clock_init_ns();

    log_info("boot", "first program after %llu ns, %llu of them waiting for clocks", (number)now_ns,
             (number)waited_ns);
    report_memory(boot);
}
