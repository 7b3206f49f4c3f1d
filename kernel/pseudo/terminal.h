// The terminal: one line discipline on the console, with job control. /dev/console and /dev/tty
// open it. Unlike Linux's, /dev/console too becomes the controlling terminal of a session leader
// that opens it for reading without O_NOCTTY, and the rules for background groups hold on it: it is
// the only terminal there is. Which session it controls is kept here and nowhere else: a process's
// controlling terminal is this one exactly when its session is the terminal's. Lock: the terminal's
// spinlock (LOCK_RANK_TERMINAL), below the processes' locks in the order.
#pragma once

#include "lib/types.h"

// Makes /dev/console and /dev/tty and registers with the console. Boot, after console_init().
void terminal_init(void);

// For /proc/PID/stat. The device number of the session's controlling terminal, 0: none; its
// foreground process group, -1: none. No lock of rank LOCK_RANK_TERMINAL or above held.
uint32_t terminal_device(uint32_t session);
int32_t terminal_foreground_group(uint32_t session);
