// What looks like files but is made on the spot: /dev/null, zero, full, random, urandom, kmsg, and
// in /proc: trace (event ring, include/trace_format.h), live (counts of every kind of object, one
// `name value` line each), self/exe, uptime, meminfo, version.
#pragma once

// Creates the nodes in the memory file system. Boot, after unpacking.
void pseudo_init(void);
