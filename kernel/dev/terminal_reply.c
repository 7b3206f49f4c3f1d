// What the terminal answers to questions; the console hands it to the program as if typed. A reply
// that finds no room is dropped whole.
#include "dev/terminal_internal.h"
#include "lib/format.h"
#include "lib/string.h"

static void reply(struct terminal *terminal, const char *text, size_t length)
{
    uint32_t used = min_of(terminal->reply_length, TERMINAL_REPLY_LIMIT);

    if (length > TERMINAL_REPLY_LIMIT - used)
        return;
    memcpy(terminal->replies + used, text, length);
    terminal->reply_length = used + (uint32_t)length;
}

size_t terminal_take_replies(struct terminal *terminal, char *buffer, size_t size)
{
    uint32_t used = min_of(terminal->reply_length, TERMINAL_REPLY_LIMIT);
    size_t length = min_of((size_t)used, size);

    memcpy(buffer, terminal->replies, length);
    memmove(terminal->replies, terminal->replies + length, used - length);
    terminal->reply_length = used - (uint32_t)length;
    return length;
}

void terminal_report_status(struct terminal *terminal)
{
    const struct terminal_grid *grid = &terminal->grid;
    uint32_t first = terminal->origin ? grid->top : 0;
    char text[32];

    if (terminal->parser.parameters[0] == 5) {
        reply(terminal, "\033[0n", 4);
    } else if (terminal->parser.parameters[0] == 6) {
        size_t length =
            format_text(text, sizeof(text), "\033[%u;%uR", grid->row - first + 1, grid->column + 1);
        reply(terminal, text, length);
    }
}

// A VT102.
void terminal_report_attributes(struct terminal *terminal)
{
    reply(terminal, "\033[?6c", 5);
}
