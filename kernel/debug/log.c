// The log: a ring of text in memory, and the sinks that show it. Called from everywhere; the log
// lock guards all that is here, and panic goes around it. Invariant: the ring holds whole lines,
// from `oldest` to `next`; each begins with a byte that stands for '[' and carries the level.
#include "debug/log.h"

#include <stdatomic.h>

#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/spinlock.h"
#include "lib/format.h"
#include "lib/string.h"

#define RING_SIZE LOG_RING_SIZE
#define LEVEL_MARK 0x80u // | level: first byte of a line in the ring
#define PLAIN_PIECE 64u  // bytes shown under the lock at a time

static struct spinlock log_lock = SPINLOCK_INIT("log", LOCK_RANK_LOG);
// All below: log_lock. Positions count bytes since boot.
static char ring[RING_SIZE];
static uint64_t oldest, next;
static struct log_sink *_Atomic sinks; // read by panic without the lock
static uint32_t shown_level = LOG_INFO;
static bool work_is_deferred;
static bool mid_line; // of what the sinks show: a program's output ended without a newline

static void (*lag_receiver)(void); // set once at boot

static char *ring_at(uint64_t position)
{
    return &ring[position % RING_SIZE];
}

static void drop_oldest_line(void)
{
    while (oldest < next && *ring_at(oldest) != '\n')
        oldest++;
    if (oldest < next)
        oldest++;
}

static void keep_line(uint32_t level, const char *line, size_t length)
{
    while (next + length - oldest > RING_SIZE)
        drop_oldest_line();
    *ring_at(next) = (char)(LEVEL_MARK | level);
    for (size_t i = 1; i < length; i++)
        *ring_at(next + i) = line[i];
    next += length;
}

static void send_to_all(const char *text, size_t length)
{
    for (struct log_sink *sink = atomic_load_explicit(&sinks, memory_order_acquire); sink;
         sink = sink->next)
        sink->write(text, length);
}

// The log's own text: sinks are terminals, where a line ends with CR LF.
static void send_to(struct log_sink *sink, const char *text, size_t length)
{
    size_t start = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n')
            continue;
        sink->write(text + start, i - start);
        sink->write("\r\n", 2);
        start = i + 1;
    }
    if (start < length)
        sink->write(text + start, length - start);
}

// A line of the log begins a line of its own, whatever a program left on the terminal.
static void send_line(const char *line, size_t length)
{
    for (struct log_sink *sink = atomic_load_explicit(&sinks, memory_order_acquire); sink;
         sink = sink->next) {
        if (mid_line)
            sink->write("\r\n", 2);
        send_to(sink, line, length);
    }
    mid_line = length > 0 && line[length - 1] != '\n';
}

// What programs can put into a message (names, paths) must not move a terminal's cursor or forge a
// line of its own.
static void replace_control_characters(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
}

// A whole line with stamp, area and newline; returns its length, cut to the buffer.
static size_t format_line(char line[LOG_LINE_LIMIT], const char *area, const char *format,
                          va_list arguments)
{
    uint64_t now_us = clock_now_ns() / 1000;
    size_t limit = LOG_LINE_LIMIT - 1; // room for the newline
    size_t length =
        format_text(line, limit, "[%5llu.%06llu] %s: ", (unsigned long long)(now_us / 1000000),
                    (unsigned long long)(now_us % 1000000), area);

    length = min_of(length, limit - 1);
    length += format_text_va(line + length, limit - length, format, arguments);
    length = min_of(length, limit - 1);
    replace_control_characters(line, length);
    line[length++] = '\n';
    return length;
}

enum sink_choice { SINKS_PROMPT, SINKS_LAGGING, SINKS_ALL };

static bool is_chosen(const struct log_sink *sink, enum sink_choice choice)
{
    if (!sink->work || choice == SINKS_ALL)
        return sink->work;
    return choice == SINKS_LAGGING ? sink->may_lag : !sink->may_lag && !sink->drives_itself;
}

// One piece of each chosen sink; true when there is more.
static bool work_one_piece(enum sink_choice choice)
{
    bool more = false;

    spinlock_acquire(&log_lock);
    for (struct log_sink *sink = sinks; sink; sink = sink->next)
        if (is_chosen(sink, choice) && sink->work())
            more = true;
    spinlock_release(&log_lock);
    return more;
}

bool log_work(void)
{
    return work_one_piece(SINKS_LAGGING);
}

void log_flush(void)
{
    while (work_one_piece(SINKS_ALL))
        ;
}

void log_work_later(void)
{
    spinlock_acquire(&log_lock);
    work_is_deferred = true;
    spinlock_release(&log_lock);
}

void log_tell_of_lag(void (*receiver)(void))
{
    lag_receiver = receiver;
}

