// Keys become the bytes that an xterm sends: UTF-8, control characters, escape sequences. Pure.
#pragma once

#include "drivers/function_keys.h"
#include "drivers/keymap.h"
#include "drivers/scancode.h"
#include "lib/types.h"

#define KEY_BYTES_LIMIT FUNCTION_KEY_LIMIT // of one key press

// All zero at first but for the layout. The caller serialises.
struct key_translator {
    const struct keymap *keymap;
    bool is_held[KEY_CODE_COUNT];
    bool caps_lock, num_lock;
    uint16_t dead_key; // waits for its letter; 0: none
};

// Takes an event and writes what it sends: how many bytes, often none. With `is_application` the
// cursor keys send ESC O A instead of ESC [ A (DECCKM).
must_check size_t key_bytes(struct key_translator *translator, const struct key_event *event,
                            bool is_application, char bytes[KEY_BYTES_LIMIT]);
// Ask before key_bytes(): is this Delete going down (not repeating) while Ctrl and Alt are held?
must_check bool key_asks_for_reboot(const struct key_translator *translator,
                                    const struct key_event *event);
