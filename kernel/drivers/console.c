// The console device: output to the log's sinks, input to whoever registered. Invariant: no user
// memory is touched here.
#include "drivers/console.h"

#include "debug/log.h"
#include "dev/screen.h"

static struct wait_queue room_queue;
static console_receiver receive_input;
static console_size_receiver receive_size;
static enum console_face last_face;

void console_init(uint32_t serial_line, bool active_low, bool level_triggered)
{
    wait_queue_init(&room_queue);
}

void console_set_receivers(console_receiver input, console_size_receiver size)
{
    receive_input = input;
    receive_size = size;
}

void console_input(enum console_face face, const char *bytes, size_t count)
{
    bool has_changed = face != last_face;

    last_face = face;
    if (has_changed && receive_size)
        receive_size();
    if (receive_input)
        receive_input(bytes, count);
}

void console_write(const char *text, size_t length)
{
    log_write_plain(text, length);
}

bool console_has_room(void)
{
    return true;
}

struct wait_queue *console_room_queue(void)
{
    return &room_queue;
}

int console_drain(void)
{
    return 0;
}

struct console_size console_size(void)
{
    return (struct console_size){ 80, 24 };
}

bool console_cursor_keys_are_application(void)
{
    return screen_cursor_keys_are_application();
}

bool console_interrupt(void)
{
    return false;
}