// Every piece has its own stretch of interrupts off. Who has them off once the scheduler runs is in
// a hurry, and may hold locks: then the next line catches up. With interrupts on no spinlock is
// held, so the receiver may wake a thread.
static void do_sinks_work(bool deferred)
{
    if (deferred && !interrupts_are_on())
        return;
    while (work_one_piece(SINKS_PROMPT))
        ;
    if (deferred && lag_receiver)
        lag_receiver();
    while (!deferred && log_work())
        ;
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
    char line[LOG_LINE_LIMIT];
    va_list arguments;

    spinlock_acquire(&log_lock);
    va_start(arguments, format);
    size_t length = format_line(line, area, format, arguments);
    va_end(arguments);
    keep_line(level, line, length);
    if (level <= shown_level)
        send_line(line, length);
    bool deferred = work_is_deferred;
    spinlock_release(&log_lock);
    do_sinks_work(deferred);
}

void log_write_plain(const char *text, size_t length)
{
    while (length > 0) {
        size_t piece = min_of(length, (size_t)PLAIN_PIECE);
        spinlock_acquire(&log_lock);
        send_to_all(text, piece);
        mid_line = text[piece - 1] != '\n';
        spinlock_release(&log_lock);
        text += piece;
        length -= piece;
    }
}

void log_with_sinks(void (*function)(void *context), void *context)
{
    spinlock_acquire(&log_lock);
    function(context);
    spinlock_release(&log_lock);
}

void log_receive(const char *area, const char *text)
{
    log_notice(area, "%s", text);
}

void log_set_level(uint32_t level)
{
    spinlock_acquire(&log_lock);
    shown_level = level;
    spinlock_release(&log_lock);
}

static char visible(char stored, bool starts_line)
{
    return starts_line ? '[' : stored;
}

static bool starts_line(uint64_t position)
{
    return position == oldest || *ring_at(position - 1) == '\n';
}

// Sends the line at a position and returns the position behind it.
static uint64_t replay_line(struct log_sink *sink, uint64_t position)
{
    char line[LOG_LINE_LIMIT];
    uint32_t level = (uint8_t)*ring_at(position) & ~LEVEL_MARK;
    size_t length = 0;

    while (length < sizeof(line) && position < next) {
        line[length] = visible(*ring_at(position), length == 0);
        position++;
        if (line[length++] == '\n')
            break;
    }
    if (level <= shown_level)
        send_to(sink, line, length);
    return position;
}

// Line by line, each under the lock of its own; the sink joins the others in the moment when it has
// caught up, so that no line is lost or shown twice.
void log_add_sink(struct log_sink *sink)
{
    uint64_t position = 0;
    bool caught_up = false;

    while (!caught_up) {
        spinlock_acquire(&log_lock);
        position = max_of(position, oldest);
        caught_up = position == next;
        if (caught_up) {
            sink->next = sinks;
            atomic_store_explicit(&sinks, sink, memory_order_release);
        } else {
            position = replay_line(sink, position);
        }
        spinlock_release(&log_lock);
    }
    do_sinks_work(work_is_deferred);
}

uint64_t log_end(void)
{
    spinlock_acquire(&log_lock);
    uint64_t end = next;
    spinlock_release(&log_lock);
    return end;
}

// The panic's text begins a line everywhere, on the screen in a state that it can be read in.
static void reset_sinks_once(void)
{
    static atomic_bool is_done;

    if (atomic_exchange(&is_done, true))
        return;
    for (struct log_sink *sink = sinks; sink; sink = sink->next) {
        if (sink->reset)
            sink->reset();
        else if (mid_line)
            sink->write("\r\n", 2);
    }
    mid_line = false;
}

void log_emergency(const char *text, size_t length)
{
    reset_sinks_once();
    send_line(text, length);
    for (struct log_sink *sink = sinks; sink; sink = sink->next)
        while (sink->work && sink->work())
            ;
}

void log_emergency_line(const char *area, const char *format, ...)
{
    char line[LOG_LINE_LIMIT];
    va_list arguments;

    va_start(arguments, format);
    size_t length = format_line(line, area, format, arguments);
    va_end(arguments);
    log_emergency(line, length);
}

size_t log_copy_line(char *line, size_t size, uint64_t *position, enum log_level *level)
{
    size_t length = 0;

    spinlock_acquire(&log_lock);
    uint64_t at = max_of(*position, oldest);
    while (at < next && !starts_line(at))
        at++;
    if (at < next)
        *level = (enum log_level)((uint8_t)*ring_at(at) & ~LEVEL_MARK);
    for (bool more = at < next; more;) {
        char stored = visible(*ring_at(at), length == 0);
        if (length < size)
            line[length++] = stored;
        more = ++at < next && stored != '\n';
    }
    *position = at;
    spinlock_release(&log_lock);
    return length;
}
