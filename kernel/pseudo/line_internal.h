// What line_discipline.c, line_edit.c and line_output.c share.
#pragma once

#include "pseudo/line_discipline.h"

#define TAB_WIDTH 8u

static inline bool line_input_has(const struct line_discipline *discipline, uint32_t flag)
{
    return discipline->settings.input_flags & flag;
}

static inline bool line_output_has(const struct line_discipline *discipline, uint32_t flag)
{
    return discipline->settings.output_flags & flag;
}

static inline bool line_local_has(const struct line_discipline *discipline, uint32_t flag)
{
    return discipline->settings.local_flags & flag;
}

static inline bool line_key_is(const struct line_discipline *discipline, uint32_t key,
                               uint8_t value)
{
    return value != 0 && discipline->settings.control_characters[key] == value;
}

// For the keys that POSIX does not know.
static inline bool line_extended_key_is(const struct line_discipline *discipline, uint32_t key,
                                        uint8_t value)
{
    return line_local_has(discipline, IEXTEN) && line_key_is(discipline, key, value);
}

static inline struct line_byte *line_byte_at(struct line_discipline *discipline, uint64_t position)
{
    return &discipline->buffer[position % LINE_BUFFER_SIZE];
}

// A letter of the case that begins with `first` ('a' or 'A') in the other one.
static inline uint8_t byte_in_other_case(uint8_t value, uint8_t first)
{
    return value >= first && value < first + 26 ? value ^ 0x20 : value;
}

static inline bool byte_is_control(uint8_t value)
{
    return value < 0x20 || value == 0x7f;
}

// The second and later bytes of a character, if these are UTF-8.
static inline bool line_byte_continues(const struct line_discipline *discipline, uint8_t value)
{
    return line_input_has(discipline, IUTF8) && (value & 0xc0) == 0x80;
}

// line_edit.c. True when the byte was an editing key.
must_check bool line_edit(struct line_discipline *discipline, uint8_t value);
// Shows a typed byte: control characters as ^X if that is wanted.
void line_echo(struct line_discipline *discipline, uint8_t value);
// Shows a byte of the buffer, and keeps what erasing it will need.
void line_echo_stored(struct line_discipline *discipline, uint64_t position);
// line_output.c. Shows bytes through output processing.
void line_show(struct line_discipline *discipline, const char *bytes, size_t count);
