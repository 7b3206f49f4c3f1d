// The screen: the emulator (emulator.h) on the firmware's framebuffer. What is wanted and what is
// shown are kept in memory; the framebuffer is never read back. Callers serialise (the log lock);
// panic may break in, and calls screen_reset_for_panic() before it writes.
#pragma once

#include "boot_info.h"
#include "lib/types.h"

// `pixels` is the write-combining mapping of the framebuffer. False when the format is unknown.
// Any context, once.
bool screen_init(const struct boot_framebuffer *framebuffer, volatile void *pixels);
// Bytes for the emulator: UTF-8, control characters, escape sequences. They wait until
// screen_draw() reads them: cheap, as long as there is room for them. Nothing happens without a
// screen.
void screen_write(const char *text, size_t length);
// How many bytes wait; of at most 32 KiB. Needs no lock.
size_t screen_pending(void);
// Reads some text or brings a few more cells of the framebuffer up to date, some microseconds of
// work; true when there is more to do.
bool screen_draw(void);
// Whatever the emulator was in the middle of: text that is written from now on can be read.
void screen_reset_for_panic(void);

// Bytes of memory that hold what is wanted on the screen and what is shown.
size_t screen_shadow_size(void);
// Character cells; 0 x 0 without a screen.
void screen_size(uint16_t *columns, uint16_t *rows);
// What the emulator answered to what it read (ESC [ 6 n and the like): moves up to `size` bytes
// out.
size_t screen_take_replies(char *buffer, size_t size);
// Do arrow keys send ESC O A (DECCKM)?
bool screen_cursor_keys_are_application(void);
