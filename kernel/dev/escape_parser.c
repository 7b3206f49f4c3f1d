// The state machine that finds characters and sequences in the emulator's input. A control
// character inside a sequence takes effect at once, ESC begins a new one, CAN and SUB end it; a
// byte beyond ASCII ends it, too, and is text, except in a string. Invariant: indexes stay below
// their limits.
#include "dev/escape_parser.h"

#define BELL 0x07u
#define CANCEL 0x18u
#define SUBSTITUTE 0x1au
#define ESCAPE 0x1bu
#define DELETE 0x7fu

void escape_parser_reset(struct escape_parser *parser)
{
    *parser = (struct escape_parser){ .state = ESCAPE_STATE_GROUND };
}

static enum escape_event broken_character(struct escape_parser *parser, bool again)
{
    parser->bytes_missing = 0;
    parser->again = again;
    parser->code_point = REPLACEMENT_CHARACTER;
    return ESCAPE_CHARACTER;
}

// The second byte's limits leave out overlong forms, surrogates and what lies beyond U+10FFFF
// (Unicode, table 3-7).
static enum escape_event start_character(struct escape_parser *parser, uint8_t byte)
{
    if (byte < 0xc2 || byte > 0xf4)
        return broken_character(parser, false);
    parser->bytes_missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
    parser->code_point = byte & (0x3fu >> parser->bytes_missing);
    parser->next_lowest = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    parser->next_highest = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return ESCAPE_NOTHING;
}

static enum escape_event continue_character(struct escape_parser *parser, uint8_t byte)
{
    if (byte < parser->next_lowest || byte > parser->next_highest)
        return broken_character(parser, true);
    parser->code_point = parser->code_point << 6 | (byte & 0x3f);
    parser->next_lowest = 0x80;
    parser->next_highest = 0xbf;
    bool is_control = parser->code_point < 0xa0; // C1, which nobody sends as UTF-8
    return --parser->bytes_missing > 0 || is_control ? ESCAPE_NOTHING : ESCAPE_CHARACTER;
}

static void start_sequence(struct escape_parser *parser, enum escape_state state)
{
    parser->state = state;
    parser->marker = parser->intermediate = parser->final = 0;
    parser->parameter_count = 1;
    parser->parameters[0] = 0;
}

static enum escape_event end_sequence(struct escape_parser *parser, uint8_t final,
                                      enum escape_event event)
{
    parser->state = ESCAPE_STATE_GROUND;
    parser->final = (char) final;
    return event;
}

static enum escape_event feed_escape(struct escape_parser *parser, uint8_t byte)
{
    if (byte < '0') {
        parser->intermediate = (char)byte;
        return ESCAPE_NOTHING;
    }
    if (parser->intermediate != 0)
        return end_sequence(parser, byte, ESCAPE_SHORT);
    switch (byte) {
    case '[':
        start_sequence(parser, ESCAPE_STATE_CSI_ENTRY);
        return ESCAPE_NOTHING;
    case ']':
        parser->state = ESCAPE_STATE_OSC;
        return ESCAPE_NOTHING;
    case 'P':
    case 'X':
    case '^':
    case '_':
        parser->state = ESCAPE_STATE_STRING;
        return ESCAPE_NOTHING;
    default:
        return end_sequence(parser, byte, ESCAPE_SHORT);
    }
}

static void take_digit(struct escape_parser *parser, uint8_t byte)
{
    if (parser->parameter_count > ESCAPE_PARAMETER_LIMIT)
        return;
    uint32_t *parameter = &parser->parameters[parser->parameter_count - 1];
    *parameter = min_of(*parameter * 10 + (byte - '0'), ESCAPE_PARAMETER_MAXIMUM);
}

// One more than the limit stands for all that are dropped.
static void start_parameter(struct escape_parser *parser)
{
    if (parser->parameter_count <= ESCAPE_PARAMETER_LIMIT)
        parser->parameter_count++;
    if (parser->parameter_count <= ESCAPE_PARAMETER_LIMIT)
        parser->parameters[parser->parameter_count - 1] = 0;
}

static enum escape_event end_csi(struct escape_parser *parser, uint8_t byte)
{
    bool ignored = parser->state == ESCAPE_STATE_CSI_IGNORE;

    parser->parameter_count = min_of(parser->parameter_count, ESCAPE_PARAMETER_LIMIT);
    return end_sequence(parser, byte, ignored ? ESCAPE_NOTHING : ESCAPE_CSI);
}

static enum escape_event feed_csi(struct escape_parser *parser, uint8_t byte)
{
    bool takes_parameters =
        parser->state == ESCAPE_STATE_CSI_ENTRY || parser->state == ESCAPE_STATE_CSI_PARAMETERS;

    if (byte >= '@')
        return end_csi(parser, byte);
    if (parser->state == ESCAPE_STATE_CSI_IGNORE)
        return ESCAPE_NOTHING;
    if (byte < '0') {
        parser->intermediate = (char)byte;
        parser->state = ESCAPE_STATE_CSI_INTERMEDIATE;
    } else if (takes_parameters && byte <= '9') {
        take_digit(parser, byte);
        parser->state = ESCAPE_STATE_CSI_PARAMETERS;
    } else if (takes_parameters && byte == ';') {
        start_parameter(parser);
        parser->state = ESCAPE_STATE_CSI_PARAMETERS;
    } else if (byte >= '<' && parser->state == ESCAPE_STATE_CSI_ENTRY) {
        parser->marker = (char)byte;
        parser->state = ESCAPE_STATE_CSI_PARAMETERS;
    } else {
        parser->state = ESCAPE_STATE_CSI_IGNORE;
    }
    return ESCAPE_NOTHING;
}

static enum escape_event feed_control(struct escape_parser *parser, uint8_t byte)
{
    bool in_string = parser->state == ESCAPE_STATE_OSC || parser->state == ESCAPE_STATE_STRING;

    if (byte == ESCAPE) {
        start_sequence(parser, ESCAPE_STATE_ESCAPE);
        return ESCAPE_NOTHING;
    }
    bool ends =
        byte == CANCEL || byte == SUBSTITUTE || (byte == BELL && parser->state == ESCAPE_STATE_OSC);
    if (ends)
        parser->state = ESCAPE_STATE_GROUND;
    parser->code_point = byte;
    return in_string || ends ? ESCAPE_NOTHING : ESCAPE_CONTROL;
}

enum escape_event escape_parser_feed(struct escape_parser *parser, uint8_t byte)
{
    parser->again = false;
    if (parser->bytes_missing > 0)
        return continue_character(parser, byte);
    if (byte < ' ')
        return feed_control(parser, byte);
    if (parser->state == ESCAPE_STATE_OSC || parser->state == ESCAPE_STATE_STRING || byte == DELETE)
        return ESCAPE_NOTHING;
    if (byte >= 0x80) {
        parser->state = ESCAPE_STATE_GROUND;
        return start_character(parser, byte);
    }
    if (parser->state == ESCAPE_STATE_GROUND) {
        parser->code_point = byte;
        return ESCAPE_CHARACTER;
    }
    if (parser->state == ESCAPE_STATE_ESCAPE)
        return feed_escape(parser, byte);
    return feed_csi(parser, byte);
}
