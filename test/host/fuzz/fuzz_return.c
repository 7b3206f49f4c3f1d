// Any registers as a frame on the way back, and any bytes as the FPU image of a signal frame.
// SYSRET only where it restores all; of an image only what this machine's manual lets XRSTOR load.
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/fpu.h"
#include "trap/return_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STATE_SIZE 1088u
#define COMPONENTS 7ull
#define MXCSR_MASK 0xffffu
#define MXCSR_OFFSET 24u
#define LEFTOVER 0xa5

struct cpu_features cpu_features;

static void require(bool condition)
{
    if (!condition)
        abort();
}

// In the place of fpu.c.
uint32_t fpu_state_size(void)
{
    return cpu_features.xsave ? cpu_features.xsave_size : FPU_LEGACY_SIZE;
}

uint32_t fpu_mxcsr_mask(void)
{
    return MXCSR_MASK;
}

void fpu_state_init(void *area)
{
    memset(area, 0, fpu_state_size());
}

// SDM vol. 2B, SYSRET: RIP from RCX, RFLAGS from R11 without RF, fixed selectors; a RIP that is not
// canonical faults in ring 0.
static void check_return(const uint8_t *data, size_t size)
{
    struct trap_frame frame = { .vector = VECTOR_SYSCALL,
                                .rip = 0x401000,
                                .rcx = 0x401000,
                                .rflags = 0x202,
                                .r11 = 0x202,
                                .cs = SELECTOR_USER_CODE,
                                .ss = SELECTOR_USER_DATA };
    // Changes: a place, and eight bytes for it; the second half goes to its pair as well.
    for (; size >= 9; data += 9, size -= 9) {
        uint64_t value, *words = (uint64_t *)&frame;
        memcpy(&value, data + 1, 8);
        words[data[0] % (sizeof(frame) / 8)] = value;
        if (data[0] & 0x40)
            frame.rcx = frame.rip;
        if (data[0] & 0x80)
            frame.r11 = frame.rflags;
    }
    if (return_path_choose(&frame) != RETURN_BY_SYSRET)
        return;
    require(frame.vector == VECTOR_SYSCALL);
    require(frame.rip == frame.rcx && frame.rip < 1ull << 47);
    require(frame.rflags == frame.r11 && !(frame.rflags & (RFLAGS_TF | RFLAGS_RF)));
    require(frame.cs == SELECTOR_USER_CODE && frame.ss == SELECTOR_USER_DATA);
}

// SDM vol. 1, 13.8: standard format, no unknown component, the rest of the header zero; MXCSR
// without reserved bits.
static void check_loadable(const uint8_t *state)
{
    uint64_t header[8];
    uint32_t mxcsr;

    memcpy(&mxcsr, state + MXCSR_OFFSET, sizeof(mxcsr));
    require(!(mxcsr & ~MXCSR_MASK));
    if (!cpu_features.xsave)
        return;
    memcpy(header, state + FPU_LEGACY_SIZE, sizeof(header));
    require(!(header[0] & ~COMPONENTS));
    for (int i = 1; i < 8; i++)
        require(header[i] == 0);
}

static void check_image(const uint8_t *data, size_t size, bool xsave, bool whole)
{
    cpu_features.xsave = xsave;
    cpu_features.xsave_mask = COMPONENTS;
    cpu_features.xsave_size = STATE_SIZE;
    fpu_image_init();
    uint8_t *state = malloc(fpu_state_size()), *image = calloc(1, fpu_image_size());
    memset(state, LEFTOVER, fpu_state_size());
    if (xsave) { // as the kernel writes it; the input changes it from any place on
        struct fpu_image_mark mark = fpu_image_middle()->mark;
        uint64_t components = COMPONENTS;
        uint32_t end = FPU_IMAGE_MAGIC2;
        memcpy(image + FPU_MARK_OFFSET, &mark, sizeof(mark));
        memcpy(image + FPU_LEGACY_SIZE, &components, sizeof(components));
        memcpy(image + STATE_SIZE, &end, sizeof(end));
    }
    for (; size >= 3; data += 3, size -= 3)
        image[(data[0] | data[1] << 8) % fpu_image_size()] = data[2];
    (void)fpu_image_is_marked(image);
    if (fpu_image_adopt(state, image, whole && fpu_image_is_marked(image)))
        check_loadable(state);
    else
        for (uint32_t i = 0; i < fpu_state_size(); i++)
            require(state[i] == LEFTOVER);
    free(state);
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        check_return(data + 1, size - 1);
    else
        check_image(data + 1, size - 1, data[0] & 2, data[0] & 4);
    return 0;
}
