// SGR, and the VGA's sixteen colours that everything is brought down to. Called by emulator.c for
// the pen, by the drawing for the palette.
#include "dev/cell_colours.h"

#define BRIGHT 8u
#define LIGHT_GREY 7u

const uint32_t cell_palette[16] = {
    0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
    0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
};

static uint32_t find_nearest(uint32_t red, uint32_t green, uint32_t blue)
{
    uint32_t nearest = 0, least = UINT32_MAX;

    for (uint32_t i = 0; i < 16; i++) {
        int32_t r = (int32_t)(cell_palette[i] >> 16 & 0xff) - (int32_t)red;
        int32_t g = (int32_t)(cell_palette[i] >> 8 & 0xff) - (int32_t)green;
        int32_t b = (int32_t)(cell_palette[i] & 0xff) - (int32_t)blue;
        uint32_t distance = (uint32_t)(r * r + g * g + b * b);
        if (distance < least) {
            least = distance;
            nearest = i;
        }
    }
    return nearest;
}

// xterm's 256: sixteen, a cube of 6 x 6 x 6, 24 greys.
static uint32_t bring_down(uint32_t number)
{
    static const uint8_t steps[] = { 0, 95, 135, 175, 215, 255 };

    if (number < 16)
        return number;
    if (number >= 232) {
        uint32_t grey = 8 + (number - 232) * 10;
        return find_nearest(grey, grey, grey);
    }
    number -= 16;
    return find_nearest(steps[number / 36], steps[number / 6 % 6], steps[number % 6]);
}

// The parameters behind 38 or 48; returns how many belong to it. *colour is left alone when they
// are incomplete or too large.
static uint32_t read_colour(const uint32_t *parameters, uint32_t count, uint32_t *colour)
{
    if (count >= 2 && parameters[0] == 5) {
        if (parameters[1] < 256)
            *colour = bring_down(parameters[1]);
        return 2;
    }
    if (count >= 4 && parameters[0] == 2) {
        if (parameters[1] < 256 && parameters[2] < 256 && parameters[3] < 256)
            *colour = find_nearest(parameters[1], parameters[2], parameters[3]);
        return 4;
    }
    return count; // incomplete
}

static emulator_cell with_foreground(emulator_cell pen, uint32_t colour)
{
    return (pen & ~CELL_FOREGROUND) | colour << CELL_FOREGROUND_SHIFT;
}

static emulator_cell with_background(emulator_cell pen, uint32_t colour)
{
    return (pen & ~CELL_BACKGROUND) | colour << CELL_BACKGROUND_SHIFT;
}

static emulator_cell change_colour(emulator_cell pen, uint32_t parameter)
{
    if (parameter >= 30 && parameter <= 37)
        return with_foreground(pen, parameter - 30);
    if (parameter == 39)
        return with_foreground(pen, LIGHT_GREY);
    if (parameter >= 40 && parameter <= 47)
        return with_background(pen, parameter - 40);
    if (parameter == 49)
        return with_background(pen, 0);
    if (parameter >= 90 && parameter <= 97)
        return with_foreground(pen, parameter - 90 + BRIGHT);
    if (parameter >= 100 && parameter <= 107)
        return with_background(pen, parameter - 100 + BRIGHT);
    return pen;
}

static emulator_cell change_attribute(emulator_cell pen, uint32_t parameter)
{
    static const struct {
        emulator_cell clear, set;
    } changes[] = {
        [1] = { CELL_DIM, CELL_BOLD },
        [2] = { CELL_BOLD, CELL_DIM },
        [3] = { 0, CELL_ITALIC },
        [4] = { 0, CELL_UNDERLINE },
        [5] = { 0, CELL_BLINK },
        [6] = { 0, CELL_BLINK },
        [7] = { 0, CELL_REVERSE },
        [21] = { 0, CELL_UNDERLINE },
        [22] = { CELL_BOLD | CELL_DIM, 0 },
        [23] = { CELL_ITALIC, 0 },
        [24] = { CELL_UNDERLINE, 0 },
        [25] = { CELL_BLINK, 0 },
        [27] = { CELL_REVERSE, 0 },
    };

    if (parameter >= ARRAY_SIZE(changes))
        return change_colour(pen, parameter);
    return (pen & ~changes[parameter].clear) | changes[parameter].set;
}

emulator_cell cell_change_pen(emulator_cell pen, const uint32_t *parameters, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t parameter = parameters[i], colour;
        if (parameter == 0) {
            pen = CELL_DEFAULT_COLOURS;
        } else if (parameter == 38) {
            colour = (pen & CELL_FOREGROUND) >> CELL_FOREGROUND_SHIFT;
            i += read_colour(parameters + i + 1, count - i - 1, &colour);
            pen = with_foreground(pen, colour);
        } else if (parameter == 48) {
            colour = (pen & CELL_BACKGROUND) >> CELL_BACKGROUND_SHIFT;
            i += read_colour(parameters + i + 1, count - i - 1, &colour);
            pen = with_background(pen, colour);
        } else {
            pen = change_attribute(pen, parameter);
        }
    }
    return pen;
}

void cell_colours(emulator_cell cell, uint32_t *foreground, uint32_t *background)
{
    uint32_t front = (cell & CELL_FOREGROUND) >> CELL_FOREGROUND_SHIFT;
    uint32_t back = (cell & CELL_BACKGROUND) >> CELL_BACKGROUND_SHIFT;

    if (cell & CELL_BOLD)
        front |= BRIGHT;
    if (cell & CELL_DIM)
        front = front == LIGHT_GREY ? BRIGHT : front & ~BRIGHT; // dark grey
    if (cell & CELL_BLINK)
        back |= BRIGHT;
    *foreground = cell & CELL_REVERSE ? back : front;
    *background = cell & CELL_REVERSE ? front : back;
}
