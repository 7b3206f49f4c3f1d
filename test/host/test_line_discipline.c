// The line discipline against what Linux's N_TTY does with the same keys.
#include "line_fixture.h"
#include "test.h"

TEST(terminal_line_waits_for_its_end)
{
    start();
    type("hello");
    CHECK(!line_discipline_is_readable(&line, 1));
    CHECK_EQUAL(line_discipline_readable_count(&line), 0);
    CHECK_TEXT(take(100), "");
    type("\rnext\r");
    CHECK(line_discipline_is_readable(&line, 1));
    CHECK_EQUAL(line_discipline_readable_count(&line), 11);
    CHECK_TEXT(take(100), "hello\n");
    CHECK_TEXT(take(2), "ne");
    CHECK_TEXT(take(100), "xt\n");
    CHECK(!line_discipline_is_readable(&line, 1));
    CHECK_TEXT(shown, "hello\r\nnext\r\n");
}

TEST(terminal_erase_takes_characters_back)
{
    start();
    type("ab\x7f\x7f\x7f\x7fxy\r");
    CHECK_TEXT(shown, "ab\b \b\b \bxy\r\n");
    CHECK_TEXT(take(100), "xy\n");
    forget_shown();
    type("a\x16\x03\x7f\x7f\r"); // a control character takes two cells
    CHECK_TEXT(shown, "a^\b^C\b \b\b \b\b \b\r\n");
    CHECK_TEXT(take(100), "\n");
}

TEST(terminal_erase_knows_utf8)
{
    start();
    type("a\xc3\xa4\xe2\x82\xac");
    forget_shown();
    type("\x7f");
    CHECK_TEXT(shown, "\b \b");
    type("\x7f\x7f");
    CHECK_TEXT(shown, "\b \b\b \b\b \b");
    type("\xa4\x7f\r"); // no first byte: nothing to erase
    CHECK_TEXT(take(100), "\xa4\n");
    change(&line.settings.input_flags, 0, IUTF8);
    type("\xc3\xa4\x7f\r");
    CHECK_TEXT(take(100), "\xc3\n");
}

TEST(terminal_erase_goes_back_over_tabs)
{
    start();
    type("ab\t");
    forget_shown();
    type("\x7f");
    CHECK_TEXT(shown, "\b\b\b\b\b\b");
    CHECK_EQUAL(line.column, 2);
    type("\x15");
    (void)output("> ", 100); // a prompt: the line begins in column 2
    type("\t");
    forget_shown();
    type("\x7f");
    CHECK_TEXT(shown, "\b\b\b\b\b\b");
    type("\t\t");
    forget_shown();
    type("\x7f");
    CHECK_TEXT(shown, "\b\b\b\b\b\b\b\b");
}

TEST(terminal_word_and_line_are_erased)
{
    start();
    type("one two_2, \x17\x17");
    CHECK_TEXT(shown, "one two_2, \b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b");
    type("x\x17\r"); // the second took "one " with its blank
    CHECK_TEXT(take(100), "\n");
    forget_shown();
    type("abc\x15z\r");
    CHECK_TEXT(shown, "abc\b \b\b \b\b \bz\r\n");
    CHECK_TEXT(take(100), "z\n");
    change(&line.settings.local_flags, 0, ECHOKE);
    forget_shown();
    type("abc\x15z\r");
    CHECK_TEXT(shown, "abc^U\r\nz\r\n");
    CHECK_TEXT(take(100), "z\n");
    change(&line.settings.local_flags, 0, ECHOE);
    forget_shown();
    type("a\x7fz\r");
    CHECK_TEXT(shown, "a^?z\r\n");
}

TEST(terminal_word_erase_stops_between_words)
{
    start();
    type("one two\x17\r");
    CHECK_TEXT(take(100), "one \n");
    type("/bin/l\xc3\xa4s..\x17\r");
    CHECK_TEXT(take(100), "/bin/\n");
}

TEST(terminal_end_of_file_ends_a_read)
{
    size_t length;
    char text[8];
    start();
    type("abc\x04\x04");
    CHECK_EQUAL(line_discipline_readable_count(&line), 3);
    CHECK_TEXT(take(100), "abc");
    CHECK(line_discipline_is_readable(&line, 1));
    CHECK(line_discipline_take(&line, text, sizeof(text), &length));
    CHECK_EQUAL(length, 0);
    CHECK(!line_discipline_is_readable(&line, 1));
    type("abc\x04"); // a read that is full takes the end along
    CHECK_TEXT(take(3), "abc");
    CHECK(!line_discipline_is_readable(&line, 1));
    CHECK_TEXT(shown, "abcabc");
}

