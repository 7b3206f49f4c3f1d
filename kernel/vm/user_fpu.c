// FPU state in user memory; called for signal frames. The instructions are in user_copy.S.
#include "vm/user_fpu.h"

#include "abi/errno.h"
#include "cpu/fpu.h"
#include "cpu/interrupts.h"
#include "cpu/spinlock.h"
#include "debug/fail.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "vm/user_copy.h"
#include "vm/user_copy_raw.h"

static bool is_accessible(user_addr area)
{
    if (DEBUG_CHECKS)
        kassert(interrupts_are_on());
    spinlock_assert_held_count(0);
    return user_range_is_valid(area, fpu_state_size()) && !fail_here(FAIL_COPY);
}

int fpu_save_to_user(user_addr area)
{
    return is_accessible(area) && user_fpu_save_raw(area.opaque) ? 0 : -EFAULT;
}

int fpu_restore_from_user(user_addr area)
{
    if (!is_accessible(area))
        return -EFAULT;
    fpu_forget();
    return user_fpu_restore_raw(area.opaque) ? 0 : -EFAULT;
}

bool user_fpu_is_restoring(uint64_t rip)
{
    return rip == (uint64_t)user_fpu_restore_instruction;
}
