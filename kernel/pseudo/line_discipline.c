// Input of the line discipline: keys with a meaning, the buffer, reading from it, settings. Called
// by terminal.c with its lock held. Editing and echo are in line_edit.c, output in line_output.c.
// Invariant: tail <= line <= head <= tail + LINE_BUFFER_SIZE; the last place of the buffer is only
// taken by what ends a line.
#include "pseudo/line_discipline.h"
#include "pseudo/line_internal.h"

#include "abi/process.h"
#include "lib/string.h"

// Others are not taken over, so that who reads the settings back sees it.
#define KNOWN_LOCAL_FLAGS                                                                          \
    (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | NOFLSH | TOSTOP | ECHOCTL | ECHOKE | IEXTEN)
#define CONTROL(letter) ((letter)-0x40)
#define DELETE 0x7f

static const struct abi_termios initial_settings = {
    .input_flags = ICRNL | IXON | IUTF8,
    .output_flags = OPOST | ONLCR,
    .control_flags = B115200 | CS8 | CREAD | HUPCL,
    .local_flags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .control_characters =
        {
            [VINTR] = CONTROL('C'),
            [VQUIT] = CONTROL('\\'),
            [VERASE] = DELETE,
            [VKILL] = CONTROL('U'),
            [VEOF] = CONTROL('D'),
            [VMIN] = 1,
            [VSTART] = CONTROL('Q'),
            [VSTOP] = CONTROL('S'),
            [VSUSP] = CONTROL('Z'),
            [VREPRINT] = CONTROL('R'),
            [VDISCARD] = CONTROL('O'),
            [VWERASE] = CONTROL('W'),
            [VLNEXT] = CONTROL('V'),
        },
    .input_speed = 115200,
    .output_speed = 115200,
};

void line_discipline_init(struct line_discipline *discipline)
{
    memset(discipline, 0, sizeof(*discipline));
    discipline->settings = initial_settings;
}

void line_discipline_reset(struct line_discipline *discipline)
{
    discipline->settings = initial_settings;
    discipline->stopped = false;
    discipline->suspended = false;
    line_discipline_flush_input(discipline);
}

void line_discipline_flush_input(struct line_discipline *discipline)
{
    discipline->tail = discipline->line = discipline->head;
    discipline->next_is_literal = false;
}

// Excess bytes are dropped, with a bell if it is wanted.
static void put_byte(struct line_discipline *discipline, uint8_t value, enum line_mark mark)
{
    size_t limit = mark == LINE_MARK_NONE ? LINE_LIMIT : LINE_BUFFER_SIZE;

    if (discipline->head - discipline->tail >= limit) {
        if (line_input_has(discipline, IMAXBEL))
            line_show(discipline, "\a", 1);
        return;
    }
    *line_byte_at(discipline, discipline->head) = (struct line_byte){ value, (uint8_t)mark, 0 };
    discipline->head++;
    if (mark != LINE_MARK_NONE)
        discipline->line = discipline->head;
}

static bool has_room(const struct line_discipline *discipline)
{
    return discipline->head - discipline->tail < LINE_LIMIT;
}

static void put_with_echo(struct line_discipline *discipline, uint8_t value, bool is_literal)
{
    bool shows = line_local_has(discipline, ECHO) && has_room(discipline);
    uint64_t position = discipline->head;

    put_byte(discipline, value, LINE_MARK_NONE);
    if (shows && value == '\n' && !is_literal)
        line_show(discipline, "\n", 1);
    else if (shows)
        line_echo_stored(discipline, position);
}

static void receive_signal(struct line_discipline *discipline, uint8_t value, uint32_t signal)
{
    discipline->send_signal(discipline, signal);
    if (!line_local_has(discipline, NOFLSH))
        line_discipline_flush_input(discipline);
    if (line_input_has(discipline, IXON))
        discipline->stopped = false;
    if (line_local_has(discipline, ECHO))
        line_echo(discipline, value);
}

// True when the byte was one of START and STOP, or a signal's: it does not become input.
static bool receive_control(struct line_discipline *discipline, uint8_t value)
{
    if (line_input_has(discipline, IXON)) {
        bool starts = line_key_is(discipline, VSTART, value);
        if (starts || line_key_is(discipline, VSTOP, value)) {
            discipline->stopped = !starts;
            return true;
        }
    }
    if (!line_local_has(discipline, ISIG))
        return false;
    uint32_t signal = line_key_is(discipline, VINTR, value)   ? SIGINT
                      : line_key_is(discipline, VQUIT, value) ? SIGQUIT
                      : line_key_is(discipline, VSUSP, value) ? SIGTSTP
                                                              : 0;
    if (signal)
        receive_signal(discipline, value, signal);
    return signal != 0;
}

// True when the byte ended the line.
static bool receive_line_end(struct line_discipline *discipline, uint8_t value)
{
    if (value == '\n') {
        if (line_local_has(discipline, ECHO) || line_local_has(discipline, ECHONL))
            line_show(discipline, "\n", 1);
        put_byte(discipline, value, LINE_MARK_END);
        return true;
    }
    if (line_key_is(discipline, VEOF, value)) {
        put_byte(discipline, 0, LINE_MARK_END_OF_FILE);
        return true;
    }
    if (line_key_is(discipline, VEOL, value) || line_extended_key_is(discipline, VEOL2, value)) {
        if (line_local_has(discipline, ECHO))
            line_echo(discipline, value);
        put_byte(discipline, value, LINE_MARK_END);
        return true;
    }
    return false;
}

