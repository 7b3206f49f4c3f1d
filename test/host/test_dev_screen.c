// Text on framebuffers of several shapes, compared pixel by pixel with a drawing of its own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/font.h"
#include "dev/screen.h"
#include "test.h"

#define LINE_COUNT 400
#define UNTOUCHED 0x55u
#define GUARD_SIZE 8192u // bytes on both sides of the framebuffer, not to be written
#define FONT_WIDTH 8u
#define FONT_HEIGHT 16u
#define ROW_LIMIT 135u // of the screen's own memory
#define COLUMN_LIMIT 480u
#define NOWHERE UINT32_MAX
#define GREY 7u

struct shape {
    uint32_t width, height, stride, format;
    uint32_t scale, pixel_bytes;
    uint32_t red, green, blue, reserved; // masks
    uint8_t *pixels;
    uint32_t cursor_row, cursor_column; // or NOWHERE
};

struct look {
    uint32_t foreground, background;
};

static uint32_t row_count(const struct shape *shape)
{
    return min_of(shape->height / (FONT_HEIGHT * shape->scale), ROW_LIMIT);
}

// Every line in other colours; the bright foregrounds by bold or by their own codes.
static struct look line_look(int number)
{
    return (struct look){ (uint32_t)number % 16, (uint32_t)(number / 3) % 16 };
}

static size_t make_line(char *text, size_t size, int number)
{
    return (size_t)snprintf(text, size, "[%d] line %d%s", number, number * 7,
                            number % 10 == 0 ? " and something more" : "");
}

static void write_line(int number)
{
    struct look look = line_look(number);
    char text[100], line[200];

    make_line(text, sizeof(text), number);
    bool bold = look.foreground >= 8 && number % 2 != 0;
    uint32_t foreground =
        look.foreground < 8 || bold ? 30 + look.foreground % 8 : 90 + look.foreground % 8;
    uint32_t background = look.background < 8 ? 40 + look.background : 100 + look.background % 8;
    size_t length = (size_t)snprintf(line, sizeof(line), "\033[%d;%u;%um%s\033[m\r\n", bold ? 1 : 0,
                                     foreground, background, text);
    screen_write(line, length);
}

// The last lines of the text, the empty one that the last line end began being the lowest.
static bool find_look(const struct shape *shape, uint32_t x, uint32_t y, struct look *look)
{
    uint32_t row = y / (FONT_HEIGHT * shape->scale), column = x / (FONT_WIDTH * shape->scale);
    int number = LINE_COUNT - (int)(row_count(shape) - 1) + (int)row;
    char text[100] = "";

    *look = (struct look){ GREY, 0 };
    if (row >= row_count(shape) || column >= COLUMN_LIMIT ||
        column >= shape->width / (FONT_WIDTH * shape->scale))
        return false; // margins
    size_t length = row + 1 < row_count(shape) ? make_line(text, sizeof(text), number) : 0;
    if (column < length)
        *look = line_look(number);
    if (row == shape->cursor_row && column == shape->cursor_column)
        *look = (struct look){ look->background, look->foreground };
    uint8_t character = column < length ? (uint8_t)text[column] : ' ';
    uint8_t bits = font_glyph(font_find(character))[y / shape->scale % FONT_HEIGHT];
    return bits >> (7 - x / shape->scale % FONT_WIDTH) & 1;
}

static uint32_t to_field(uint32_t mask, uint32_t value)
{
    double highest = mask != 0 ? mask >> __builtin_ctz(mask) : 0;

    return mask != 0 ? (uint32_t)(value * highest / 255 + 0.5) << __builtin_ctz(mask) : 0;
}

static uint32_t to_pixel(const struct shape *shape, uint32_t colour)
{
    uint32_t high = colour >= 8 ? 0x55 : 0; // the VGA's colours: bright ones have 0x55 more
    uint32_t red = high + (colour & 1 ? 0xaa : 0), blue = high + (colour & 4 ? 0xaa : 0);
    uint32_t green = high + (colour & 2 ? colour == 3 ? 0x55 : 0xaa : 0);

    return to_field(shape->red, red) | to_field(shape->green, green) | to_field(shape->blue, blue);
}

