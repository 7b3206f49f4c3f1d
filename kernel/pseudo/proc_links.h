// What the links of /proc have in common. For this folder only.
#pragma once

#include "lib/types.h"

// For link_operations.read: the text's length; copies at most `size` bytes. " (deleted)" follows
// when the file was removed.
int64_t proc_link_text(const char *text, bool removed, char *buffer, size_t size);
