// The return decision. SYSRET loads RIP from RCX and RFLAGS from R11 and, on Intel, faults in ring
// 0 on the user's stack when RCX is not canonical (SDM vol. 2B, SYSRET; CVE-2012-0217): so it is
// used only for frames that it restores exactly. Everything else leaves by IRETQ.
#include "trap/return_path.h"
#include "lib/protection.h"

enum return_path return_path_choose(const struct trap_frame *frame)
{
    if (frame->vector != VECTOR_SYSCALL || !PROTECT_FAST_RETURN)
        return RETURN_IRETQ_NOT_SYSCALL; // RCX and R11 are the program's
    if (!PROTECT_SYSRET)
        return RETURN_BY_SYSRET;
    if (frame->rip != frame->rcx)
        return RETURN_IRETQ_RIP_NOT_RCX; // a new program, a handler, a repeated call: RCX as the
                                         // frame has it
    if (frame->rip >= USER_ADDRESS_LIMIT)
        return RETURN_IRETQ_RIP_BEYOND_LIMIT;
    if (frame->rflags != frame->r11)
        return RETURN_IRETQ_FLAGS_NOT_R11;
    if (frame->rflags & (RFLAGS_TF | RFLAGS_RF))
        return RETURN_IRETQ_FLAGS_SPECIAL;
    if (frame->cs != SELECTOR_USER_CODE || frame->ss != SELECTOR_USER_DATA)
        return RETURN_IRETQ_SELECTORS; // SYSRET loads these two, whatever the frame says
    return RETURN_BY_SYSRET;
}
