// Scan codes become keys become bytes. Keys are given as scan codes in hexadecimal, as a keyboard
// sends them. The layouts' tables are compared with others' in test/tooling/test_keymaps.py.
#include <stdlib.h>
#include <string.h>

#include "drivers/compose.h"
#include "drivers/key_bytes.h"
#include "test.h"

static struct scancode_decoder decoder;
static struct key_translator translator;
static bool is_application;
static unsigned reboots;

static size_t feed(uint8_t byte, char *bytes)
{
    struct key_event event;

    if (!scancode_decode(&decoder, byte, &event))
        return 0;
    reboots += key_asks_for_reboot(&translator, &event);
    return key_bytes(&translator, &event, is_application, bytes);
}

// Everything that the scan codes send, as text; NUL is shown as '@'.
static const char *typed(const char *scancodes)
{
    static char text[256];
    size_t length = 0;
    char *end;

    for (unsigned long byte; byte = strtoul(scancodes, &end, 16), end != scancodes;
         scancodes = end) {
        char *bytes = malloc(KEY_BYTES_LIMIT); // so that ASan sees its end
        size_t count = feed((uint8_t)byte, bytes);
        CHECK(count <= KEY_BYTES_LIMIT && length + count < sizeof(text));
        for (size_t i = 0; i < count; i++)
            text[length++] = bytes[i] ? bytes[i] : '@';
        free(bytes);
    }
    text[length] = '\0';
    return text;
}

static void use_layout(const char *name)
{
    memset(&translator, 0, sizeof(translator));
    memset(&decoder, 0, sizeof(decoder));
    translator.keymap = keymap_find(name);
    CHECK(translator.keymap != NULL);
}

TEST(keyboard_letters_and_shift)
{
    use_layout("us");
    CHECK_TEXT(typed("1e 9e 2a 1e 9e aa 1e 1e 1e 9e"), "aAaaa");
    CHECK_TEXT(typed("36 02 82 b6 02 82 2b ab 56 d6"), "!1\\<");
    CHECK_TEXT(typed("2a 36 aa 1e b6 1e"), "Aa"); // one of two Shift keys is still held
}

TEST(keyboard_locks)
{
    use_layout("us");
    CHECK_TEXT(typed("3a ba 1e 02 2a 1e aa"), "A1a");
    CHECK_TEXT(typed("3a 3a 3a ba 1e"), "a"); // held, it repeats, but changes once
    CHECK_TEXT(typed("47 c7 4c 53 52"), "\033[H\033[E\033[3~\033[2~");
    CHECK_TEXT(typed("45 c5 47 48 49 4b 4c 4d 4f 50 51 52 53"), "7894561230.");
    CHECK_TEXT(typed("2a 47 c7 aa 1d 47 9d"), "\033[H\037");
    CHECK_TEXT(typed("37 4a 4e e0 35 e0 1c"), "*-+/\r");
    use_layout("de");
    CHECK_TEXT(typed("45 c5 53"), ",");
}

TEST(keyboard_control)
{
    use_layout("us");
    CHECK_TEXT(typed("1d 1e 2e 39 1a 2b 1b 9d"), "\001\003@\033\034\035");
    CHECK_TEXT(typed("e0 1d 2a 07 0c 03 aa e0 9d"), "\036\037@"); // right Ctrl: ^ _ @
    CHECK_TEXT(typed("1d 2a 1e aa 35 9d"), "\001\037");
    CHECK_TEXT(typed("1d 02 0b 28 9d"), "10'"); // no control character
    use_layout("de"); // with AltGr for the brackets; ^ is a dead key, _ is with Shift
    CHECK_TEXT(typed("1d e0 38 09 0c 0a e0 b8 29 2a 35 aa 9d"), "\033\034\035\036\037");
    use_layout("fr");
    CHECK_TEXT(typed("1d e0 38 06 09 0c e0 b8 1a 09 10 9d"), "\033\034\035\036\037\001");
}

TEST(keyboard_alt)
{
    use_layout("us");
    CHECK_TEXT(typed("38 1e b8 e0 38 30 e0 b8 1e"), "\033a\033ba");
    CHECK_TEXT(typed("38 1d 1e 9d 0e 1c b8"), "\033\001\033\177\033\r");
    use_layout("de");
    CHECK_TEXT(typed("38 10 b8 e0 38 10 12 38 1b b8 e0 b8"), "\033q@€\033~");
}

