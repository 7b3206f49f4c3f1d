// Modifiers, locks and dead keys; what each key sends. Called from the keyboard's interrupt.
// Invariant: at most KEY_BYTES_LIMIT bytes for any event in any state.
#include "drivers/key_bytes.h"

#include "drivers/compose.h"
#include "lib/panic.h"

#define ESCAPE '\033'
#define DELETE '\177'

// Where the bytes of one key press gather.
struct output {
    char *bytes;
    size_t count;
};

static void put(struct output *output, char byte)
{
    kassert(output->count < KEY_BYTES_LIMIT);
    output->bytes[output->count++] = byte;
}

static void put_utf8(struct output *output, uint16_t character)
{
    if (character < 0x80) {
        put(output, (char)character);
        return;
    }
    if (character < 0x800) {
        put(output, (char)(0xc0 | character >> 6));
    } else {
        put(output, (char)(0xe0 | character >> 12));
        put(output, (char)(0x80 | (character >> 6 & 0x3f)));
    }
    put(output, (char)(0x80 | (character & 0x3f)));
}

static bool shift_is_held(const struct key_translator *translator)
{
    return translator->is_held[KEY_LEFT_SHIFT] || translator->is_held[KEY_RIGHT_SHIFT];
}

static bool ctrl_is_held(const struct key_translator *translator)
{
    return translator->is_held[KEY_LEFT_CTRL] || translator->is_held[KEY_RIGHT_CTRL];
}

static bool alt_gr_is_held(const struct key_translator *translator)
{
    return translator->keymap->has_alt_gr && translator->is_held[KEY_RIGHT_ALT];
}

static bool alt_is_held(const struct key_translator *translator)
{
    bool right = translator->is_held[KEY_RIGHT_ALT] && !translator->keymap->has_alt_gr;

    return translator->is_held[KEY_LEFT_ALT] || right;
}

// What Ctrl makes of a character, as in X; -1: it has no effect.
static int control_character(uint16_t character)
{
    if (character >= '@' && character <= '~')
        return character & 0x1f;
    if (character >= '3' && character <= '7')
        return character - '3' + ESCAPE;
    switch (character) {
    case ' ':
    case '2':
        return 0;
    case '/':
        return '_' & 0x1f;
    case '8':
    case '?':
        return DELETE;
    default:
        return -1;
    }
}

// A character that does not go with a waiting dead key comes after it; space stands for nothing.
static void put_text(struct key_translator *translator, struct output *output, uint16_t character)
{
    uint16_t dead_key = translator->dead_key;
    uint16_t composed = compose_letter(dead_key, character);

    translator->dead_key = 0;
    if (composed) {
        put_utf8(output, composed);
        return;
    }
    if (dead_key)
        put_utf8(output, compose_spacing(dead_key));
    if (!dead_key || (character != ' ' && character != dead_key))
        put_utf8(output, compose_spacing(character));
}

static void put_character(struct key_translator *translator, struct output *output,
                          uint16_t character)
{
    bool ctrl = ctrl_is_held(translator), alt = alt_is_held(translator);

    if (!ctrl && !alt) {
        if (compose_is_mark(character) && !translator->dead_key)
            translator->dead_key = character;
        else
            put_text(translator, output, character);
        return;
    }
    translator->dead_key = 0;
    character = compose_spacing(character);
    int control = ctrl ? control_character(character) : -1;
    if (alt)
        put(output, ESCAPE);
    put_utf8(output, control >= 0 ? (uint16_t)control : character);
}

// What the layout has for the key now; 0: nothing.
static uint16_t layout_character(const struct key_translator *translator, uint8_t code)
{
    uint8_t level = LEVEL_PLAIN;

    if (code >= KEYMAP_KEY_COUNT)
        return 0;
    if (shift_is_held(translator))
        level += LEVEL_SHIFT;
    if (alt_gr_is_held(translator))
        level += LEVEL_ALT_GR;
    uint16_t character = translator->keymap->characters[code][level];
    return translator->caps_lock ? compose_other_case(character) : character;
}

