// What looks like files but is made on the spot: /dev/null, zero, full, random, urandom, kmsg, and
// /proc: processes and the system as Linux shows them, and trace (event ring,
// include/trace_format.h), live (counts of every kind of object, one `name value` line each).
#pragma once

#include "lib/command_line.h"

#define PROC_DEVICE_NUMBER 3u // st_dev of everything in /proc

// Creates the nodes in the memory file system. Boot, after unpacking. `line`, for /proc/cmdline,
// stays the caller's.
void pseudo_init(const struct command_line *line);
