// Function keys and those that move the cursor: the escape sequences that an xterm sends. Pure.
#pragma once

#include "lib/types.h"

#define FUNCTION_KEY_LIMIT 8u // bytes

enum key_modifier { MODIFIER_SHIFT = 1, MODIFIER_ALT = 2, MODIFIER_CTRL = 4 };

// Writes what the key sends and returns how many bytes; 0 when it is none of these keys. With
// `is_application` the cursor keys send ESC O A instead of ESC [ A (DECCKM).
must_check size_t function_key_bytes(uint8_t code, uint8_t modifiers, bool is_application,
                                     char bytes[FUNCTION_KEY_LIMIT]);