TEST(terminal_other_line_ends)
{
    start();
    line.settings.control_characters[VEOL] = ';';
    line.settings.control_characters[VEOL2] = '!';
    type("a;b!c\n");
    CHECK_TEXT(take(100), "a;");
    CHECK_TEXT(take(100), "b!");
    CHECK_TEXT(take(100), "c\n");
    CHECK_TEXT(shown, "a;b!c\r\n");
    line_discipline_receive(&line, "\0\0\r", 3); // disabled keys are not the byte 0
    CHECK_EQUAL(line_discipline_readable_count(&line), 3);
}

TEST(terminal_keys_send_signals)
{
    start();
    type("abc\x03"
         "d\x1c"
         "e\x1a"
         "f\r");
    CHECK_TEXT(sent, "2 3 20 ");
    CHECK_TEXT(shown, "abc^Cd^\\e^Zf\r\n");
    CHECK_TEXT(take(100), "f\n");
    change(&line.settings.local_flags, NOFLSH, 0);
    type("abc\x03"
         "d\r");
    CHECK_TEXT(take(100), "abcd\n");
    change(&line.settings.local_flags, 0, ISIG);
    type("\x03\r");
    CHECK_TEXT(take(100), "\x03\n");
    CHECK_TEXT(sent, "2 3 20 2 ");
}

TEST(terminal_literal_next)
{
    start();
    type("\x16\x03\x16\x7f\x16\r\x16\n\x16\x16\r");
    CHECK_TEXT(sent, "");
    CHECK_TEXT(take(100), "\x03\x7f\r\n\x16\n");
    CHECK_TEXT(shown, "^\b^C^\b^?^\b^M^\b^J^\b^V\r\n");
}

TEST(terminal_reprint)
{
    start();
    type("ab\x16\x01\x12");
    CHECK_TEXT(shown, "ab^\b^A^R\r\nab^A");
    change(&line.settings.local_flags, 0, IEXTEN);
    type("\x12\r");
    CHECK_TEXT(take(100), "ab\x01\x12\n");
}

TEST(terminal_line_end_translation)
{
    start();
    change(&line.settings.input_flags, INLCR | IGNCR, 0);
    type("a\rb\n");
    CHECK(!line_discipline_is_readable(&line, 1));
    change(&line.settings.input_flags, ISTRIP, IGNCR | INLCR | IUTF8);
    type("\xe1\r");
    CHECK_TEXT(take(100), "ab\ra\n");
}

TEST(terminal_echo_flags)
{
    start();
    change(&line.settings.local_flags, 0, ECHO);
    type("secret\x7f\x17x\x15\r");
    CHECK_TEXT(shown, "");
    CHECK_TEXT(take(100), "\n");
    change(&line.settings.local_flags, ECHONL, 0);
    type("s\r");
    CHECK_TEXT(shown, "\r\n");
    change(&line.settings.local_flags, ECHO, ECHOCTL);
    forget_shown();
    type("\x01\r");
    CHECK_TEXT(shown, "\x01\r\n");
}

TEST(terminal_flow_control)
{
    start();
    type("\x13");
    CHECK(line_discipline_holds_output(&line));
    type("\x11");
    CHECK(!line_discipline_holds_output(&line));
    type("\x13\x03");
    CHECK(!line_discipline_holds_output(&line));
    type("\x13"
         "a");
    CHECK(line_discipline_holds_output(&line));
    change(&line.settings.input_flags, IXANY, 0);
    type("b");
    CHECK(!line_discipline_holds_output(&line));
    type("\x13");
    change(&line.settings.input_flags, 0, IXON);
    CHECK(!line_discipline_holds_output(&line));
    type("\x13\r");
    CHECK_TEXT(take(100), "ab\x13\n");
}

TEST(terminal_line_limit)
{
    char many[LINE_BUFFER_SIZE + 10];
    memset(many, 'x', sizeof(many));
    start();
    change(&line.settings.input_flags, IMAXBEL, 0);
    line_discipline_receive(&line, many, sizeof(many));
    CHECK_EQUAL(shown_length, sizeof(many));
    CHECK_EQUAL(shown[LINE_LIMIT - 1], 'x');
    CHECK_EQUAL(shown[LINE_LIMIT], '\a');
    type("\x7f\x7fy\r");
    CHECK_EQUAL(line_discipline_readable_count(&line), LINE_LIMIT);
    CHECK_EQUAL(strlen(take(LINE_BUFFER_SIZE)), LINE_LIMIT);
    change(&line.settings.input_flags, 0, IMAXBEL);
    line_discipline_receive(&line, many, sizeof(many));
    type("\r");
    CHECK_EQUAL(strlen(take(LINE_BUFFER_SIZE)), LINE_BUFFER_SIZE);
}