TEST(keyboard_control_keys)
{
    use_layout("us");
    CHECK_TEXT(typed("01 0f 2a 0f aa 0e 1d 0e 9d 1c"), "\033\t\033[Z\177\b\r");
    CHECK_TEXT(typed("2a 0e 1c aa"), "\177\r");
}

TEST(keyboard_function_keys)
{
    use_layout("us");
    CHECK_TEXT(typed("3b 3c 3d 3e"), "\033OP\033OQ\033OR\033OS");
    CHECK_TEXT(typed("3f 40 41 42 43 44 57 58"),
               "\033[15~\033[17~\033[18~\033[19~\033[20~\033[21~\033[23~\033[24~");
    CHECK_TEXT(typed("e0 48 e0 c8 e0 50 e0 4d e0 4b"), "\033[A\033[B\033[C\033[D");
    CHECK_TEXT(typed("e0 47 e0 4f e0 49 e0 51 e0 52 e0 53"),
               "\033[H\033[F\033[5~\033[6~\033[2~\033[3~");
    CHECK_TEXT(typed("1d e0 4d e0 53 9d 2a 3b 3f aa"), "\033[1;5C\033[3;5~\033[1;2P\033[15;2~");
    CHECK_TEXT(typed("1d 2a 38 58 e0 48 b8 aa 9d"), "\033[24;8~\033[1;8A");
    is_application = true;
    CHECK_TEXT(typed("e0 48 e0 47 1d e0 48 9d e0 49 3b"), "\033OA\033OH\033[1;5A\033[5~\033OP");
}

TEST(keyboard_prefixes)
{
    use_layout("us");
    // Arrows between fake shifts, as with Num Lock or Shift.
    CHECK_TEXT(typed("e0 2a e0 48 e0 c8 e0 aa 1e"), "\033[Aa");
    CHECK_TEXT(typed("2a e0 aa e0 48 e0 c8 e0 2a 1e aa"), "\033[1;2AA");
    CHECK_TEXT(typed("36 e0 b6 e0 48 e0 c8 e0 36 1e b6"), "\033[1;2AA");
    CHECK_TEXT(typed("e0 2a e0 37 e0 b7 e0 aa 38 54 d4 b8"), ""); // PrtSc, SysRq
    CHECK_TEXT(typed("e1 1d 45 e1 9d c5 1e"), "a"); // Pause: neither Ctrl nor Num Lock
    CHECK_TEXT(typed("1d e0 46 e0 c6 9d 1e"), "a"); // Break
    CHECK(!translator.num_lock);
    CHECK_TEXT(typed("e1 1e e1 1d 1e e0 e0 48 e1 e0 48"), "aa\033[A\033[A"); // cut short
    CHECK_TEXT(typed("46 c6 e0 5b e0 db e0 5d 5d 7f"), ""); // no bytes: Scroll Lock, Windows, ...
}

TEST(keyboard_lost_keys_are_not_held)
{
    use_layout("us");
    CHECK_TEXT(typed("2a 1d 38 ff 1e"), "a");
    CHECK_TEXT(typed("2a 1d 38 00 1e"), "a");
    CHECK_TEXT(typed("2a aa 9d 1e"), "a"); // releases without a press
}

TEST(keyboard_dead_keys)
{
    use_layout("de");
    CHECK_TEXT(typed("29 a9 12 92 0d 8d 12 2a 0d aa 1e"), "êéà");
    CHECK_TEXT(typed("29 2a 12 aa 3a ba 29 12 3a ba"), "ÊÊ");
    CHECK_TEXT(typed("29 39 0d 39 2a 0d aa 39"), "^´`"); // with space: itself
    CHECK_TEXT(typed("29 29 0d 0d 12"), "^´e");          // twice: itself, and no longer dead
    CHECK_TEXT(typed("29 10 29 0d 12"), "^q^´e");        // do not go together: nothing is lost
    CHECK_TEXT(typed("29 0e 29 e0 48 29 01 12"), "\177\033[A\033e"); // no character: forgotten
    CHECK_TEXT(typed("29 1d 2e 9d 12 29 38 12 b8"), "\003e\033e");
    CHECK_TEXT(typed("29 2a aa 12"), "ê"); // Shift by itself does not disturb
    use_layout("fr");
    CHECK_TEXT(typed("1a 12 2a 1a aa 12 2a 1a 16 aa 1a 39 2a 1a aa 39"), "êëÜ^¨");
    CHECK_TEXT(typed("1a 2a 1a aa 12"), "^¨e");
}