static void check_pixels(const struct shape *shape)
{
    size_t size = (size_t)shape->stride * shape->height * shape->pixel_bytes;

    for (uint32_t y = 0; y < shape->height; y++) {
        const uint8_t *line = shape->pixels + (size_t)y * shape->stride * shape->pixel_bytes;
        for (uint32_t x = 0; x < shape->width; x++) {
            struct look look;
            bool lit = find_look(shape, x, y, &look);
            uint32_t pixel = 0;
            memcpy(&pixel, line + x * shape->pixel_bytes, shape->pixel_bytes);
            CHECK_EQUAL(pixel, to_pixel(shape, lit ? look.foreground : look.background));
        }
        for (uint32_t i = shape->width * shape->pixel_bytes; i < shape->stride * shape->pixel_bytes;
             i++)
            CHECK_EQUAL(line[i], UNTOUCHED);
    }
    for (uint32_t i = 1; i <= GUARD_SIZE; i++) {
        CHECK_EQUAL(shape->pixels[-(ptrdiff_t)i], UNTOUCHED);
        CHECK_EQUAL(shape->pixels[size + i - 1], UNTOUCHED);
    }
}

static void draw_all(void)
{
    while (screen_draw())
        ;
}

static void write_lines(void)
{
    for (int i = 0; i < LINE_COUNT; i++) {
        write_line(i);
        for (uint64_t pieces = random_below(60); pieces > 0; pieces--)
            (void)screen_draw();
        if (i == LINE_COUNT / 2)
            draw_all();
    }
    draw_all();
}

static void write_text(const char *text)
{
    screen_write(text, strlen(text));
}

// Anything may be written: broken UTF-8, controls, halves of sequences, both screens.
static void write_rubbish(void)
{
    static const char *const starts[] = { "\033[",     "\033[?1049h", "\033[?47h", "\033(0",
                                          "\033[5;9r", "\033]",       "\033[41;7m" };

    for (int i = 0; i < 20000; i++) {
        char byte = (char)random_number();
        if (random_below(10) == 0)
            write_text(starts[random_below(sizeof(starts) / sizeof(starts[0]))]);
        screen_write(&byte, 1);
        if (random_below(100) == 0)
            (void)screen_draw();
    }
}

static void check_cursor(struct shape *shape)
{
    write_text("\033[1;1H");
    draw_all();
    write_text("\033[2;3H");
    (void)screen_draw();
    shape->cursor_row = min_of(row_count(shape) - 1, 1u);
    shape->cursor_column = min_of(shape->width / (FONT_WIDTH * shape->scale) - 1, 2u);
    draw_all();
    check_pixels(shape);
    write_text("\033[?25l");
    shape->cursor_row = NOWHERE;
    draw_all();
    check_pixels(shape);
}

static void check_shape(struct shape shape)
{
    size_t size = (size_t)shape.stride * shape.height * shape.pixel_bytes;
    uint8_t *memory = malloc(size + 2 * GUARD_SIZE);
    struct boot_framebuffer framebuffer = { .size = size,
                                            .width = shape.width,
                                            .height = shape.height,
                                            .stride = shape.stride,
                                            .format = shape.format,
                                            .red_mask = shape.red,
                                            .green_mask = shape.green,
                                            .blue_mask = shape.blue,
                                            .reserved_mask = shape.reserved };

    CHECK(memory != NULL);
    memset(memory, UNTOUCHED, size + 2 * GUARD_SIZE);
    shape.pixels = memory + GUARD_SIZE;
    CHECK(screen_init(&framebuffer, shape.pixels));
    write_lines();
    shape.cursor_row = row_count(&shape) - 1;
    shape.cursor_column = 0;
    check_pixels(&shape);
    check_cursor(&shape);
    write_rubbish();
    screen_reset_for_panic();
    write_lines();
    shape.cursor_row = row_count(&shape) - 1;
    shape.cursor_column = 0;
    check_pixels(&shape);
    free(memory);
}

