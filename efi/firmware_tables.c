// Looks through the firmware's tables and protocols. Called by main.c before the firmware is left;
// changes nothing there: the screen keeps the mode that it has.
#include "firmware_tables.h"

#include <stdbool.h>

#include "memory.h"

#define HANDLE_LIMIT 32u

static EFI_GUID acpi_2_guid = ACPI_20_TABLE_GUID;
static EFI_GUID acpi_1_guid = ACPI_TABLE_GUID;
static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
// EFI_CONSOLE_OUT_DEVICE_GUID: on the handle of each device that the console is shown on.
static EFI_GUID console_device_guid = {
    0xd3b36f2c, 0xd551, 0x11d4, { 0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d }
};

static uint64_t find_table(const EFI_SYSTEM_TABLE *system, const EFI_GUID *guid)
{
    for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];
        if (memcmp(&table->VendorGuid, guid, sizeof(*guid)) == 0)
            return (uint64_t)table->VendorTable;
    }
    return 0;
}

uint64_t acpi_root_find(const EFI_SYSTEM_TABLE *system)
{
    uint64_t address = find_table(system, &acpi_2_guid);
    return address ? address : find_table(system, &acpi_1_guid);
}

static void describe_pixels(struct boot_framebuffer *framebuffer,
                            const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info)
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
        break;
    default: // PixelBltOnly: only the firmware can draw
        framebuffer->format = BOOT_PIXEL_NONE;
        break;
    }
}

static bool describe_framebuffer(struct boot_framebuffer *framebuffer,
                                 const EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics)
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
    // A 32-bit pixel each: what does not fit into the framebuffer's size is no mode to draw in.
    return framebuffer->format != BOOT_PIXEL_NONE && framebuffer->width <= framebuffer->stride &&
           (uint64_t)framebuffer->stride * framebuffer->height * 4 <= framebuffer->size;
}

// Several handles can offer graphics, the console's virtual one without a framebuffer among them. A
// screen that shows the console is preferred to any other.
void framebuffer_find(EFI_SYSTEM_TABLE *system, struct boot_framebuffer *framebuffer)
{
    EFI_BOOT_SERVICES *boot = system->BootServices;
    EFI_HANDLE handles[HANDLE_LIMIT];
    UINTN size = sizeof(handles);
    memset(framebuffer, 0, sizeof(*framebuffer));
    if (EFI_ERROR(boot->LocateHandle(ByProtocol, &graphics_guid, NULL, &size, handles)))
        return;
    for (UINTN i = 0; i < size / sizeof(handles[0]); i++) {
        EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;
        struct boot_framebuffer found = { .format = BOOT_PIXEL_NONE };
        void *console_device;
        if (EFI_ERROR(boot->HandleProtocol(handles[i], &graphics_guid, (void **)&graphics)) ||
            !describe_framebuffer(&found, graphics))
            continue;
        bool is_console =
            !EFI_ERROR(boot->HandleProtocol(handles[i], &console_device_guid, &console_device));
        if (framebuffer->format == BOOT_PIXEL_NONE || is_console)
            *framebuffer = found;
        if (is_console)
            return;
    }
}
