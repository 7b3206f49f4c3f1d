// The screen that the firmware leaves to the kernel.
#pragma once

#include <efi.h>

#include "boot_info.h"

// Describes the framebuffer, in the mode of `video=WIDTHxHEIGHT` if the command line has the word
// and the screen the mode; else one line says which modes there are. format is BOOT_PIXEL_NONE when
// there is no framebuffer that memory writes reach.
void graphics_find(EFI_SYSTEM_TABLE *system, const char *command_line,
                   struct boot_framebuffer *framebuffer);
