// What the loader asks of the firmware besides files: the console, pages, and a way back when it
// must refuse. Everything works from firmware_init() on; after firmware_gone() only
// loader_print() and loader_fail() may be called, and they use COM1.
#pragma once

#include <stdint.h>

#include <efi.h>

void firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);
void firmware_gone(void); // ExitBootServices is about to be tried

// One line, prefixed with "ringfence loader: ". Formats: %s string, %u and %x uint64_t.
void loader_print(const char *format, ...);
// Prints the line as an error, waits for a key or five seconds, gives all pages back and returns
// to the firmware with EFI_LOAD_ERROR. Resets the machine when the firmware is gone.
_Noreturn void loader_fail(const char *format, ...);

// Zeroed pages of EfiLoaderData anywhere in memory. Refuses (never returns) when there are none;
// `purpose` names in that sentence what they were for.
void *pages_allocate(uint64_t byte_count, const char *purpose);
