// The screen: finds the framebuffer that shows the console, and sets the mode that the command line
// asks for. Called by main.c before the firmware is left; without `video=` the mode stays as it is.
#include "graphics.h"

#include <stdbool.h>

#include <efi.h>

#include "command_line.h"
#include "firmware.h"
#include "memory.h"

#define HANDLE_LIMIT 32u
#define LIST_SIZE 400u

typedef EFI_GRAPHICS_OUTPUT_PROTOCOL graphics_protocol;
typedef EFI_GRAPHICS_OUTPUT_MODE_INFORMATION graphics_mode;

static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
// EFI_CONSOLE_OUT_DEVICE_GUID: on the handle of each device that the console is shown on.
static EFI_GUID console_device_guid = {
    0xd3b36f2c, 0xd551, 0x11d4, { 0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d }
};

static EFI_BOOT_SERVICES *boot_services;

static void describe_pixels(struct boot_framebuffer *framebuffer, const graphics_mode *info)
{
    switch (info->PixelFormat) {
    case PixelRedGreenBlueReserved8BitPerColor:
        framebuffer->format = BOOT_PIXEL_RGBX;
        framebuffer->red_mask = 0x0000ff;
        framebuffer->green_mask = 0x00ff00;
        framebuffer->blue_mask = 0xff0000;
        break;
    case PixelBlueGreenRedReserved8BitPerColor:
        framebuffer->format = BOOT_PIXEL_BGRX;
        framebuffer->red_mask = 0xff0000;
        framebuffer->green_mask = 0x00ff00;
        framebuffer->blue_mask = 0x0000ff;
        break;
    case PixelBitMask:
        framebuffer->format = BOOT_PIXEL_MASKS;
        framebuffer->red_mask = info->PixelInformation.RedMask;
        framebuffer->green_mask = info->PixelInformation.GreenMask;
        framebuffer->blue_mask = info->PixelInformation.BlueMask;
        framebuffer->reserved_mask = info->PixelInformation.ReservedMask;
        break;
    default: // PixelBltOnly: only the firmware can draw
        framebuffer->format = BOOT_PIXEL_NONE;
        break;
    }
}

static bool describe_framebuffer(struct boot_framebuffer *framebuffer,
                                 const graphics_protocol *graphics)
{
    const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode = graphics->Mode;
    if (!mode || !mode->Info || !mode->FrameBufferBase || !mode->FrameBufferSize)
        return false;
    describe_pixels(framebuffer, mode->Info);
    framebuffer->base = mode->FrameBufferBase;
    framebuffer->size = mode->FrameBufferSize;
    framebuffer->width = mode->Info->HorizontalResolution;
    framebuffer->height = mode->Info->VerticalResolution;
    framebuffer->stride = mode->Info->PixelsPerScanLine;
    // What does not fit into the framebuffer's size is no mode to draw in.
    return framebuffer->format != BOOT_PIXEL_NONE && framebuffer->width <= framebuffer->stride &&
           (uint64_t)framebuffer->stride * framebuffer->height * boot_pixel_bytes(framebuffer) <=
               framebuffer->size;
}

static bool mode_is_drawable(const graphics_mode *mode)
{
    return mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor ||
           mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor ||
           mode->PixelFormat == PixelBitMask;
}

// False when the firmware does not tell.
static bool query_mode(graphics_protocol *graphics, uint32_t number, graphics_mode *mode)
{
    graphics_mode *answer = NULL;
    UINTN size = 0;
    if (EFI_ERROR(graphics->QueryMode(graphics, number, &size, &answer)) || size < sizeof(*mode))
        return false;
    *mode = *answer;
    boot_services->FreePool(answer);
    return true;
}

// The mode of that size, one with 32-bit pixels if there is a choice; MaxMode when there is none.
static uint32_t find_mode(graphics_protocol *graphics, uint32_t width, uint32_t height)
{
    uint32_t found = graphics->Mode->MaxMode;
    for (uint32_t i = 0; i < graphics->Mode->MaxMode; i++) {
        graphics_mode mode;
        if (!query_mode(graphics, i, &mode) || !mode_is_drawable(&mode) ||
            mode.HorizontalResolution != width || mode.VerticalResolution != height)
            continue;
        if (mode.PixelFormat != PixelBitMask)
            return i;
        if (found == graphics->Mode->MaxMode)
            found = i;
    }
    return found;
}

static size_t append_number(char *list, size_t length, uint32_t number)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0 && length + 1 < LIST_SIZE)
        list[length++] = digits[--count];
    return length;
}

static void list_modes(graphics_protocol *graphics, char *list)
{
    size_t length = 0;
    for (uint32_t i = 0; i < graphics->Mode->MaxMode && length + 24 < LIST_SIZE; i++) {
        graphics_mode mode;
        if (!query_mode(graphics, i, &mode) || !mode_is_drawable(&mode))
            continue;
        if (length > 0)
            list[length++] = ' ';
        length = append_number(list, length, mode.HorizontalResolution);
        list[length++] = 'x';
        length = append_number(list, length, mode.VerticalResolution);
    }
    list[length] = 0;
}

// Prints what is wrong and leaves the mode alone when it cannot be had.
static void set_mode(graphics_protocol *graphics, const char *command_line)
{
    char list[LIST_SIZE];
    uint32_t width, height;
    enum video_word word = command_line_find_video(command_line, &width, &height);
    if (word == VIDEO_ABSENT)
        return;
    uint32_t mode = graphics->Mode->MaxMode;
    if (word == VIDEO_SIZE)
        mode = find_mode(graphics, width, height);
    if (mode == graphics->Mode->Mode)
        return;
    if (mode < graphics->Mode->MaxMode && !EFI_ERROR(graphics->SetMode(graphics, mode)))
        return;
    list_modes(graphics, list);
    if (word == VIDEO_MALFORMED)
        loader_print("warning: video= wants WIDTHxHEIGHT, one of: %s", list);
    else
        loader_print("warning: video=%ux%u is not a mode of this screen, which has: %s",
                     (uint64_t)width, (uint64_t)height, list);
}

// Several handles can offer graphics, the console's virtual one without a framebuffer among them. A
// screen that shows the console is preferred to any other.
static graphics_protocol *find_graphics(void)
{
    EFI_BOOT_SERVICES *boot = boot_services;
    EFI_HANDLE handles[HANDLE_LIMIT];
    UINTN size = sizeof(handles);
    graphics_protocol *chosen = NULL;
    if (EFI_ERROR(boot->LocateHandle(ByProtocol, &graphics_guid, NULL, &size, handles)))
        return NULL;
    for (UINTN i = 0; i < size / sizeof(handles[0]); i++) {
        graphics_protocol *graphics;
        struct boot_framebuffer found = { .format = BOOT_PIXEL_NONE };
        void *console_device;
        if (EFI_ERROR(boot->HandleProtocol(handles[i], &graphics_guid, (void **)&graphics)) ||
            !describe_framebuffer(&found, graphics))
            continue;
        if (!EFI_ERROR(boot->HandleProtocol(handles[i], &console_device_guid, &console_device)))
            return graphics;
        if (!chosen)
            chosen = graphics;
    }
    return chosen;
}

void graphics_find(EFI_SYSTEM_TABLE *system, const char *command_line,
                   struct boot_framebuffer *framebuffer)
{
    boot_services = system->BootServices;
    graphics_protocol *graphics = find_graphics();
    memset(framebuffer, 0, sizeof(*framebuffer));
    if (!graphics)
        return;
    set_mode(graphics, command_line);
    if (!describe_framebuffer(framebuffer, graphics))
        framebuffer->format = BOOT_PIXEL_NONE;
}
