// kernel/lib/string.c, under its other names, against the C library for every length, alignment and
// overlap that its branches tell apart.
#include <stdlib.h>
#include <string.h>

#include "lib/string.h"
#include "test.h"

void *kernel_memcpy(void *destination, const void *source, size_t length);
void *kernel_memmove(void *destination, const void *source, size_t length);
void *kernel_memset(void *destination, int byte, size_t length);
int kernel_memcmp(const void *a, const void *b, size_t length);
size_t kernel_strlen(const char *text);
size_t kernel_strnlen(const char *text, size_t limit);
int kernel_strcmp(const char *a, const char *b);
int kernel_strncmp(const char *a, const char *b, size_t limit);
const char *kernel_strchr(const char *text, char wanted);

#define AREA 160
#define LONGEST 70

static void fill_random(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_number();
}

TEST(string_memcpy)
{
    uint8_t source[AREA], copy[AREA], expected[AREA];

    for (size_t length = 0; length < LONGEST; length++) {
        for (size_t shift = 0; shift < 64; shift++) {
            fill_random(source, AREA);
            fill_random(copy, AREA);
            memcpy(expected, copy, AREA);
            memcpy(expected + shift / 8, source + shift % 8, length);
            CHECK(kernel_memcpy(copy + shift / 8, source + shift % 8, length) == copy + shift / 8);
            CHECK(memcmp(copy, expected, AREA) == 0);
        }
    }
}

TEST(string_memmove_overlaps)
{
    uint8_t area[AREA], expected[AREA];

    for (size_t length = 0; length < LONGEST; length++) {
        for (size_t from = 0; from < 40; from++) {
            for (size_t to = 0; to < 40; to++) {
                fill_random(area, AREA);
                memcpy(expected, area, AREA);
                memmove(expected + to, expected + from, length);
                CHECK(kernel_memmove(area + to, area + from, length) == area + to);
                CHECK(memcmp(area, expected, AREA) == 0);
            }
        }
    }
}

TEST(string_memset)
{
    uint8_t area[AREA], expected[AREA];

    for (size_t length = 0; length < LONGEST; length++) {
        for (size_t shift = 0; shift < 9; shift++) {
            fill_random(area, AREA);
            memcpy(expected, area, AREA);
            memset(expected + shift, (int)(0x100 + length), length);
            CHECK(kernel_memset(area + shift, (int)(0x100 + length), length) == area + shift);
            CHECK(memcmp(area, expected, AREA) == 0);
        }
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

TEST(string_memcmp)
{
    uint8_t a[AREA], b[AREA];

    for (size_t length = 0; length < 40; length++) {
        for (size_t differing = 0; differing < 44; differing++) {
            fill_random(a, AREA);
            memcpy(b, a, AREA);
            b[differing] ^= 0x80;
            b[differing + 1] ^= 0x01;
            CHECK(sign(kernel_memcmp(a, b, length)) == sign(memcmp(a, b, length)));
            CHECK(sign(kernel_memcmp(b, a, length)) == sign(memcmp(b, a, length)));
        }
    }
}

TEST(string_text_functions)
{
    static const char *const texts[] = { "", "a", "b", "ab", "abc", "abcdefgh", "\xff", "ab\xff" };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CHECK_EQUAL(kernel_strlen(texts[i]), strlen(texts[i]));
        CHECK(kernel_strchr(texts[i], 'c') == strchr(texts[i], 'c'));
        CHECK(kernel_strchr(texts[i], '\0') == strchr(texts[i], '\0'));
        for (size_t limit = 0; limit < 10; limit++)
            CHECK_EQUAL(kernel_strnlen(texts[i], limit), strnlen(texts[i], limit));
        for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
            CHECK(sign(kernel_strcmp(texts[i], texts[j])) == sign(strcmp(texts[i], texts[j])));
            for (size_t limit = 0; limit < 5; limit++)
                CHECK(sign(kernel_strncmp(texts[i], texts[j], limit)) ==
                      sign(strncmp(texts[i], texts[j], limit)));
        }
    }
}

// Functions with a limit read nothing beyond it: the page that follows does not exist for ASan.
TEST(string_limits_are_kept)
{
    char *three = malloc(3);

    CHECK(three != NULL);
    memcpy(three, "xyz", 3);
    CHECK_EQUAL(kernel_strnlen(three, 3), 3);
    CHECK_EQUAL(kernel_strncmp(three, "xyz", 3), 0);
    free(three);
}

TEST(string_copy_terminates)
{
    char buffer[8] = "1234567";

    CHECK(string_copy(buffer, "abc", sizeof(buffer)));
    CHECK_TEXT(buffer, "abc");
    CHECK(string_copy(buffer, "abcdefg", sizeof(buffer)));
    CHECK_TEXT(buffer, "abcdefg");
    CHECK(!string_copy(buffer, "ABCDEFGH", sizeof(buffer)));
    CHECK_TEXT(buffer, "ABCDEFG");
    CHECK(!string_copy(buffer, "x", 1));
    CHECK_TEXT(buffer, "");
    buffer[0] = 'q';
    CHECK(!string_copy(buffer, "", 0));
    CHECK(buffer[0] == 'q');
    CHECK(string_copy(buffer, "", 1));
    CHECK_TEXT(buffer, "");
}