TEST(keyboard_levels)
{
    use_layout("de");
    CHECK_TEXT(typed("1e 15 1a 0c e0 38 10 2b 0c 08 56 e0 b8"), "azüß@’\\{|");
    CHECK_TEXT(typed("e0 38 2a 10 1f aa e0 b8"), "Ωẞ");
    CHECK_TEXT(typed("3a ba 1a 28 0c 0d"), "ÜÄẞ");
    use_layout("fr");
    CHECK_TEXT(typed("10 1e 2c 03 08 2a 03 aa e0 38 03 0b 12 e0 b8"), "aqwéè2~@€");
    CHECK_TEXT(typed("3a ba 10 03 2a 03 aa 28"), "AÉ2Ù");
}

TEST(keyboard_reboot)
{
    use_layout("us");
    typed("e0 53 e0 d3 1d e0 53 e0 d3 9d 38 e0 53 e0 d3 b8");
    CHECK_EQUAL(reboots, 0);
    typed("1d 38 e0 53 e0 53 e0 53 e0 d3 b8 9d");
    CHECK_EQUAL(reboots, 1); // not again for repetitions
    use_layout("de");
    typed("e0 1d e0 38 53 d3");
    CHECK_EQUAL(reboots, 2); // AltGr will do, and the keypad's Delete
}

TEST(keyboard_case)
{
    for (uint32_t i = 0; i <= UINT16_MAX; i++) {
        uint16_t other = compose_other_case((uint16_t)i);
        CHECK_EQUAL(compose_other_case(other), i);
        CHECK(other == i || (i < 0x180 ? other < 0x180 || i == 0xdf : i == 0x1e9e));
    }
    CHECK_EQUAL(compose_other_case(u'ÿ'), u'Ÿ');
    CHECK_EQUAL(compose_other_case(u'÷'), u'÷');
    CHECK_EQUAL(compose_other_case(u'ı'), u'ı');
    CHECK_EQUAL(compose_other_case(u'ĸ'), u'ĸ');
}

// Every level of every layout sends something sensible, with every modifier.
TEST(keyboard_tables)
{
    static const char *const names[] = { "us", "de", "fr" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct keymap *keymap = keymap_find(names[i]);
        CHECK(keymap != NULL && strcmp(keymap->name, names[i]) == 0);
        for (size_t j = 0; j < KEYMAP_KEY_COUNT * KEYMAP_LEVEL_COUNT; j++) {
            uint16_t character = keymap->characters[j / 4][j % 4];
            bool is_combining = character >= 0x300 && character < 0x370;
            CHECK(is_combining == compose_is_mark(character));
            CHECK(character == 0 || character >= ' ');
            CHECK(character < 0xd800 || character > 0xdfff);
        }
    }
    CHECK(keymap_find("") == NULL && keymap_find("U") == NULL && keymap_find("usa") == NULL);
    char text[16] = "";
    keymap_list_names(text, sizeof(text));
    CHECK_TEXT(text, "us, de, fr");
    keymap_list_names(text, 6);
    CHECK_TEXT(text, "us, d");
}

TEST(keyboard_random_bytes)
{
    static const char *const names[] = { "us", "de", "fr" };
    static const uint8_t often[] = { 0xe0, 0xe1, 0x1d, 0x38, 0x2a, 0x45, 0x29, 0x0d, 0x53, 0x9d };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        use_layout(names[i]);
        for (int j = 0; j < 300000; j++) {
            uint8_t byte = (uint8_t)random_number();
            if (random_below(3) == 0)
                byte = often[random_below(sizeof(often))];
            char *bytes = malloc(KEY_BYTES_LIMIT);
            CHECK(feed(byte, bytes) <= KEY_BYTES_LIMIT);
            free(bytes);
        }
    }
}
