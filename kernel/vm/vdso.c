// The page of the vDSO and its mapping at exec. Called by boot and exec. Faults, munmap and /proc
// see a shared mapping of a memory object, which children of fork fill from the object again.
// Invariant: no program writes to the frame or has a copy: the mapping is never writable.
#include "vm/vdso.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/clock_scale.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "debug/log.h"
#include "lib/string.h"
#include "vdso_data.h"
#include "vm/pages.h"
#include "vm/placement.h"
#include "vm/region.h"

extern const char vdso_image_start[], vdso_image_end[]; // vdso_image.S

_Static_assert(VDSO_SCALE_SHIFT == CLOCK_SCALE_SHIFT, "vdso_data.h");
_Static_assert(VDSO_CPU_NUMBER_SELECTOR == SELECTOR_CPU_NUMBER, "vdso_data.h");
_Static_assert(VDSO_PAGE_SIZE == PAGE_SIZE, "vdso_data.h");
_Static_assert(VDSO_ROOM >= PAGE_TABLE_SPAN, "the pages of a whole table to choose from");

static struct frame *vdso_frame; // NULL: there is no vDSO

static struct vdso_data *vdso_data(void)
{
    return (struct vdso_data *)((char *)frame_pointer(vdso_frame) + VDSO_DATA_OFFSET);
}

static struct frame *get_page(struct memory_object *object, uint64_t index, int *error)
{
    if (index != 0) {
        *error = -ERANGE;
        return NULL;
    }
    frame_reference(vdso_frame);
    return vdso_frame;
}

static void do_nothing(struct memory_object *object)
{
}

static size_t describe(struct memory_object *object, char *buffer, size_t size)
{
    string_copy(buffer, "[vdso]", size);
    return strnlen(buffer, size);
}

static const struct memory_object_operations vdso_operations = {
    .get_page = get_page,
    .reference = do_nothing,
    .release = do_nothing,
    .describe = describe,
};

static struct memory_object vdso_object = { &vdso_operations };

void vdso_init(void)
{
    vdso_frame = frame_allocate_zeroed(FRAME_KERNEL);
    if (!vdso_frame) {
        log_error("vdso", "no memory: programs read the clocks by system calls");
        return;
    }
    size_t size = (size_t)(vdso_image_end - vdso_image_start);
    memcpy(frame_pointer(vdso_frame), vdso_image_start, min_of(size, (size_t)VDSO_DATA_OFFSET));
    *vdso_data() = (struct vdso_data){
        .tsc_trusted = 1,
        .has_rdtscp = cpu_features.rdtscp,
        .has_rdpid = cpu_features.rdpid,
        .start_tsc = clock_start_tsc(),
        .ns_per_tick = clock_ns_per_tick_scaled(),
        .boot_unix_seconds = clock_boot_unix_seconds(),
    };
}

void vdso_distrust_tsc(void)
{
    if (vdso_frame && __atomic_exchange_n(&vdso_data()->tsc_trusted, 0, __ATOMIC_RELAXED))
        log_notice("vdso", "the TSC is not trusted: programs read the clocks by system calls");
}

// Most often this place shares a page table with the stack's top and costs none.
static uint64_t choose_start(uint64_t stack_top, uint64_t random)
{
    uint64_t end = min_of(align_up(stack_top + 1, PAGE_TABLE_SPAN), USER_ADDRESS_LIMIT);
    return stack_top + random % ((end - stack_top) / PAGE_SIZE) * PAGE_SIZE;
}

int64_t vdso_map(struct address_space *space, uint64_t stack_top, uint64_t random)
{
    if (!vdso_frame)
        return 0;
    struct region model = { .start = choose_start(stack_top, random),
                            .protection = PROTECTION_READ | PROTECTION_EXECUTE,
                            .shared = true,
                            .never_writable = true,
                            .object = &vdso_object };
    model.end = model.start + PAGE_SIZE;
    int64_t result = -ENOMEM;
    mutex_acquire(&space->mutex);
    struct region_place place = region_locate(space, model.start);
    if (!region_place_is_free(&place, model.start, model.end)) {
        result = 0;
    } else if (placement_is_within_limits(space, &model, 1)) {
        struct region *region = region_create(space, &model);
        if (region) {
            region_insert_after(space, region, place.below);
            result = (int64_t)model.start;
        }
    }
    mutex_release(&space->mutex);
    return result;
}
