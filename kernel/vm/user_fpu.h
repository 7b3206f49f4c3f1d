// The FPU's registers straight to and from user memory, as signal frames hold them: the XSAVE area
// is far larger than what changes in it. For CPUs with XSAVE. As all of user_copy.h: range checked,
// may fault and sleep, interrupts on, no spinlock held.
#pragma once

#include "lib/types.h"

// Every component, in the standard format; the 64 bytes of its header must be zero already.
// -EFAULT.
must_check int fpu_save_to_user(user_addr area);
// Every component. -EFAULT: unreadable, or what XRSTOR refuses; the registers are undefined then.
must_check int fpu_restore_from_user(user_addr area);
// For trap/: a general protection fault of that XRSTOR, whose area belongs to a program.
bool user_fpu_is_restoring(uint64_t rip);
