// The loader's console, page allocation and refusal on top of the firmware's services. Every page
// that pages_allocate() handed out is remembered, so that a refusal leaves the firmware as it was.
#include "firmware.h"

#include <stdarg.h>
#include <stdbool.h>

#include "cpu.h"
#include "memory.h"
#include "serial.h"

#define LINE_SIZE 512u
#define ALLOCATION_LIMIT 16u
#define KEY_WAIT_100NS (5ull * 10000000ull)

static struct {
    EFI_HANDLE image;
    EFI_SYSTEM_TABLE *system;
    bool gone;
    uint32_t allocation_count;
    struct {
        EFI_PHYSICAL_ADDRESS base;
        uint64_t page_count;
    } allocations[ALLOCATION_LIMIT];
} firmware;

struct line {
    char text[LINE_SIZE];
    uint32_t length;
};

void firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    firmware.image = image;
    firmware.system = system;
}

void firmware_gone(void)
{
    firmware.gone = true;
}

static void put_character(struct line *line, char character)
{
    if (line->length + 1 < LINE_SIZE)
        line->text[line->length++] = character;
}

static void put_string(struct line *line, const char *text)
{
    while (*text)
        put_character(line, *text++);
}

static void put_number(struct line *line, uint64_t number, uint32_t base)
{
    char digits[20];
    uint32_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    while (count)
        put_character(line, digits[--count]);
}

static void put_format(struct line *line, const char *format, va_list arguments)
{
    for (; *format; format++) {
        if (*format != '%') {
            put_character(line, *format);
            continue;
        }
        switch (*++format) {
        case 's':
            put_string(line, va_arg(arguments, const char *));
            break;
        case 'x':
            put_string(line, "0x");
            put_number(line, va_arg(arguments, uint64_t), 16);
            break;
        default:
            put_number(line, va_arg(arguments, uint64_t), 10);
            break;
        }
    }
}

static void print_on_console(const struct line *line)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware.system->ConOut;
    CHAR16 text[LINE_SIZE + 2];
    if (!console)
        return;
    for (uint32_t i = 0; i < line->length; i++)
        text[i] = (uint8_t)line->text[i];
    text[line->length] = '\r';
    text[line->length + 1] = '\n';
    text[line->length + 2] = 0;
    console->OutputString(console, text);
}

static void print_line(const char *prefix, const char *format, va_list arguments)
{
    struct line line = { .length = 0 };
    put_string(&line, prefix);
    put_format(&line, format, arguments);
    line.text[line.length] = 0;
    if (firmware.gone)
        serial_print_line(line.text);
    else
        print_on_console(&line);
}

void loader_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("ringfence loader: ", format, arguments);
    va_end(arguments);
}

static void wait_for_key(void)
{
    EFI_BOOT_SERVICES *boot = firmware.system->BootServices;
    EFI_EVENT events[2];
    UINTN count = 0, fired;
    if (EFI_ERROR(boot->CreateEvent(EVT_TIMER, TPL_CALLBACK, NULL, NULL, &events[count])))
        return;
    if (!EFI_ERROR(boot->SetTimer(events[count], TimerRelative, KEY_WAIT_100NS)))
        count++;
    if (count && firmware.system->ConIn) {
        firmware.system->ConIn->Reset(firmware.system->ConIn, FALSE); // drop keys typed before
        events[count++] = firmware.system->ConIn->WaitForKey;
    }
    if (count)
        boot->WaitForEvent(count, events, &fired);
    boot->CloseEvent(events[0]);
}

static void return_to_firmware(void)
{
    EFI_BOOT_SERVICES *boot = firmware.system->BootServices;
    wait_for_key();
    while (firmware.allocation_count) {
        firmware.allocation_count--;
        boot->FreePages(firmware.allocations[firmware.allocation_count].base,
                        firmware.allocations[firmware.allocation_count].page_count);
    }
    boot->Exit(firmware.image, EFI_LOAD_ERROR, 0, NULL);
}

_Noreturn void loader_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("ringfence loader: error: ", format, arguments);
    va_end(arguments);
    if (!firmware.gone)
        return_to_firmware();
    firmware.system->RuntimeServices->ResetSystem(EfiResetCold, EFI_LOAD_ERROR, 0, NULL);
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

void *pages_allocate(uint64_t byte_count, const char *purpose)
{
    uint64_t page_count = (byte_count + EFI_PAGE_SIZE - 1) / EFI_PAGE_SIZE;
    EFI_PHYSICAL_ADDRESS base = 0;
    EFI_STATUS status = EFI_OUT_OF_RESOURCES;
    if (firmware.allocation_count < ALLOCATION_LIMIT)
        status = firmware.system->BootServices->AllocatePages(AllocateAnyPages, EfiLoaderData,
                                                              page_count, &base);
    if (EFI_ERROR(status))
        loader_fail("no memory for %s (%u KiB): give the machine more memory, or make the files "
                    "on the boot partition smaller",
                    purpose, page_count * 4);
    firmware.allocations[firmware.allocation_count].base = base;
    firmware.allocations[firmware.allocation_count].page_count = page_count;
    firmware.allocation_count++;
    memset((void *)base, 0, page_count * EFI_PAGE_SIZE);
    return (void *)base;
}
