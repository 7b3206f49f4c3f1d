// kernel/lib/command_line.c: words, quotes, `--`, limits, numbers.
#include <stdio.h>

#include "lib/command_line.h"
#include "lib/string.h"
#include "test.h"

static struct command_line line;
static char text[4096];

static void parse(const char *source)
{
    CHECK(string_copy(text, source, sizeof(text)));
    command_line_parse(&line, text);
}

TEST(command_line_words)
{
    parse("  loglevel=7\tpanic=5  quiet\n");
    CHECK_EQUAL(line.word_count, 3);
    CHECK_TEXT(line.words[0], "loglevel=7");
    CHECK_TEXT(line.words[2], "quiet");
    CHECK_TEXT(command_line_value(&line, "loglevel"), "7");
    CHECK_TEXT(command_line_value(&line, "quiet"), "");
    CHECK(command_line_value(&line, "log") == NULL);
    CHECK(command_line_value(&line, "absent") == NULL);
    CHECK(!line.overflow);
}

TEST(command_line_empty)
{
    parse("");
    CHECK_EQUAL(line.word_count, 0);
    parse("  \t\n ");
    CHECK_EQUAL(line.word_count, 0);
    CHECK_EQUAL(line.init_word_count, 0);
}

TEST(command_line_last_value_wins)
{
    parse("init=/bin/a init=/bin/b initrd=x");
    CHECK_TEXT(command_line_value(&line, "init"), "/bin/b");
}

TEST(command_line_quotes)
{
    parse("a=\"x y\" \"b=1 2\" c=\"\" d\"e f\"g \"\" open=\"to the end");
    CHECK_EQUAL(line.word_count, 6);
    CHECK_TEXT(command_line_value(&line, "a"), "x y");
    CHECK_TEXT(command_line_value(&line, "b"), "1 2");
    CHECK_TEXT(command_line_value(&line, "c"), "");
    CHECK_TEXT(line.words[3], "de fg");
    CHECK_TEXT(line.words[4], "");
    CHECK_TEXT(command_line_value(&line, "open"), "to the end");
}

TEST(command_line_after_dashes)
{
    parse("loglevel=4 \"--\" --x -- /bin/run \"a b\" -- loglevel=9");
    CHECK_EQUAL(line.word_count, 3); // quoted dashes and longer words are words
    CHECK_EQUAL(line.init_word_count, 4);
    CHECK_TEXT(line.init_words[0], "/bin/run");
    CHECK_TEXT(line.init_words[1], "a b");
    CHECK_TEXT(line.init_words[2], "--");
    CHECK_TEXT(command_line_value(&line, "loglevel"), "4");
}

TEST(command_line_overflow)
{
    char source[1024] = "";

    for (uint32_t i = 0; i < COMMAND_LINE_WORD_LIMIT; i++)
        strcat(source, "w ");
    parse(source);
    CHECK_EQUAL(line.word_count, COMMAND_LINE_WORD_LIMIT);
    CHECK(!line.overflow);
    strcat(source, "more -- to init");
    parse(source);
    CHECK_EQUAL(line.word_count, COMMAND_LINE_WORD_LIMIT);
    CHECK(line.overflow);
    CHECK_EQUAL(line.init_word_count, 2);
}

static bool number_is(const char *source, uint64_t minimum, uint64_t maximum, uint64_t expected)
{
    uint64_t value = 12345;

    parse(source);
    bool found = command_line_number(&line, "n", minimum, maximum, &value);
    return found ? value == expected : value == 12345 && expected == UINT64_MAX;
}

TEST(command_line_numbers)
{
    const uint64_t refused = UINT64_MAX;

    CHECK(number_is("n=0", 0, 10, 0));
    CHECK(number_is("n=10", 0, 10, 10));
    CHECK(number_is("n=0010", 0, 10, 10));
    CHECK(number_is("n=11", 0, 10, refused));
    CHECK(number_is("n=4", 5, 10, refused));
    CHECK(number_is("n=", 0, 10, refused));
    CHECK(number_is("n", 0, 10, refused));
    CHECK(number_is("", 0, 10, refused));
    CHECK(number_is("n=-1", 0, 10, refused));
    CHECK(number_is("n=+1", 0, 10, refused));
    CHECK(number_is("n=1x", 0, 10, refused));
    CHECK(number_is("n=18446744073709551614", 0, UINT64_MAX, UINT64_MAX - 1));
    CHECK(number_is("n=18446744073709551616", 0, UINT64_MAX, refused));
    CHECK(number_is("n=99999999999999999999999999", 0, UINT64_MAX, refused));
}
