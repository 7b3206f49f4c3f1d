// Whether a try ended as it had to. What failed decides: a copy is EFAULT, or SIGSEGV where a
// signal frame is copied; memory is ENOMEM, or SIGKILL where a touched page cannot be had; and
// nothing else, but for the few that judge.c lists.
#pragma once

#include "failwalk.h"

struct trial {
    int status; // as wait() tells it
    bool done;  // the call came back, with:
    long result;
    long whole;        // what it returned when nothing failed
    const char *trail; // what failed and where, as /proc/fail_trail says; NULL: nothing
};

// Behind it come the tries of another row.
void judge_begin(void);
// NULL when it is right; else what is wrong with it.
const char *judge_trial(const struct row *row, const struct trial *trial);
