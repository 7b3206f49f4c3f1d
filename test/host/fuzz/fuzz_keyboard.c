// Any bytes from a keyboard, in any layout: what comes out fits, is UTF-8, and after all keys were
// released an A is an A again.
#include <stdlib.h>
#include <string.h>

#include "drivers/key_bytes.h"
#include "lib/panic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void panic(const char *format, ...)
{
    abort();
}

static bool is_utf8(const char *bytes, size_t count)
{
    size_t i = 0;

    while (i < count) {
        uint8_t first = (uint8_t)bytes[i];
        size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : 3;
        if ((first >= 0x80 && first < 0xc2) || first > 0xef || count - i < length)
            return false;
        for (size_t j = 1; j < length; j++) {
            if (((uint8_t)bytes[i + j] & 0xc0) != 0x80)
                return false;
        }
        i += length;
    }
    return true;
}

static size_t feed(struct scancode_decoder *decoder, struct key_translator *translator,
                   uint8_t byte, char bytes[KEY_BYTES_LIMIT])
{
    struct key_event event;

    if (!scancode_decode(decoder, byte, &event))
        return 0;
    (void)key_asks_for_reboot(translator, &event);
    return key_bytes(translator, &event, byte & 1, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct keymap *const keymaps[] = { &keymap_us, &keymap_de, &keymap_fr };
    struct scancode_decoder decoder = { 0 };
    struct key_translator translator = { 0 };
    char *bytes = malloc(KEY_BYTES_LIMIT);

    translator.keymap = keymaps[size > 0 ? data[0] % 3 : 0];
    for (size_t i = 1; i < size; i++) {
        size_t count = feed(&decoder, &translator, data[i], bytes);
        if (count > KEY_BYTES_LIMIT || !is_utf8(bytes, count))
            abort();
    }
    (void)feed(&decoder, &translator, 0, bytes);
    translator.dead_key = 0;
    translator.caps_lock = false;
    translator.keymap = &keymap_us;
    if (feed(&decoder, &translator, KEY_A, bytes) != 1 || bytes[0] != 'a')
        abort();
    free(bytes);
    return 0;
}
