// The rarer half of the system-call entry; the other one is assembly.
#pragma once

#include "lib/types.h"

// From here on system calls take the short way, in and out, if nothing in this build or boot wants
// to see each of them. `never_sysret`: the exit gate answers IRETQ, always. Boot, before the first
// program.
void system_calls_begin(bool never_sysret);
// For the exit gate.
bool sysret_is_allowed(void);
