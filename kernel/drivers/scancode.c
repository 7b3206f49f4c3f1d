// The prefixes of scan code set 1. Called from the keyboard's interrupt. Invariant: after a broken
// sequence the next plain byte is understood again.
#include "drivers/scancode.h"

#include "drivers/key_codes.h"

#define PREFIX_EXTENDED 0xe0u
#define PREFIX_PAUSE 0xe1u
#define RELEASED 0x80u
#define OVERRUN_SET_1 0xffu
#define OVERRUN_SET_2 0x00u

static bool take_prefix(struct scancode_decoder *decoder, uint8_t byte)
{
    if (byte == PREFIX_EXTENDED)
        decoder->state = SCANCODE_E0;
    else if (byte == PREFIX_PAUSE)
        decoder->state = SCANCODE_E1;
    else if (decoder->state == SCANCODE_E1 && (byte & ~RELEASED) == KEY_LEFT_CTRL)
        decoder->state = SCANCODE_PAUSE; // Pause is E1 1D 45, and at once E1 9D C5
    else
        return false;
    return true;
}

// Around navigation keys a keyboard plays Shift being pressed or released, so that old programs
// are not irritated by the real one or by Num Lock: E0 2A, E0 AA, E0 36, E0 B6.
static bool is_fake_shift(uint8_t code)
{
    return code == KEY_LEFT_SHIFT || code == KEY_RIGHT_SHIFT;
}

bool scancode_decode(struct scancode_decoder *decoder, uint8_t byte, struct key_event *event)
{
    uint8_t code = byte & (uint8_t)~RELEASED;

    if (take_prefix(decoder, byte))
        return false;
    enum scancode_state state = decoder->state;
    decoder->state = SCANCODE_PLAIN;
    event->is_pressed = !(byte & RELEASED);
    event->code = code;
    if (byte == OVERRUN_SET_1 || byte == OVERRUN_SET_2)
        event->code = KEY_NONE;
    else if (state == SCANCODE_PAUSE && code == KEY_NUM_LOCK)
        event->code = KEY_PAUSE;
    else if (state == SCANCODE_E0 && is_fake_shift(code))
        return false;
    else if (state == SCANCODE_E0)
        event->code = code | KEY_EXTENDED;
    return true;
}
