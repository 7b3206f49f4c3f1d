// The kernel log: `[    0.001234] area: message`, kept in a ring and sent to the sinks that are
// registered. Any context, NMI excepted; takes the log lock, interrupts off meanwhile.
#pragma once

#include <stdarg.h>

#include "lib/types.h"

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

#define LOG_LINE_LIMIT 512u

typedef void (*log_sink_write)(const char *text, size_t length);
// A bounded piece of slow work that write() left over; true when there is more. Under the log lock.
typedef bool (*log_sink_work)(void);

struct log_sink {
    log_sink_write write;
    log_sink_work work;  // NULL: write() does it all
    void (*reset)(void); // before a panic's first text, whatever broke off; NULL: nothing to do
    bool may_lag;        // its work may wait for idle time (the screen)
    bool drives_itself;  // by interrupts: work() is for the log's end and panics (serial)
    const char *name;
    struct log_sink *next;
};

// One line, without newline. `area` is one word.
void log_line(enum log_level level, const char *area, const char *format, ...) printf_like(3, 4);
// From now on lines go to this sink as well; what the ring holds is sent first.
void log_add_sink(struct log_sink *sink);
// Lines above this level stay in the ring and are not sent to sinks (`loglevel=`).
void log_set_level(uint32_t level);
// Copies the oldest line that begins at or after *position, cut to `size`, newline included, and
// sets *level and *position, which is then behind it. Positions count bytes since boot. Its length;
// 0 when there is none.
size_t log_copy_line(char *line, size_t size, uint64_t *position, enum log_level *level);
#define LOG_RING_SIZE 65536u
uint64_t log_end(void); // the position behind the newest line

// Sends text to the sinks as it is, without stamp and not kept in the ring; for the console. The
// sinks' work is left to whoever drives them: interrupts, or log_work() and log_flush(). Any
// context; no lock of rank LOCK_RANK_LOG or above held.
void log_write_plain(const char *text, size_t length);
// Calls the function under the log lock, for what shares a sink's device with the log.
void log_with_sinks(void (*function)(void *context), void *context);

// Slow sinks work in pieces, so that no line keeps interrupts off for long. log_line() finishes the
// work of sinks that must not lag (serial, until it drives itself) if interrupts are on; else the
// next line does. Those
// that may lag (the screen) it finishes at first; after log_work_later() that is for whoever has
// time, and the receiver is told, with interrupts on and no lock held.
void log_work_later(void);
void log_tell_of_lag(void (*receiver)(void)); // boot, once
// One piece of the sinks that may lag, interrupts on afterwards as before; true when there is more.
bool log_work(void);
// Everything, for an orderly end.
void log_flush(void);

// The receiver for cpu/report.h: one LOG_NOTICE line. Main registers it with report_to().
void log_receive(const char *area, const char *text);

// Panic only: sends text to all sinks at once without taking the lock.
void log_emergency(const char *text, size_t length);
// Panic only: one line in the log's format.
void log_emergency_line(const char *area, const char *format, ...) printf_like(2, 3);

#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warning(area, ...) log_line(LOG_WARNING, area, __VA_ARGS__)
#define log_notice(area, ...) log_line(LOG_NOTICE, area, __VA_ARGS__)
#define log_info(area, ...) log_line(LOG_INFO, area, __VA_ARGS__)
