// Scan code set 1: bytes from the keyboard become keys that go down and up. Pure.
#pragma once

#include "lib/types.h"

enum scancode_state { SCANCODE_PLAIN, SCANCODE_E0, SCANCODE_E1, SCANCODE_PAUSE };

// All zero at first. The caller serialises.
struct scancode_decoder {
    enum scancode_state state;
};

struct key_event {
    uint8_t code; // key_codes.h, or a key without a name
    bool is_pressed;
};

// Takes one byte; answers to commands (ACK, send again) are not for here. True when *event is set:
// once for each press, repetition and release. Any bytes, however broken, are taken.
must_check bool scancode_decode(struct scancode_decoder *decoder, uint8_t byte,
                                struct key_event *event);
