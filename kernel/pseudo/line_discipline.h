// The line discipline: what lies between typed bytes and read(), and between write() and the
// screen. As Linux's N_TTY: editing of lines, echo, signals by key, raw mode, output processing.
// Pure: no locks, no sleeping; the caller (terminal.c) keeps two calls from overlapping. What is
// shown and whom a signal reaches goes through the two functions given at the start.
#pragma once

#include "abi/terminal.h"
#include "lib/types.h"

#define LINE_BUFFER_SIZE 4096u // a power of two
#define LINE_LIMIT (LINE_BUFFER_SIZE - 1)

enum line_mark {
    LINE_MARK_NONE,
    LINE_MARK_END,         // the byte is the last of a line
    LINE_MARK_END_OF_FILE, // not a byte: a line ends here, with nothing behind what came before
};

struct line_byte {
    uint8_t value;
    uint8_t mark;  // enum line_mark
    uint8_t width; // of a tab: the columns it took when it was shown
};

struct line_discipline {
    struct abi_termios settings;
    struct line_byte buffer[LINE_BUFFER_SIZE];
    // Counters that never wrap back; tail <= line <= head. Canonical: [tail, line) are complete
    // lines, [line, head) is the one being edited. Otherwise [tail, head) can be read.
    uint64_t tail, line, head;
    uint32_t column;      // of the cursor, as far as output processing knows
    uint32_t redraw_left; // columns that this call's keys may still rub out or show again
    bool next_is_literal; // LNEXT was typed
    bool stopped;         // by the STOP character
    bool suspended;       // by tcflow(TCOOFF)

    void (*show)(struct line_discipline *discipline, const char *bytes, size_t count);
    void (*send_signal)(struct line_discipline *discipline, uint32_t signal);
};

void line_discipline_init(struct line_discipline *discipline);
// Empty buffer, initial settings, output goes on. The two functions stay.
void line_discipline_reset(struct line_discipline *discipline);

// Typed bytes, at most LINE_RECEIVE_LIMIT. Echo is shown, signals are sent meanwhile. As it is
// called in interrupts, its work is bounded whatever the line: keys that erase a word or show the
// line again do so for LINE_REDRAW_LIMIT columns a call in all, a longer line is killed with ^U and
// a new line. Thus at most LINE_ECHO_LIMIT bytes of echo a call.
#define LINE_RECEIVE_LIMIT 64u
#define LINE_REDRAW_LIMIT 64u
#define LINE_ECHO_LIMIT 1024u // 8 a byte (a tab as spaces, or erased), 3 a column, ends of lines
void line_discipline_receive(struct line_discipline *discipline, const char *bytes, size_t count);

// Takes what can be read now: a line or its next part, in raw mode what is there. True at the end
// of a line (canonical): a read must not go on, also with *length 0, which is the end of file.
must_check bool line_discipline_take(struct line_discipline *discipline, char *target, size_t size,
                                     size_t *length);
// Can a read take something (raw mode: at least `minimum` bytes)?
bool line_discipline_is_readable(const struct line_discipline *discipline, size_t minimum);
// Bytes for FIONREAD.
size_t line_discipline_readable_count(const struct line_discipline *discipline);
void line_discipline_flush_input(struct line_discipline *discipline);

// Output processing: consumes source as far as the result fits. The number consumed; *produced
// bytes are in target. `size` at least 8 (a tab as spaces).
must_check size_t line_discipline_output(struct line_discipline *discipline, const char *source,
                                         size_t length, char *target, size_t size,
                                         size_t *produced);
static inline bool line_discipline_holds_output(const struct line_discipline *discipline)
{
    return discipline->stopped || discipline->suspended;
}

// New settings; local flags that do nothing here are cleared (ECHOPRT, XCASE). What is in the
// buffer is kept: it becomes one line when lines are wanted now.
void line_discipline_set(struct line_discipline *discipline, const struct abi_termios *settings);
