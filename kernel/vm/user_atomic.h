// Words of a program that other threads change at the same time, for futexes: each call is one
// access of one instruction. Addresses are multiples of 4 (asserted: callers refuse others with
// -EINVAL) and range-checked here.
#pragma once

#include "lib/types.h"

// One load. 0 or -EFAULT. May sleep, as all of user_copy.h: interrupts on, no spinlock held.
must_check int user_load32(uint32_t *value, user_addr address);
// The same that never sleeps, for who is BLOCKED, holds a spinlock or has interrupts off: -EFAULT
// also when the page is only not there yet. Then user_load32() brings it in, outside the lock.
must_check int user_load32_no_fault(uint32_t *value, user_addr address);
// A locked compare-exchange: *value is what was there before; `desired` was stored if that equals
// `expected`. 0, or -EFAULT also where the program may not write. May sleep.
must_check int user_compare_exchange32(user_addr address, uint32_t expected, uint32_t desired,
                                       uint32_t *value);

// For trap/: a fault of this instruction continues at its fix-up; nothing is brought in.
bool user_atomic_must_not_fault(uint64_t rip);
