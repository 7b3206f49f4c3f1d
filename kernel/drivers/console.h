// The console: the machine's one terminal device, with two faces. Output goes to the serial port
// and the screen through the log's sinks, so that it keeps its order with log lines. Input comes
// from the serial port and the keyboard; the line discipline above (pseudo/terminal.h) registers
// itself as its receiver.
#pragma once

#include "lib/types.h"
#include "sched/wait.h"

enum console_face { CONSOLE_SERIAL, CONSOLE_SCREEN, CONSOLE_FACE_COUNT };

// Bytes that were typed, in order. Interrupts off, no spinlock held; must not sleep.
typedef void (*console_receiver)(const char *bytes, size_t count);
// Another face was typed at: console_size() has changed. Same context.
typedef void (*console_size_receiver)(void);

// Starts the kernel thread that draws the screen while others compute. Boot, once.
void console_start_thread(void);
// Serial input from now on, if there is a port. Boot, once, in a thread.
void console_init(uint32_t serial_line, bool active_low, bool level_triggered);
void console_set_receivers(console_receiver input, console_size_receiver size);

// For the keyboard and the serial port: bytes typed at a face. Any context; no spinlock held.
void console_input(enum console_face face, const char *bytes, size_t count);

// Output, as it is (newlines are not translated). Any context, any length, at once; locks of rank
// LOCK_RANK_LOG and above must not be held. A writer of much waits for room first.
void console_write(const char *text, size_t length);
// Room for a piece (CONSOLE_PIECE bytes). Writers in thread context look at this and wait in the
// queue (wait.h's protocol); it is woken when room comes back.
#define CONSOLE_PIECE 256u
bool console_has_room(void);
struct wait_queue *console_room_queue(void);
// Bytes that wait for the serial port (TIOCOUTQ).
size_t console_pending(void);
// Waits until everything written has left the serial port and is on the screen (tcdrain). 0,
// -ERESTARTSYS.
must_check int console_drain(void);

// Character cells of the face that was typed at last; at first the serial port's 80 x 24 if there
// is one, else the screen's.
struct console_size {
    uint16_t columns, rows;
};
struct console_size console_size(void);
enum console_face console_face(void); // that was typed at last
// Do arrow keys send ESC O A instead of ESC [ A (DECCKM)? For the keyboard.
bool console_cursor_keys_are_application(void);

// The COM1 interrupt, which shares its line with COM3 (host_channel_interrupt): a bounded piece of
// work. True when there was something to do. From the vector entry; interrupts off.
must_check bool console_interrupt(void);
// Asks for another interrupt if there is a reason for one.
void console_ask_again(void);