// CR and NL as the settings want them. False: the byte is dropped.
static bool translate_line_end(const struct line_discipline *discipline, uint8_t *value)
{
    if (*value == '\r') {
        if (line_input_has(discipline, IGNCR))
            return false;
        if (line_input_has(discipline, ICRNL))
            *value = '\n';
    } else if (*value == '\n' && line_input_has(discipline, INLCR)) {
        *value = '\r';
    }
    return true;
}

static void receive_byte(struct line_discipline *discipline, uint8_t value)
{
    if (line_input_has(discipline, ISTRIP))
        value &= 0x7f;
    if (line_input_has(discipline, IUCLC) && line_local_has(discipline, IEXTEN))
        value = byte_in_other_case(value, 'A');
    if (discipline->next_is_literal) {
        discipline->next_is_literal = false;
        put_with_echo(discipline, value, true);
        return;
    }
    if (receive_control(discipline, value))
        return;
    if (line_input_has(discipline, IXON) && line_input_has(discipline, IXANY))
        discipline->stopped = false;
    if (!translate_line_end(discipline, &value))
        return;
    if (line_local_has(discipline, ICANON) &&
        (line_edit(discipline, value) || receive_line_end(discipline, value)))
        return;
    if (value == 0xff && line_input_has(discipline, PARMRK))
        put_byte(discipline, value, LINE_MARK_NONE); // doubled: one by itself would begin a mark
    put_with_echo(discipline, value, false);
}

void line_discipline_receive(struct line_discipline *discipline, const char *bytes, size_t count)
{
    discipline->redraw_left = LINE_REDRAW_LIMIT;
    for (size_t i = 0; i < count; i++)
        receive_byte(discipline, (uint8_t)bytes[i]);
}

static bool take_raw(struct line_discipline *discipline, char *target, size_t size, size_t *length)
{
    size_t count = min_of(size, (size_t)(discipline->head - discipline->tail));

    for (size_t i = 0; i < count; i++)
        target[i] = (char)line_byte_at(discipline, discipline->tail + i)->value;
    discipline->tail += count;
    discipline->line = discipline->tail;
    *length = count;
    return false;
}

static bool take_line(struct line_discipline *discipline, char *target, size_t size, size_t *length)
{
    *length = 0;
    while (discipline->tail != discipline->line) {
        const struct line_byte *byte = line_byte_at(discipline, discipline->tail);
        bool is_end_of_file = byte->mark == LINE_MARK_END_OF_FILE;
        if (*length == size && !is_end_of_file)
            return false;
        discipline->tail++;
        if (is_end_of_file)
            return true; // also right behind a full target: it must not end the next read
        target[(*length)++] = (char)byte->value;
        if (byte->mark == LINE_MARK_END)
            return true;
    }
    return false;
}

bool line_discipline_take(struct line_discipline *discipline, char *target, size_t size,
                          size_t *length)
{
    return line_local_has(discipline, ICANON) ? take_line(discipline, target, size, length)
                                              : take_raw(discipline, target, size, length);
}

bool line_discipline_is_readable(const struct line_discipline *discipline, size_t minimum)
{
    if (line_local_has(discipline, ICANON))
        return discipline->line != discipline->tail;
    return discipline->head - discipline->tail >= max_of(minimum, (size_t)1);
}

size_t line_discipline_readable_count(const struct line_discipline *discipline)
{
    bool is_canonical = line_local_has(discipline, ICANON);
    uint64_t end = is_canonical ? discipline->line : discipline->head;
    size_t count = 0;

    for (uint64_t at = discipline->tail; at != end; at++)
        count += discipline->buffer[at % LINE_BUFFER_SIZE].mark != LINE_MARK_END_OF_FILE;
    return count;
}

// What was typed under the other rules is kept: raw bytes become one line, lines become bytes.
static void change_mode(struct line_discipline *discipline)
{
    bool is_empty = discipline->head == discipline->tail;

    for (uint64_t at = discipline->tail; at != discipline->head; at++)
        line_byte_at(discipline, at)->mark = LINE_MARK_NONE;
    discipline->line = discipline->tail;
    discipline->next_is_literal = false;
    if (line_local_has(discipline, ICANON) && !is_empty) {
        line_byte_at(discipline, discipline->head - 1)->mark = LINE_MARK_END;
        discipline->line = discipline->head;
    }
}

void line_discipline_set(struct line_discipline *discipline, const struct abi_termios *settings)
{
    uint32_t changed = discipline->settings.local_flags ^ settings->local_flags;
    bool had_flow_control = line_input_has(discipline, IXON);

    discipline->settings = *settings;
    discipline->settings.local_flags &= KNOWN_LOCAL_FLAGS;
    if (changed & ICANON)
        change_mode(discipline);
    if (had_flow_control && !line_input_has(discipline, IXON))
        discipline->stopped = false; // no key could make it go on any more
}