#define RGBX BOOT_PIXEL_RGBX, .pixel_bytes = 4, .red = 0xff, .green = 0xff00, .blue = 0xff0000
#define BGRX BOOT_PIXEL_BGRX, .pixel_bytes = 4, .red = 0xff0000, .green = 0xff00, .blue = 0xff
#define MASKS(bytes, red_mask, green_mask, blue_mask, reserved_mask)                               \
    BOOT_PIXEL_MASKS, .pixel_bytes = (bytes), .red = (red_mask), .green = (green_mask),            \
                      .blue = (blue_mask), .reserved = (reserved_mask)

TEST(dev_screen_1280_by_800)
{
    check_shape((struct shape){ 1280, 800, 1280, BGRX, .scale = 1 });
}

TEST(dev_screen_odd_sizes_and_margins)
{
    check_shape((struct shape){ 801, 601, 1023, RGBX, .scale = 1 });
}

TEST(dev_screen_double_size)
{
    check_shape((struct shape){ 3840, 400, 3847, RGBX, .scale = 2 });
}

TEST(dev_screen_with_more_rows_and_columns_than_there_is_memory_for)
{
    check_shape((struct shape){ 320, 2400, 320, RGBX, .scale = 1 });
    check_shape((struct shape){ 8000, 200, 8000, BGRX, .scale = 2 });
}

TEST(dev_screen_of_one_cell)
{
    check_shape((struct shape){ 8, 16, 9, RGBX, .scale = 1 });
}

TEST(dev_screen_32_bit_masks)
{
    check_shape((struct shape){ 640, 480, 640, MASKS(4, 0x3ff00000, 0xffc00, 0x3ff, 0xc0000000),
                                .scale = 1 });
    check_shape(
        (struct shape){ 648, 100, 650, MASKS(4, 0xff, 0xff00, 0xff0000, 0xff000000), .scale = 1 });
}

TEST(dev_screen_24_bit)
{
    check_shape((struct shape){ 807, 333, 811, MASKS(3, 0xff0000, 0xff00, 0xff, 0), .scale = 1 });
    check_shape((struct shape){ 2569, 100, 2569, MASKS(3, 0xff, 0xff00, 0xff0000, 0), .scale = 2 });
}

TEST(dev_screen_16_bit)
{
    check_shape((struct shape){ 641, 480, 645, MASKS(2, 0xf800, 0x7e0, 0x1f, 0), .scale = 1 });
    check_shape((struct shape){ 640, 100, 640, MASKS(2, 0x7c00, 0x3e0, 0x1f, 0x8000), .scale = 1 });
    check_shape((struct shape){ 2560, 100, 2561, MASKS(2, 0xf800, 0x7e0, 0x1f, 0), .scale = 2 });
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
    framebuffer.format = BOOT_PIXEL_MASKS; // all of them 0
    CHECK(!screen_init(&framebuffer, pixels));
    framebuffer.format = BOOT_PIXEL_RGBX;
    framebuffer.height = 10; // no room for a character
    CHECK(!screen_init(&framebuffer, pixels));
    framebuffer.height = 20;
    framebuffer.stride = 9;
    CHECK(!screen_init(&framebuffer, pixels));
    screen_write("x", 1);
    CHECK(!screen_draw());
}

TEST(dev_screen_tells_its_size_and_answers)
{
    static uint32_t pixels[80 * 64];
    struct boot_framebuffer framebuffer = {
        .size = sizeof(pixels), .width = 80, .height = 64, .stride = 80, .format = BOOT_PIXEL_RGBX
    };
    uint16_t columns = 1, rows = 1;
    char replies[4];

    screen_size(&columns, &rows);
    CHECK(columns == 0 && rows == 0 && screen_take_replies(replies, sizeof(replies)) == 0);
    CHECK(screen_init(&framebuffer, pixels));
    screen_size(&columns, &rows);
    CHECK(columns == 10 && rows == 4);
    write_text("ab\033[?1h\033[6n");
    CHECK_EQUAL(screen_pending(), 11);
    draw_all();
    CHECK_EQUAL(screen_pending(), 0);
    CHECK(screen_cursor_keys_are_application());
    CHECK_EQUAL(screen_take_replies(replies, sizeof(replies)), 4);
    CHECK(memcmp(replies, "\033[1;", 4) == 0);
    CHECK_EQUAL(screen_take_replies(replies, sizeof(replies)), 2);
    CHECK(memcmp(replies, "3R", 2) == 0);
}
