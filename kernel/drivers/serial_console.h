// COM1: a sink of the log and the serial face of the console. Output waits in a queue and leaves a
// FIFO's fill at a time, by interrupt once those are on, because a real port takes 87 us a byte.
#pragma once

#include "lib/types.h"

// Opens the port, if there is one, and adds it to the log's sinks. Boot, first of all.
void serial_console_open(void);
bool serial_console_is_present(void);
// Output and input by interrupt from now on. Boot, once, in a thread.
void serial_console_start(uint32_t line, bool active_low, bool level_triggered);

// Bytes that wait to be sent. Takes the log lock, as all from here on.
size_t serial_console_pending(void);
// False: nothing sends what waits but serial_console_send(), for lack of an interrupt. No lock.
bool serial_console_drives_itself(void);
// Sends a FIFO's fill if the port can take it; true when more waits.
must_check bool serial_console_send(void);
// To be called now and then while bytes wait: a port that took none for long loses them, and what
// comes after them, until it asks for bytes again.
void serial_console_check(void);
// From the interrupt, interrupts off: sends a FIFO's fill if it can, and takes up to `size`
// received bytes. Returns their number.
size_t serial_console_interrupt(char *received, size_t size, bool *sent);
// Asks for another interrupt if there is a reason for one.
void serial_console_ask_again(void);
