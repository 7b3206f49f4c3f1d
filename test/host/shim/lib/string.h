// Stands before kernel/lib/string.h on the host: the C library's functions, whose arguments the
// sanitizers check. The kernel's own are tested under other names (test_string.c).
#pragma once

#include <string.h>

#include "lib/types.h"

bool string_copy(char *destination, const char *source, size_t size);
