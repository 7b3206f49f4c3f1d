// /dev/console: bytes written go to the console, whole pieces at a time. Called through its file
// operations only. Invariant: no user memory is touched under a spinlock.
#include "pseudo/terminal.h"

#include "abi/errno.h"
#include "debug/log.h"
#include "drivers/console.h"
#include "fs/memory_fs.h"
#include "sched/scheduler.h"

#define CONSOLE_DEVICE ((5ull << 8) | 1) // major 5, minor 1, as on Linux

static int64_t console_write_file(struct file *file, struct user_iterator *source,
                                  uint64_t *position)
{
    char piece[CONSOLE_PIECE];
    int64_t written = 0;

    while (source->remaining > 0) {
        if (written > 0 && thread_has_work(current_thread()))
            break; // a slow port must not keep a program from dying
        size_t length = min_of(source->remaining, sizeof(piece));
        size_t copied = user_iterator_read(source, piece, length);
        console_write(piece, copied);
        written += (int64_t)copied;
        if (copied < length)
            return written ? written : -EFAULT;
        preempt_point();
    }
    return written;
}

static int64_t console_read(struct file *file, struct user_iterator *target, uint64_t *position)
{
    return 0;
}

static int console_open(struct file *file)
{
    file->is_stream = true;
    return 0;
}

static const struct file_operations console_operations = {
    .read = console_read,
    .write = console_write_file,
    .open = console_open,
};

void terminal_init(void)
{
    if (path_make_node(memory_fs_root(), "/dev/console", S_IFCHR | 0600, CONSOLE_DEVICE,
                       &console_operations, NULL) != 0)
        log_warning("console", "/dev/console cannot be made: init starts without output");
}

uint32_t terminal_device(uint32_t session)
{
    return 0;
}

int32_t terminal_foreground_group(uint32_t session)
{
    return -1;
}
