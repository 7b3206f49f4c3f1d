// Scrolls so many pages full of different text through a screen of 1920 x 1080 and draws each; for
// test/tooling/test_screen_speed.py, which counts the instructions. Argument: pages.
#include <stdlib.h>

#include "dev/screen.h"

#define COLUMNS 240u
#define ROWS 67u
#define WIDTH 1920u
#define HEIGHT 1080u

static char pages[2][ROWS * (COLUMNS + 2)];
static uint32_t pixels[WIDTH * HEIGHT];

static void make_page(char *page, uint32_t number)
{
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t column = 0; column < COLUMNS; column++)
            *page++ = (char)('!' + (row * 7 + column * 3 + number * 11) % 94);
        *page++ = '\r';
        *page++ = '\n';
    }
}

int main(int argc, char **argv)
{
    struct boot_framebuffer framebuffer = { .size = sizeof(pixels),
                                            .width = WIDTH,
                                            .height = HEIGHT,
                                            .stride = WIDTH,
                                            .format = BOOT_PIXEL_BGRX };

    if (argc != 2 || !screen_init(&framebuffer, pixels))
        return 2;
    make_page(pages[0], 0);
    make_page(pages[1], 1);
    for (int i = 0; i < atoi(argv[1]); i++) {
        screen_write(pages[i % 2], sizeof(pages[0]));
        while (screen_draw())
            ;
    }
    return 0;
}
