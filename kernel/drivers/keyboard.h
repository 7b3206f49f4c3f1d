// The PS/2 keyboard: an i8042 controller, scan codes, layouts (`keymap=us|de|fr`). Keys become the
// bytes that an xterm sends (UTF-8) and go to console_input(CONSOLE_SCREEN, ...). A machine without
// a controller gets one log line.
#pragma once

#include "lib/types.h"

// Probes and sets up the controller; every wait has a time-out. `keymap` NULL: us; an unknown name
// is reported and us is used. Keys typed during the boot are thrown away. Boot, once, in a thread.
void keyboard_init(const char *keymap, uint32_t line, bool active_low, bool level_triggered);
// Ctrl-Alt-Del was pressed. Interrupts off, no spinlock held.
void keyboard_set_reboot_receiver(void (*receiver)(void));
// From the vector entry; interrupts off.
void keyboard_interrupt(void);
