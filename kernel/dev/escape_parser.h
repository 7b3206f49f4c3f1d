// Cuts the emulator's input into characters, control characters and escape sequences: UTF-8 and the
// states of a VT500 (Paul Williams, vt100.net/emu/dec_ansi_parser). Pure; used by emulator.c.
#pragma once

#include "lib/types.h"

#define ESCAPE_PARAMETER_LIMIT 32u // what is beyond is dropped
#define ESCAPE_PARAMETER_MAXIMUM 65535u
#define REPLACEMENT_CHARACTER 0xfffdu

enum escape_event {
    ESCAPE_NOTHING,
    ESCAPE_CHARACTER, // code_point
    ESCAPE_CONTROL,   // code_point, below ' '
    ESCAPE_SHORT,     // ESC intermediate final
    ESCAPE_CSI,       // CSI marker parameters intermediate final
};

enum escape_state {
    ESCAPE_STATE_GROUND,
    ESCAPE_STATE_ESCAPE, // also behind intermediates
    ESCAPE_STATE_CSI_ENTRY,
    ESCAPE_STATE_CSI_PARAMETERS,
    ESCAPE_STATE_CSI_INTERMEDIATE,
    ESCAPE_STATE_CSI_IGNORE,
    ESCAPE_STATE_OSC,    // up to BEL or ST
    ESCAPE_STATE_STRING, // DCS, SOS, PM, APC: up to ST
};

struct escape_parser {
    enum escape_state state;
    uint32_t code_point;
    uint32_t bytes_missing;            // of a UTF-8 character
    uint8_t next_lowest, next_highest; // what its next byte may be
    bool again;                        // the byte was not used up: feed it once more
    char marker;                       // one of < = > ?, or 0
    char intermediate;                 // the last one, or 0
    char final;
    uint32_t parameter_count;                    // of an ESCAPE_CSI: at least 1
    uint32_t parameters[ESCAPE_PARAMETER_LIMIT]; // absent ones are 0
};

void escape_parser_reset(struct escape_parser *parser);
// Takes one byte, unless `again` is set afterwards.
enum escape_event escape_parser_feed(struct escape_parser *parser, uint8_t byte);

// Would a printable ASCII byte now be a character by itself?
static inline bool escape_parser_is_idle(const struct escape_parser *parser)
{
    return parser->state == ESCAPE_STATE_GROUND && parser->bytes_missing == 0;
}
