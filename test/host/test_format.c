// kernel/lib/format.c against the C library's snprintf.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/format.h"
#include "lib/string.h"
#include "test.h"

#define CHECK_FORMAT(...)                                                                          \
    do {                                                                                           \
        char ours[200], theirs[200];                                                               \
        size_t our_length = format_text(ours, sizeof(ours), __VA_ARGS__);                          \
        int their_length = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                          \
        CHECK_TEXT(ours, theirs);                                                                  \
        CHECK_EQUAL(our_length, their_length);                                                     \
    } while (0)

TEST(format_integers)
{
    static const int64_t values[] = { 0,     1,       -1,      7,        -42,       255,
                                      65536, INT_MAX, INT_MIN, UINT_MAX, INT64_MAX, INT64_MIN };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        int small = (int)values[i];
        unsigned natural = (unsigned)values[i];
        long long large = values[i];
        unsigned long whole = (unsigned long)values[i];

        CHECK_FORMAT("%d|%i|%u|%x|%X", small, small, natural, natural, natural);
        CHECK_FORMAT("%12d|%-12d|%012d", small, small, small);
        CHECK_FORMAT("%#x|%#X|%#10x|%#010x|%-#10x|", natural, natural, natural, natural, natural);
        CHECK_FORMAT("%lld|%llu|%llx|%25lld|%-25lld|%025lld", large, (unsigned long long)large,
                     (unsigned long long)large, large, large, large);
        CHECK_FORMAT("%ld|%lu|%lx|%zu|%zd", (long)whole, whole, whole, (size_t)whole,
                     (ssize_t)whole);
        CHECK_FORMAT("%hd|%hu|%hx", (short)small, (unsigned short)natural, (unsigned short)natural);
        CHECK_FORMAT("%hhd|%hhu|%hhx", (signed char)small, (unsigned char)natural,
                     (unsigned char)natural);
    }
}

TEST(format_text_and_characters)
{
    const char unterminated[3] = { 'a', 'b', 'c' };

    CHECK_FORMAT("plain");
    CHECK_FORMAT("100%%");
    CHECK_FORMAT("%s|%10s|%-10s|%2s", "text", "text", "text", "text");
    CHECK_FORMAT("%.2s|%.0s|%.9s|%10.2s|%-10.2s|", "text", "text", "text", "text", "text");
    CHECK_FORMAT("%.*s|%*s|%-*s|%*s|", 2, "text", 8, "text", 8, "text", -8, "text");
    CHECK_FORMAT("%.*s", -1, "all of it");
    CHECK_FORMAT("%.3s", unterminated);
    CHECK_FORMAT("%c%c|%5c|%-5c|", 'a', 'b', 'c', 'd');
    CHECK_FORMAT("%p|%20p|%-20p|", (void *)0x1234abcd, (void *)0x99, (void *)0x99);
}

// What the C library does otherwise or leaves undefined. The format is no literal, so that the
// compiler does not object.
TEST(format_own_rules)
{
    char text[64];
    const char *format = "%q %";

    CHECK_EQUAL(format_text(text, sizeof(text), format, 1), 4);
    CHECK_TEXT(text, "%q %");
    format_text(text, sizeof(text), "%p", NULL);
    CHECK_TEXT(text, "0x0");
    format = "%s|%08s|%-06d|";
    format_text(text, sizeof(text), format, NULL, "x", 5);
    CHECK_TEXT(text, "(null)|       x|5     |");
}

TEST(format_truncates)
{
    char expected[64], *text;

    int length = snprintf(expected, sizeof(expected), "%s-%08d-%-6s|", "begin", 1234, "end");
    for (size_t size = 1; size < 40; size++) {
        text = malloc(size); // exactly as big as it is said to be
        CHECK(text != NULL);
        CHECK_EQUAL(format_text(text, size, "%s-%08d-%-6s|", "begin", 1234, "end"), length);
        CHECK(strncmp(text, expected, size - 1) == 0);
        CHECK_EQUAL(strlen(text), min_of(size - 1, (size_t)length));
        free(text);
    }
    CHECK_EQUAL(format_text(NULL, 0, "%d", 12345), 5);
}
