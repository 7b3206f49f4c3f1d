// The i8042, the controller of PS/2 keyboards, polled. Its mouse port is switched off. Every wait
// has a time-out. Boot and the keyboard's interrupt, one at a time; interrupts in any state.
#pragma once

#include "lib/types.h"

// What i8042_take() returns instead of a byte.
#define I8042_NOTHING (-1)
#define I8042_NOT_OURS (-2) // a byte from the mouse port was thrown away

// Looks for the controller and stops it: ports off, its buffer empty, no interrupts, translation to
// scan code set 1 on if the controller can do that (*translates). NULL, or in words why there is
// none that can be used; a machine without one costs 20 ms at the most.
must_check const char *i8042_open(bool *translates);
// Lets the keyboard talk. Its interrupt stays off.
void i8042_enable_keyboard(void);
// From now on each byte makes an interrupt. What came before is thrown away, so that there is an
// edge for the next.
void i8042_enable_interrupt(void);

// Sends a byte to the keyboard and waits for what it answers to commands: 0xfa (ACK) or 0xfe (send
// that again), at most `patience_ns`. Other bytes are thrown away meanwhile. -1: no answer.
must_check int i8042_ask_keyboard(uint8_t byte, uint64_t patience_ns);
// Without waiting: false when the controller cannot take a byte now.
must_check bool i8042_try_send(uint8_t byte);
// Without waiting: the keyboard's next byte, or I8042_NOTHING, I8042_NOT_OURS.
must_check int i8042_take(void);
