// The kernel command line: `name=value` and plain words, separated by blanks, double quotes group.
// Everything after a lone `--` belongs to init, as on Linux. Pure; the text is changed in place.
#pragma once

#include "lib/types.h"

#define COMMAND_LINE_WORD_LIMIT 128u

struct command_line {
    const char *words[COMMAND_LINE_WORD_LIMIT]; // kernel words
    size_t word_count;
    const char *init_words[COMMAND_LINE_WORD_LIMIT]; // after `--`
    size_t init_word_count;
    bool overflow; // some words did not fit
};

void command_line_parse(struct command_line *line, char *text);
// The value of the last `name=value`; NULL when absent. A plain word `name` yields "".
const char *command_line_value(const struct command_line *line, const char *name);
// Decimal value within [minimum, maximum]; false (and *value untouched) when absent or malformed.
bool command_line_number(const struct command_line *line, const char *name, uint64_t minimum,
                         uint64_t maximum, uint64_t *value);
