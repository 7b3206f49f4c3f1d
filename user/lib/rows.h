// Events as rows of the chapter's Figures 6.1 to 6.3, in its words: OS, hardware, program. An event
// stands at the end of its rows, which tell what happened since the event before. What hardware and
// program do between two events nobody records; they must have done it.
#pragma once

#include "ring.h"

enum column { COLUMN_OS, COLUMN_HARDWARE, COLUMN_PROGRAM };

#define ROW_SIZE 96
#define ROW_LIMIT 8 // of one event

struct row {
    enum column column;
    char text[ROW_SIZE];
};

struct rows {
    size_t count;
    struct row rows[ROW_LIMIT]; // the first is whose work took most of the time
};

// Forgets threads and what they were doing. `ring` gives clock and, for threads without a name of
// the caller's, the kernel's names.
void rows_begin(const struct ring *ring);
// What a thread is called in the rows. Pid 0: the one that the kernel told.
void rows_name(uint32_t thread, uint32_t pid, const char *name);
// The rows of the next event; none when it is part of the one that follows. Events must come in
// order and none left out, since what a thread does is known from its events before.
void rows_of(const struct trace_event *event, struct rows *rows);
// An event of the boot (a STEP below TRACE_STEP_FIRST_AT_RUN).
void rows_of_boot(const struct trace_event *event, struct rows *rows);

const char *call_words(uint32_t number);                  // "getppid"
bool event_is_in_kernel(const struct trace_event *event); // ENTRY: what it interrupted
