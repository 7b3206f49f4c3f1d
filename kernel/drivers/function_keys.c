// Function and cursor keys, as a table. Called by key_bytes.c. xterm's "Control Sequences"
// document, PC-style function keys.
#include "drivers/function_keys.h"

#include "drivers/key_codes.h"

enum form {
    FORM_CURSOR,   // ESC [ A, or ESC O A for applications, or ESC [ 1 ; 5 A with modifiers
    FORM_FUNCTION, // ESC O P, or ESC [ 1 ; 5 P
    FORM_NUMBER,   // ESC [ 15 ~, or ESC [ 15 ; 5 ~
};

struct function_key {
    uint8_t code;
    uint8_t form;
    uint8_t value; // last letter, or the number
};

static const struct function_key function_keys[] = {
    { KEY_UP, FORM_CURSOR, 'A' },       { KEY_DOWN, FORM_CURSOR, 'B' },
    { KEY_RIGHT, FORM_CURSOR, 'C' },    { KEY_LEFT, FORM_CURSOR, 'D' },
    { KEY_CENTER, FORM_CURSOR, 'E' },   { KEY_END, FORM_CURSOR, 'F' },
    { KEY_HOME, FORM_CURSOR, 'H' },     { KEY_INSERT, FORM_NUMBER, 2 },
    { KEY_DELETE, FORM_NUMBER, 3 },     { KEY_PAGE_UP, FORM_NUMBER, 5 },
    { KEY_PAGE_DOWN, FORM_NUMBER, 6 },  { KEY_F1, FORM_FUNCTION, 'P' },
    { KEY_F1 + 1, FORM_FUNCTION, 'Q' }, { KEY_F1 + 2, FORM_FUNCTION, 'R' },
    { KEY_F1 + 3, FORM_FUNCTION, 'S' }, { KEY_F1 + 4, FORM_NUMBER, 15 },
    { KEY_F1 + 5, FORM_NUMBER, 17 },    { KEY_F1 + 6, FORM_NUMBER, 18 },
    { KEY_F1 + 7, FORM_NUMBER, 19 },    { KEY_F1 + 8, FORM_NUMBER, 20 },
    { KEY_F10, FORM_NUMBER, 21 },       { KEY_F11, FORM_NUMBER, 23 },
    { KEY_F12, FORM_NUMBER, 24 },
};

static const struct function_key *find_function_key(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(function_keys); i++) {
        if (function_keys[i].code == code)
            return &function_keys[i];
    }
    return NULL;
}

static size_t write_number(char *bytes, uint8_t number)
{
    size_t count = 0;

    if (number >= 10)
        bytes[count++] = (char)('0' + number / 10);
    bytes[count++] = (char)('0' + number % 10);
    return count;
}

size_t function_key_bytes(uint8_t code, uint8_t modifiers, bool is_application,
                          char bytes[FUNCTION_KEY_LIMIT])
{
    const struct function_key *key = find_function_key(code);
    size_t count = 0;

    if (!key)
        return 0;
    bool is_number = key->form == FORM_NUMBER;
    bool is_short = key->form == FORM_FUNCTION || (key->form == FORM_CURSOR && is_application);
    bytes[count++] = '\033';
    bytes[count++] = is_short && !modifiers ? 'O' : '[';
    if (is_number || modifiers)
        count += write_number(bytes + count, is_number ? key->value : 1);
    if (modifiers) {
        bytes[count++] = ';';
        bytes[count++] = (char)('1' + (modifiers & 7));
    }
    bytes[count++] = is_number ? '~' : (char)key->value;
    return count;
}
