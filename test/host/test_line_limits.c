// What a row of keys may cost, whatever the line: interrupts are off meanwhile.
#include "line_fixture.h"
#include "test.h"

static void type_many(char key, size_t count)
{
    for (size_t i = 0; i < count; i++)
        line_discipline_receive(&line, &key, 1);
}

// A pattern repeated to the size of one call.
static void type_burst(const char *pattern)
{
    char keys[LINE_RECEIVE_LIMIT];
    for (size_t i = 0; i < sizeof(keys); i++)
        keys[i] = pattern[i % strlen(pattern)];
    line_discipline_receive(&line, keys, sizeof(keys));
}

TEST(terminal_long_line_is_killed_in_short)
{
    start();
    type_many('x', LINE_REDRAW_LIMIT);
    forget_shown();
    type("\x15");
    CHECK_EQUAL(shown_length, 3 * LINE_REDRAW_LIMIT);
    type_many('x', LINE_REDRAW_LIMIT + 1);
    forget_shown();
    type("\x15y\r");
    CHECK_TEXT(shown, "^U\r\ny\r\n");
    CHECK_TEXT(take(100), "y\n");
}

TEST(terminal_long_word_is_erased_in_parts)
{
    start();
    type("one ");
    type_many('x', 2 * LINE_REDRAW_LIMIT - 10);
    forget_shown();
    type("\x17\x17");
    CHECK_EQUAL(shown_length, 3 * LINE_REDRAW_LIMIT);
    CHECK_EQUAL(line.head - line.line, 4 + LINE_REDRAW_LIMIT - 10);
    type("\x17");
    CHECK_EQUAL(line.head - line.line, 4);
    type("two\r");
    CHECK_TEXT(take(100), "one two\n");
}

TEST(terminal_long_line_is_reprinted_in_part)
{
    start();
    type_many('x', 3000);
    type("\xc3\xa4"); // two bytes, of which the first does not fit
    type_many('y', LINE_REDRAW_LIMIT - 1);
    forget_shown();
    type("\x12\x12\x12");
    CHECK_EQUAL(shown_length, 4 + LINE_REDRAW_LIMIT - 1);
    CHECK(memcmp(shown, "^R\r\nyyy", 7) == 0);
    forget_shown();
    type("\x12");
    CHECK(memcmp(shown, "^R\r\nyyy", 7) == 0);
}

TEST(terminal_erase_of_no_character_is_bounded)
{
    start();
    type("a");
    type_many((char)0x80, 3);
    type("\x7f");
    CHECK_EQUAL(line.head - line.line, 0); // as one character
    type("a");
    type_many((char)0x80, 10);
    type("\x7f");
    CHECK_EQUAL(line.head - line.line, 10);
}

TEST(terminal_tabs_are_erased_without_output_processing)
{
    start();
    change(&line.settings.output_flags, 0, OPOST);
    type("abc\t");
    forget_shown();
    type("\x7f");
    CHECK_TEXT(shown, "\b\b\b\b\b");
}

// Whatever the line and the settings: what one call may show.
TEST(terminal_echo_of_a_call_is_bounded)
{
    static const char *const patterns[] = { "\x15", "\x17",     "\x12",     "\x7f",
                                            "\t",   "\x01",     "\n",       "\t\x7f",
                                            "\x03", "\x12\x15", "\x17\x12", "\t\t\t\t\t\t\t\x15" };
    static const char fillings[] = { 'x', '\t', '\x01', ' ', (char)0x80, (char)0xc3 };
    for (size_t p = 0; p < ARRAY_SIZE(patterns); p++) {
        for (size_t f = 0; f < ARRAY_SIZE(fillings); f++) {
            start();
            change(&line.settings.output_flags, XTABS, 0);
            change(&line.settings.input_flags, IMAXBEL, 0);
            type_many(fillings[f], LINE_LIMIT - 40);
            forget_shown();
            type_burst(patterns[p]);
            CHECK(shown_length <= LINE_ECHO_LIMIT);
        }
    }
}
