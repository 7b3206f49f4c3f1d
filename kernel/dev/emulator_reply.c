// What the emulator answers to questions; the console hands it to the program as if typed. A reply
// that finds no room is dropped whole.
#include "dev/emulator_internal.h"
#include "lib/format.h"
#include "lib/string.h"

static void reply(struct emulator *emulator, const char *text, size_t length)
{
    uint32_t used = min_of(emulator->reply_length, EMULATOR_REPLY_LIMIT);

    if (length > EMULATOR_REPLY_LIMIT - used)
        return;
    memcpy(emulator->replies + used, text, length);
    emulator->reply_length = used + (uint32_t)length;
}

size_t emulator_take_replies(struct emulator *emulator, char *buffer, size_t size)
{
    uint32_t used = min_of(emulator->reply_length, EMULATOR_REPLY_LIMIT);
    size_t length = min_of((size_t)used, size);

    memcpy(buffer, emulator->replies, length);
    memmove(emulator->replies, emulator->replies + length, used - length);
    emulator->reply_length = used - (uint32_t)length;
    return length;
}

void emulator_report_status(struct emulator *emulator)
{
    const struct emulator_grid *grid = &emulator->grid;
    uint32_t first = emulator->origin ? grid->top : 0;
    char text[32];

    if (emulator->parser.parameters[0] == 5) {
        reply(emulator, "\033[0n", 4);
    } else if (emulator->parser.parameters[0] == 6) {
        size_t length =
            format_text(text, sizeof(text), "\033[%u;%uR", grid->row - first + 1, grid->column + 1);
        reply(emulator, text, length);
    }
}

// A VT102.
void emulator_report_attributes(struct emulator *emulator)
{
    reply(emulator, "\033[?6c", 5);
}
