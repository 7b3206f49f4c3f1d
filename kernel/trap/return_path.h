// The return decision: may this frame leave by SYSRET? Pure, so that its conditions are tested on
// the host and at run time (the emulator hides the fault that a wrong answer causes).
#pragma once

#include "cpu/frame.h"

enum return_path {
    RETURN_BY_SYSRET,
    // why not:
    RETURN_IRETQ_NOT_SYSCALL,
    RETURN_IRETQ_RIP_NOT_RCX,
    RETURN_IRETQ_RIP_BEYOND_LIMIT, // not canonical, or the last user page: SYSRET would fault in
                                   // ring 0
    RETURN_IRETQ_FLAGS_NOT_R11,
    RETURN_IRETQ_FLAGS_SPECIAL, // RF cannot be restored, TF would trap before the first instruction
    RETURN_IRETQ_SELECTORS,
};

enum return_path return_path_choose(const struct trap_frame *frame);
