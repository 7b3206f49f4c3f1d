// The kernel's log, as /dev/kmsg gives it.
#pragma once

#include "program.h"

// The text of the newest line whose message (after the time stamp) begins with `beginning`, without
// the newline; NULL when there is none. Stays until the next call.
const char *kernel_log_find(const char *beginning);
// Whether the boot was made with timer=off.
bool kernel_timer_is_off(void);