TEST(terminal_full_buffer_still_takes_signals)
{
    char many[LINE_BUFFER_SIZE];
    memset(many, '\r', sizeof(many));
    start();
    line_discipline_receive(&line, many, sizeof(many));
    CHECK_EQUAL(line_discipline_readable_count(&line), LINE_BUFFER_SIZE);
    type("lost\r\x03");
    CHECK_TEXT(sent, "2 ");
    CHECK_EQUAL(line_discipline_readable_count(&line), 0);
}

TEST(terminal_raw_takes_what_is_there)
{
    start_raw();
    type("a\r\x03\x04");
    CHECK(line_discipline_is_readable(&line, 4) && !line_discipline_is_readable(&line, 5));
    CHECK_TEXT(take(2), "a\r");
    CHECK_TEXT(take(100), "\x03\x04");
    CHECK(!line_discipline_is_readable(&line, 0));
    CHECK_TEXT(shown, "");
}

TEST(terminal_mode_changes_keep_input)
{
    start();
    type("one\rtw\x04"
         "o");
    change(&line.settings.local_flags, 0, ICANON);
    CHECK_EQUAL(line_discipline_readable_count(&line), 8); // the end of file is a byte 0 now
    change(&line.settings.local_flags, ICANON, 0);
    CHECK(line_discipline_is_readable(&line, 1));
    CHECK_EQUAL(line_discipline_readable_count(&line), 8);
    CHECK_TEXT(take(4), "one\n");
    CHECK_TEXT(take(100), "tw");
    CHECK(!line_discipline_is_readable(&line, 1));
}

TEST(terminal_flush)
{
    start();
    type("one\rtwo\x16");
    line_discipline_flush_input(&line);
    type("\x03");
    CHECK_TEXT(sent, "2 ");
    CHECK(!line_discipline_is_readable(&line, 1));
}

TEST(terminal_output_processing)
{
    start();
    CHECK_TEXT(output("a\nb\tc\r", 100), "a\r\nb\tc\r");
    CHECK_EQUAL(line.column, 0);
    change(&line.settings.output_flags, XTABS, 0);
    CHECK_TEXT(output("abc\td", 100), "abc     d");
    CHECK_TEXT(output("\xc3\xa4\b\b\t", 100), "\xc3\xa4\b\b        ");
    change(&line.settings.output_flags, OCRNL | ONOCR, ONLCR);
    CHECK_TEXT(output("a\rb\n", 100), "a\nb\n");
    change(&line.settings.output_flags, ONLRET, OCRNL);
    CHECK_TEXT(output("a\n\rb", 100), "a\nb");
    change(&line.settings.output_flags, 0, OPOST);
    CHECK_TEXT(output("a\nb\r", 100), "a\nb\r");
}

TEST(terminal_output_goes_on_where_it_did_not_fit)
{
    size_t produced;
    char result[16];
    start();
    CHECK_EQUAL(line_discipline_output(&line, "aaaaaaaa\n\n\n", 11, result, 12, &produced), 5);
    CHECK_EQUAL(produced, 5);
    change(&line.settings.output_flags, 0, OPOST);
    CHECK_EQUAL(line_discipline_output(&line, "aaaaaaaa\n\n\n", 11, result, 4, &produced), 4);
}

TEST(terminal_case_is_changed)
{
    start();
    change(&line.settings.input_flags, IUCLC, 0);
    change(&line.settings.output_flags, OLCUC, 0);
    type("aBc\r");
    CHECK_TEXT(shown, "ABC\r\n");
    CHECK_TEXT(take(100), "abc\n");
    CHECK_TEXT(output("one {Two}", 100), "ONE {TWO}");
    change(&line.settings.local_flags, 0, IEXTEN);
    type("B\r");
    CHECK_TEXT(take(100), "B\n");
}

TEST(terminal_flags_without_effect)
{
    start_raw();
    change(&line.settings.input_flags, PARMRK, 0);
    change(&line.settings.local_flags, 0x400 | ECHONL, 0); // ECHOPRT
    CHECK(line.settings.local_flags & ECHONL);
    CHECK(!(line.settings.local_flags & 0x400));
    type("a\xff");
    CHECK_TEXT(take(100), "a\xff\xff");
}
