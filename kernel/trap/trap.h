// Private to trap/: what a fault means, by the mode that raised it.
#pragma once

#include "cpu/frame.h"

// The program's fault: resolve it or signal the program. Interrupts off on entry and on return; on
// in between, since resolving may sleep.
never_inlined void fault_from_user(struct trap_frame *frame);
// The kernel's own: a user copy that can be resolved or fixed up; otherwise a panic.
never_inlined void fault_from_kernel(struct trap_frame *frame);
