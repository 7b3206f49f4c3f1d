// What terminal.c, terminal_transfer.c and terminal_control.c share.
#pragma once

#include "cpu/spinlock.h"
#include "drivers/console.h"
#include "fs/file.h"
#include "proc/job_control.h"
#include "pseudo/line_discipline.h"

struct terminal {
    struct spinlock lock; // LOCK_RANK_TERMINAL: everything but `jobs`
    struct line_discipline line;
    struct job_terminal jobs;
    struct abi_winsize sizes[CONSOLE_FACE_COUNT]; // as TIOCSWINSZ set them, each for its face
    bool size_is_set[CONSOLE_FACE_COUNT];         // else it is the console's
    uint64_t key_signals; // of the keys being received: each is sent once, behind the last key
    uint64_t hang_ups;    // so far: a file opened before the last one is dead
    char echo[LINE_ECHO_LIMIT]; // a whole call of the line discipline fits
    size_t echo_length;         // what is shown at the end of this step, or when output goes on
};

extern struct terminal terminal;
extern const struct file_operations terminal_operations;         // opened by its own name
extern const struct file_operations terminal_console_operations; // as /dev/console

// Everybody who waits for the terminal (readers, writers, pollers) waits in one queue, the
// console's, since poll() waits in one queue per file.
struct wait_queue *terminal_queue(void);

// Settings or output state have changed: shows what was held back, lets everybody look again. Lock
// held.
void terminal_changed_locked(void);
// Shows the echo that waits, if that is possible now. Lock held.
void terminal_show_echo_locked(void);
// The file was opened before the terminal hung up. Files of /dev/console never die, as on Linux:
// the first process holds one.
must_check bool terminal_file_is_dead(const struct file *file);
must_check bool terminal_file_is_dead_locked(const struct file *file);

int64_t terminal_read(struct file *file, struct user_iterator *target, uint64_t *position);
int64_t terminal_write(struct file *file, struct user_iterator *source, uint64_t *position);
uint32_t terminal_poll(struct file *file, struct wait_queue **queue);
int64_t terminal_control(struct file *file, uint32_t request, user_addr argument);
