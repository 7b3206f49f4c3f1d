// The pages of the vDSO and their mapping at exec. Called by boot and exec; faults, fork, munmap
// and /proc see two ordinary private mappings of two memory objects. Invariant: no program can
// write to the frames: one that makes the code writable gets a copy, as of any private mapping, and
// the data is never writable.
#include "vm/vdso.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/clock_scale.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "debug/log.h"
#include "lib/string.h"
#include "mem/page_table.h"
#include "vdso_data.h"
#include "vm/pages.h"
#include "vm/placement.h"
#include "vm/region.h"

extern const char vdso_image_start[], vdso_image_end[]; // vdso_image.S

_Static_assert(VDSO_SCALE_SHIFT == CLOCK_SCALE_SHIFT, "vdso_data.h");
_Static_assert(VDSO_CPU_NUMBER_SELECTOR == SELECTOR_CPU_NUMBER, "vdso_data.h");
_Static_assert(VDSO_PAGE_SIZE == PAGE_SIZE, "vdso_data.h");
_Static_assert(VDSO_ROOM >= PAGE_TABLE_SPAN, "a whole page table's pages to choose from");

struct vdso_page {
    struct memory_object object;
    struct frame *frame; // NULL: there is no vDSO
    const char *name;
};

static struct frame *get_page(struct memory_object *object, uint64_t index, int *error)
{
    struct vdso_page *page = container_of(object, struct vdso_page, object);
    if (index != 0) {
        *error = -ERANGE;
        return NULL;
    }
    frame_reference(page->frame);
    return page->frame;
}

static void keep(struct memory_object *object)
{
}

static size_t describe(struct memory_object *object, char *buffer, size_t size)
{
    string_copy(buffer, container_of(object, struct vdso_page, object)->name, size);
    return strnlen(buffer, size);
}

static const struct memory_object_operations operations = {
    .get_page = get_page,
    .reference = keep,
    .release = keep,
    .describe = describe,
};

static struct vdso_page data_page = { .object = { &operations }, .name = "[vvar]" };
static struct vdso_page code_page = { .object = { &operations }, .name = "[vdso]" };

void vdso_init(void)
{
    struct frame *data = frame_allocate_zeroed(FRAME_KERNEL);
    struct frame *code = frame_allocate_zeroed(FRAME_KERNEL);
    if (!data || !code) {
        log_error("vdso", "no memory: programs read the clocks by system calls");
        return;
    }
    memcpy(frame_pointer(code), vdso_image_start, (size_t)(vdso_image_end - vdso_image_start));
    *(struct vdso_data *)frame_pointer(data) = (struct vdso_data){
        .tsc_trusted = 1,
        .has_rdtscp = cpu_features.rdtscp,
        .has_rdpid = cpu_features.rdpid,
        .start_tsc = clock_start_tsc(),
        .ns_per_tick = clock_ns_per_tick_scaled(),
        .boot_unix_seconds = clock_boot_unix_seconds(),
    };
    data_page.frame = data;
    code_page.frame = code;
}

void vdso_distrust_tsc(void)
{
    if (!data_page.frame)
        return;
    struct vdso_data *data = frame_pointer(data_page.frame);
    if (__atomic_exchange_n(&data->tsc_trusted, 0, __ATOMIC_RELAXED))
        log_notice("vdso", "the TSC is not trusted: programs read the clocks by system calls");
}

static struct region *map_page(struct address_space *space, struct vdso_page *page, uint64_t start,
                               uint32_t protection, struct region *below)
{
    struct region model = { .start = start,
                            .end = start + PAGE_SIZE,
                            .protection = protection,
                            .never_writable = !(protection & PROTECTION_EXECUTE),
                            .object = &page->object };
    struct region *region = region_create(space, &model);
    if (region)
        region_insert_after(space, region, below);
    return region;
}

// Most of the time a place that shares a page table with the stack's top: it costs no other.
static uint64_t choose_start(uint64_t stack_top, uint64_t random)
{
    uint64_t end = align_up(stack_top + 2 * PAGE_SIZE, PAGE_TABLE_SPAN);
    uint64_t choices = (min_of(end, USER_ADDRESS_LIMIT) - stack_top) / PAGE_SIZE - 1;
    return stack_top + random % choices * PAGE_SIZE;
}

int64_t vdso_map(struct address_space *space, uint64_t stack_top, uint64_t random)
{
    if (!code_page.frame)
        return 0;
    uint64_t start = choose_start(stack_top, random), code = start + PAGE_SIZE;
    int64_t result = -ENOMEM;
    mutex_acquire(&space->mutex);
    struct region_place place = region_locate(space, start);
    if (!region_place_is_free(&place, start, code + PAGE_SIZE)) {
        result = 0;
    } else if (placement_is_within_limit(space, 2)) {
        struct region *region = map_page(space, &data_page, start, PROTECTION_READ, place.below);
        uint32_t protection = PROTECTION_READ | PROTECTION_EXECUTE;
        if (region && map_page(space, &code_page, code, protection, region))
            result = (int64_t)code;
    }
    mutex_release(&space->mutex);
    return result;
}
