// FPU state in signal frames. Called by proc/signal_frame.c with copies in kernel memory.
// Invariant: what fpu_image_adopt() accepts, XRSTOR and FXRSTOR load without a fault, since that
// fault would be the kernel's: no unknown component, standard format, header and MXCSR without
// reserved bits (SDM vol. 1, 13.8.1 and 10.2.3).
#include "cpu/fpu.h"

#include "cpu/features.h"
#include "lib/protection.h"
#include "lib/string.h"

#define COMPONENTS_LEGACY 3ull // x87 and SSE
#define MAGIC2_SIZE 4u

_Static_assert(sizeof(struct fpu_image_header) == 64, "XSAVE header");
_Static_assert(sizeof(struct fpu_image_middle) == 112, "mark and header are neighbours");
_Static_assert(sizeof(struct fpu_image_mark) == FPU_LEGACY_SIZE - FPU_MARK_OFFSET, "sw_reserved");

static struct fpu_image_middle ours; // zeros without XSAVE
static uint32_t image_size;

void fpu_image_init(void)
{
    image_size = FPU_LEGACY_SIZE;
    if (!cpu_features.xsave)
        return;
    image_size = fpu_state_size() + MAGIC2_SIZE;
    ours.mark = (struct fpu_image_mark){ .magic1 = FPU_IMAGE_MAGIC1,
                                         .extended_size = image_size,
                                         .components = cpu_features.xsave_mask,
                                         .state_size = fpu_state_size() };
}

uint32_t fpu_image_size(void)
{
    return image_size;
}

const struct fpu_image_middle *fpu_image_middle(void)
{
    return &ours;
}

static struct fpu_image_mark mark_of(const void *image)
{
    struct fpu_image_mark mark;
    memcpy(&mark, (const char *)image + FPU_MARK_OFFSET, sizeof(mark));
    return mark;
}

static bool is_mark(const struct fpu_image_mark *mark)
{
    return mark->magic1 == FPU_IMAGE_MAGIC1 && mark->extended_size == ours.mark.extended_size &&
           mark->state_size == ours.mark.state_size;
}

bool fpu_image_is_marked(const void *image)
{
    struct fpu_image_mark mark = mark_of(image);
    return cpu_features.xsave && is_mark(&mark);
}

bool fpu_image_is_ours(const struct fpu_image_mark *mark, uint32_t mxcsr, uint32_t magic2)
{
    return is_mark(mark) && mark->components == ours.mark.components &&
           !(mxcsr & ~fpu_mxcsr_mask()) && magic2 == FPU_IMAGE_MAGIC2;
}

static bool header_is_loadable(const struct fpu_image_header *header)
{
    uint64_t reserved = header->compaction | (header->components & ~cpu_features.xsave_mask);
    for (uint32_t i = 0; i < 6; i++)
        reserved |= header->reserved[i];
    return reserved == 0;
}

static bool is_closed_by_magic2(const void *image)
{
    uint32_t magic;
    memcpy(&magic, (const char *)image + fpu_state_size(), sizeof(magic));
    return magic == FPU_IMAGE_MAGIC2;
}

bool fpu_image_adopt(void *state, const void *image, bool whole)
{
    struct fpu_image_header header = { .components = COMPONENTS_LEGACY };
    uint32_t mxcsr;
    memcpy(&mxcsr, (const char *)image + FPU_MXCSR_OFFSET, sizeof(mxcsr));
    whole = whole && is_closed_by_magic2(image);
    if (whole)
        memcpy(&header, (const char *)image + FPU_LEGACY_SIZE, sizeof(header));
    if (PROTECT_SIGRETURN && (mxcsr & ~fpu_mxcsr_mask() || (whole && !header_is_loadable(&header))))
        return false;
    if (whole)
        header.components &= mark_of(image).components;
    fpu_state_init(state);
    memcpy(state, image, whole ? fpu_state_size() : FPU_LEGACY_SIZE);
    memset((char *)state + FPU_MARK_OFFSET, 0, sizeof(struct fpu_image_mark));
    if (cpu_features.xsave)
        memcpy((char *)state + FPU_LEGACY_SIZE, &header, sizeof(header));
    return true;
}
