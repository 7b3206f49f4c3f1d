// Any keys under any settings, with reads and changes of settings in between: the counters keep
// their order, reads give no more than was asked for, echo is bounded by what was typed.
#include <stdlib.h>
#include <string.h>

#include "pseudo/line_discipline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct line_discipline discipline;
static unsigned repetitions; // a full line shown again and again takes long

static void show(struct line_discipline *line, const char *bytes, size_t count)
{
    volatile char sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (char)(sum + bytes[i]);
    if (count > 8)
        abort();
}

static void send_signal(struct line_discipline *line, uint32_t signal)
{
    if (signal == 0 || signal > 31)
        abort();
}

static void check(void)
{
    if (discipline.tail > discipline.line || discipline.line > discipline.head ||
        discipline.head - discipline.tail > LINE_BUFFER_SIZE)
        abort();
    if (line_discipline_readable_count(&discipline) > LINE_BUFFER_SIZE)
        abort();
}

static void read_some(size_t size)
{
    char *target = malloc(size + 1);
    size_t length;
    bool was_readable = line_discipline_is_readable(&discipline, 1);
    bool ended = line_discipline_take(&discipline, target, size, &length);
    if (length > size || (was_readable && size > 0 && length == 0 && !ended))
        abort();
    free(target);
}

static void write_some(const uint8_t *data, size_t size)
{
    char target[32];
    size_t produced;
    size_t used = line_discipline_output(&discipline, (const char *)data, size, target,
                                         sizeof(target), &produced);
    if (used > size || produced > sizeof(target) || (size > 0 && used == 0))
        abort();
}

// One step: a command byte and what it needs. The number of bytes used.
static size_t step(const uint8_t *data, size_t size)
{
    struct abi_termios settings = discipline.settings;
    switch (data[0] % 8) {
    case 0:
        if (size < 1 + sizeof(settings))
            return size;
        memcpy(&settings, data + 1, sizeof(settings));
        line_discipline_set(&discipline, &settings);
        return 1 + sizeof(settings);
    case 1:
        settings.local_flags ^= 1u << data[0] / 8 % 16;
        line_discipline_set(&discipline, &settings);
        return 1;
    case 2:
        read_some(data[0] / 8 * 16u);
        return 1;
    case 3:
        write_some(data + 1, size - 1);
        return 1;
    case 4:
        for (int i = 0; i < 500 && repetitions < 5000; i++, repetitions++)
            line_discipline_receive(&discipline, (const char *)data, 1);
        return 1;
    default:
        line_discipline_receive(&discipline, (const char *)data + 1, size - 1 < 9 ? size - 1 : 9);
        return size < 10 ? size : 10;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    line_discipline_init(&discipline);
    repetitions = 0;
    discipline.show = show;
    discipline.send_signal = send_signal;
    while (size > 0) {
        size_t used = step(data, size);
        data += used;
        size -= used;
        check();
    }
    return 0;
}
