// How the system calls itself: uname and /proc must agree.
#pragma once

#include "lib/types.h"

#define SYSTEM_NAME "Linux" // programs look whether they know it
#define SYSTEM_RELEASE "6.1.0-ringfence"
#define SYSTEM_VERSION "#1 Ringfence"
#define SYSTEM_MACHINE "x86_64"
#define HOST_NAME_LIMIT 64u // without the terminator

// The name with its terminator, always all of the buffer.
void host_name_get(char name[HOST_NAME_LIMIT + 1]);
void host_name_set(const char *name); // cut to the limit
