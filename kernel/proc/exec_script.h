// `#!` lines: which interpreter a script names. Pure.
#pragma once

#include "lib/types.h"

#define SCRIPT_LINE_LIMIT 256u // bytes of a file that are looked at, as Linux
#define SCRIPT_DEPTH_LIMIT 4u  // interpreters that are scripts themselves; more are -ELOOP

struct script_line {
    const char *interpreter;
    const char *argument; // everything after it, as one word; NULL: none
};

bool script_begins(const char *text, size_t length);
// Cuts the line up in place. `text` has SCRIPT_LINE_LIMIT + 1 bytes, `length` of them from the
// file. -ENOEXEC when it names no interpreter or the name does not fit.
must_check int script_parse(char *text, size_t length, struct script_line *line);
