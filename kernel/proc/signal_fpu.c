// The FPU state in signal frames: the XSAVE area, with a mark in the bytes that the CPU leaves to
// software and four bytes behind. Called by signal_frame.c in the program's thread.
// Invariant: what XRSTOR refuses costs the program a signal (trap/fault.c), never the kernel.

#include "proc/internal.h"

#include "abi/errno.h"
#include "cpu/features.h"
#include "cpu/fpu.h"
#include "mem/object_cache.h"
#include "vm/user_copy.h"
#include "vm/user_fpu.h"

// Without XSAVE: 512 bytes and no mark; no state area has anything in its place.
static int write_legacy(uint64_t address)
{
    uint8_t *state = current_thread()->fpu_state;
    // Copying may switch, and save again, but the same registers: the kernel uses none of them.
    fpu_save(state);
    return copy_to_user(user_addr_make(address), state, FPU_LEGACY_SIZE);
}

int signal_fpu_write(uint64_t address)
{
    uint32_t magic = FPU_IMAGE_MAGIC2;
    if (!cpu_features.xsave)
        return write_legacy(address);
    if (put_user(user_addr_make(address + FPU_MARK_OFFSET), *fpu_image_middle()) != 0 ||
        put_user(user_addr_make(address + fpu_state_size()), magic) != 0)
        return -EFAULT;
    // Not the switch's way of saving, which leaves out what has its initial value.
    return fpu_save_to_user(user_addr_make(address));
}

// Marks that are not ours say that only the first 512 bytes count.
static int read_image(uint8_t *image, uint64_t address, bool *whole)
{
    user_addr rest = user_addr_make(address + FPU_LEGACY_SIZE);
    if (copy_from_user(image, user_addr_make(address), FPU_LEGACY_SIZE) != 0)
        return -EFAULT;
    *whole = fpu_image_is_marked(image);
    return *whole
               ? copy_from_user(image + FPU_LEGACY_SIZE, rest, fpu_image_size() - FPU_LEGACY_SIZE)
               : 0;
}

// Read once into the kernel, where it is checked.
never_inlined static int load_checked_copy(uint64_t address)
{
    uint8_t *state = current_thread()->fpu_state;
    uint8_t *image = memory_allocate(fpu_image_size());
    bool whole;
    if (!image)
        return -ENOMEM;
    int error = read_image(image, address, &whole);
    if (!error && !fpu_image_adopt(state, image, whole))
        error = -EFAULT;
    memory_release(image);
    if (!error)
        fpu_restore(state);
    return error;
}

// As the kernel wrote it, but for the registers' values, XSAVE's header and the place, which XRSTOR
// checks.
static bool is_ours(uint64_t address)
{
    struct fpu_image_mark mark;
    uint32_t mxcsr, magic;
    return cpu_features.xsave && get_user(mxcsr, user_addr_make(address + FPU_MXCSR_OFFSET)) == 0 &&
           get_user(mark, user_addr_make(address + FPU_MARK_OFFSET)) == 0 &&
           get_user(magic, user_addr_make(address + fpu_state_size())) == 0 &&
           fpu_image_is_ours(&mark, mxcsr, magic);
}

int signal_fpu_load(uint64_t address)
{
    if (address == 0) {
        fpu_restore_initial();
        return 0;
    }
    int error = is_ours(address) ? fpu_restore_from_user(user_addr_make(address))
                                 : load_checked_copy(address);
    if (error) // as on Linux: nothing of the handler's is left
        fpu_restore_initial();
    return error;
}
