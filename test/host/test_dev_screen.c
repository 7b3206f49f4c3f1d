// Text on framebuffers of several shapes, compared pixel by pixel with a drawing of its own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/font.h"
#include "dev/screen.h"
#include "test.h"

#define LINE_COUNT 400
#define UNTOUCHED 0x55555555u
#define FONT_WIDTH 8u
#define FONT_HEIGHT 16u
#define ROW_LIMIT 135u // of the screen's own memory

struct shape {
    uint32_t width, height, stride, format;
    uint32_t scale;
};

static size_t make_line(char *text, size_t size, int number)
{
    return (size_t)snprintf(text, size, "[%d] line %d%s", number, number * 7,
                            number % 10 == 0 ? " and something more" : "");
}

// The last lines of the text, the empty one that the last '\n' began being the lowest.
static bool wanted_pixel(const struct shape *shape, uint32_t x, uint32_t y)
{
    uint32_t rows = min_of(shape->height / (FONT_HEIGHT * shape->scale), ROW_LIMIT);
    uint32_t row = y / (FONT_HEIGHT * shape->scale), column = x / (FONT_WIDTH * shape->scale);
    char text[100];

    if (row + 1 >= rows) // and what lies below the last row
        return false;
    size_t length = make_line(text, sizeof(text), LINE_COUNT - (int)(rows - 1) + (int)row);
    if (column >= length)
        return false;
    uint8_t bits = font_glyph(font_find((uint8_t)text[column]))[y / shape->scale % FONT_HEIGHT];
    return bits >> (7 - x / shape->scale % FONT_WIDTH) & 1;
}

static void check_pixels(const struct shape *shape, const uint32_t *pixels)
{
    for (uint32_t y = 0; y < shape->height; y++) {
        const uint32_t *line = pixels + (size_t)y * shape->stride;
        for (uint32_t x = 0; x < shape->width; x++)
            CHECK((line[x] != 0) == wanted_pixel(shape, x, y));
        for (uint32_t x = shape->width; x < shape->stride; x++)
            CHECK_EQUAL(line[x], UNTOUCHED);
    }
}

static void check_shape(const struct shape *shape)
{
    size_t size = (size_t)shape->stride * shape->height * sizeof(uint32_t);
    uint32_t *pixels = malloc(size);
    struct boot_framebuffer framebuffer = { .size = size,
                                            .width = shape->width,
                                            .height = shape->height,
                                            .stride = shape->stride,
                                            .format = shape->format,
                                            .red_mask = 0x3ff00000,
                                            .green_mask = 0xffc00,
                                            .blue_mask = 0x3ff };

    CHECK(pixels != NULL);
    memset(pixels, 0x55, size);
    CHECK(screen_init(&framebuffer, pixels));
    for (int i = 0; i < LINE_COUNT; i++) {
        char text[100];
        size_t length = make_line(text, sizeof(text) - 1, i);
        text[length++] = '\n';
        screen_write(text, length);
        if (i % 3 == 0)
            (void)screen_draw();
    }
    while (screen_draw())
        ;
    check_pixels(shape, pixels);
    // Anything may be written: broken UTF-8, controls, lines longer than the screen.
    for (int i = 0; i < 20000; i++) {
        char byte = (char)random_number();
        screen_write(&byte, 1);
    }
    while (screen_draw())
        ;
    free(pixels);
}

TEST(dev_screen_1280_by_800)
{
    check_shape(&(struct shape){ 1280, 800, 1280, BOOT_PIXEL_BGRX, 1 });
}

TEST(dev_screen_odd_sizes_and_margins)
{
    check_shape(&(struct shape){ 801, 601, 1023, BOOT_PIXEL_RGBX, 1 });
}

TEST(dev_screen_double_size)
{
    check_shape(&(struct shape){ 3840, 400, 3847, BOOT_PIXEL_MASKS, 2 });
}

TEST(dev_screen_with_more_rows_than_there_is_memory_for)
{
    check_shape(&(struct shape){ 320, 2400, 320, BOOT_PIXEL_RGBX, 1 });
}

TEST(dev_screen_of_one_cell)
{
    check_shape(&(struct shape){ 8, 16, 9, BOOT_PIXEL_RGBX, 1 });
}

TEST(dev_screen_refuses_what_it_cannot_draw_on)
{
    static uint32_t pixels[1000];
    struct boot_framebuffer framebuffer = {
        .size = sizeof(pixels), .width = 10, .height = 20, .stride = 10, .format = BOOT_PIXEL_RGBX
    };

    CHECK(screen_init(&framebuffer, pixels));
    framebuffer.size = 799;
    CHECK(!screen_init(&framebuffer, pixels));
    framebuffer.size = sizeof(pixels);
    framebuffer.format = BOOT_PIXEL_NONE;
    CHECK(!screen_init(&framebuffer, pixels));
    framebuffer.format = BOOT_PIXEL_RGBX;
    framebuffer.height = 10; // no room for a character
    CHECK(!screen_init(&framebuffer, pixels));
    framebuffer.height = 20;
    framebuffer.stride = 9;
    CHECK(!screen_init(&framebuffer, pixels));
}
