// Keyboard layouts as tables: which character a key gives. One file each, keymap_<name>.c. Pure.
#pragma once

#include "drivers/key_codes.h"
#include "lib/types.h"

#define KEYMAP_KEY_COUNT 0x57u // KEY_ISO is the last one with a character

// Columns of the tables.
enum keymap_level {
    LEVEL_PLAIN,
    LEVEL_SHIFT,
    LEVEL_ALT_GR,
    LEVEL_SHIFT_ALT_GR,
    KEYMAP_LEVEL_COUNT
};

// Dead keys stand in the tables as Unicode's combining marks (compose.h).
enum dead_key {
    DEAD_GRAVE = 0x300,
    DEAD_ACUTE = 0x301,
    DEAD_CIRCUMFLEX = 0x302,
    DEAD_MACRON = 0x304,
    DEAD_BREVE = 0x306,
    DEAD_ABOVE_DOT = 0x307,
    DEAD_DIAERESIS = 0x308,
    DEAD_ABOVE_RING = 0x30a,
    DEAD_DOUBLE_ACUTE = 0x30b,
    DEAD_CARON = 0x30c,
    DEAD_CEDILLA = 0x327,
    DEAD_OGONEK = 0x328,
};

struct keymap {
    const char *name;
    bool has_alt_gr;         // else the right Alt key is Alt
    uint16_t keypad_decimal; // what Delete on the keypad gives with Num Lock
    // Unicode, below 0x10000; 0: nothing. Caps Lock changes letters to the other case, whatever
    // level they stand at.
    uint16_t characters[KEYMAP_KEY_COUNT][KEYMAP_LEVEL_COUNT];
};

extern const struct keymap keymap_us, keymap_de, keymap_fr;

// NULL when there is no such layout.
must_check const struct keymap *keymap_find(const char *name);
// Writes the names of all layouts, with commas between them, as far as they fit.
void keymap_list_names(char *buffer, size_t size);
