// The run: children in rounds, and what must hold after each.
#pragma once

#include "callfuzz.h"

struct options {
    uint32_t seed;
    unsigned long calls, child_calls;
    unsigned at_once, round_children;
    bool verbose;
};

// Until options->calls were made. How much was not as it must be; each has its line BAD.
unsigned supervise(struct shared *shared, const struct options *options);

// Kills whoever came after this process and is not of its session; waits for the end of all.
void strays_end(void);
// Remembers which files there are; later: removes what came since. A path in a call may come from
// anywhere in a child's memory, the start of some other, too. On Linux nothing is touched.
void names_remember(void);
void names_restore(void);
// Makes PLACE_PROGRAM and the links beside it anew, as they were at the first call.
void place_restore(void);
// Remembers what the kernel counts of live objects; later: waits for those counts, and says with
// BAD lines which of them do not come back. True: all did. On Linux there are none.
void live_remember(void);
bool live_came_back(void);