// Keys with the same character in all layouts; 0: not one of them.
static uint16_t fixed_character(uint8_t code)
{
    switch (code) {
    case KEY_KEYPAD_DIVIDE:
        return '/';
    case KEY_KEYPAD_TIMES:
        return '*';
    case KEY_KEYPAD_MINUS:
        return '-';
    case KEY_KEYPAD_PLUS:
        return '+';
    default:
        return 0;
    }
}

// The keypad's block of digits, with Num Lock: KEY_KEYPAD_7 to KEY_KEYPAD_DECIMAL.
static uint16_t digit_character(const struct key_translator *translator, uint8_t code)
{
    static const char digits[] = "789-456+1230";
    uint8_t index = code - KEY_KEYPAD_7;

    return code == KEY_KEYPAD_DECIMAL ? translator->keymap->keypad_decimal : digits[index];
}

static bool is_digit_key(uint8_t code)
{
    return code >= KEY_KEYPAD_7 && code <= KEY_KEYPAD_DECIMAL && !fixed_character(code);
}

// Keys that send a control character, if this is one of them.
static void put_control_key(const struct key_translator *translator, struct output *output,
                            uint8_t code)
{
    char byte;

    if (code == KEY_TAB && shift_is_held(translator)) {
        put(output, ESCAPE);
        put(output, '[');
        put(output, 'Z');
        return;
    }
    if (code == KEY_ESCAPE)
        byte = ESCAPE;
    else if (code == KEY_ENTER || code == KEY_KEYPAD_ENTER)
        byte = '\r';
    else if (code == KEY_TAB)
        byte = '\t';
    else if (code == KEY_BACKSPACE)
        byte = ctrl_is_held(translator) ? '\b' : DELETE;
    else
        return;
    if (alt_is_held(translator))
        put(output, ESCAPE);
    put(output, byte);
}

// Shift turns the keypad's Num Lock around, and is used up by that.
static void put_key(struct key_translator *translator, struct output *output, uint8_t code,
                    bool is_application)
{
    bool shift = shift_is_held(translator);
    uint16_t character = fixed_character(code);

    if (is_digit_key(code)) {
        if (translator->num_lock != shift)
            character = digit_character(translator, code);
        else
            code |= KEY_EXTENDED; // the key of the navigation block
        shift = false;
    } else if (!character) {
        character = layout_character(translator, code);
    }
    if (character) {
        put_character(translator, output, character);
        return;
    }
    uint8_t modifiers = shift ? MODIFIER_SHIFT : 0;
    if (alt_is_held(translator))
        modifiers |= MODIFIER_ALT;
    if (ctrl_is_held(translator))
        modifiers |= MODIFIER_CTRL;
    output->count = function_key_bytes(code, modifiers, is_application, output->bytes);
    if (output->count == 0)
        put_control_key(translator, output, code);
    if (output->count > 0)
        translator->dead_key = 0;
}

static void release_all(struct key_translator *translator)
{
    for (size_t i = 0; i < ARRAY_SIZE(translator->is_held); i++)
        translator->is_held[i] = false;
}

// A lock changes when its key goes down, not when that repeats.
static void change_locks(struct key_translator *translator, uint8_t code)
{
    if (translator->is_held[code])
        return;
    if (code == KEY_CAPS_LOCK)
        translator->caps_lock = !translator->caps_lock;
    if (code == KEY_NUM_LOCK)
        translator->num_lock = !translator->num_lock;
}

size_t key_bytes(struct key_translator *translator, const struct key_event *event,
                 bool is_application, char bytes[KEY_BYTES_LIMIT])
{
    struct output output = { .bytes = bytes };

    if (event->code == KEY_NONE) {
        release_all(translator);
        return 0;
    }
    if (event->is_pressed) {
        change_locks(translator, event->code);
        put_key(translator, &output, event->code, is_application);
    }
    translator->is_held[event->code] = event->is_pressed;
    return output.count;
}

bool key_asks_for_reboot(const struct key_translator *translator, const struct key_event *event)
{
    bool is_delete = event->code == KEY_DELETE || event->code == KEY_KEYPAD_DECIMAL;
    bool alt = translator->is_held[KEY_LEFT_ALT] || translator->is_held[KEY_RIGHT_ALT];

    return is_delete && event->is_pressed && !translator->is_held[event->code] && alt &&
           ctrl_is_held(translator);
}
