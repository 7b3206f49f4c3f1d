// The terminal itself: its state, what the console tells it, opening, hanging up. Reading and
// writing are in terminal_transfer.c, ioctl in terminal_control.c; how bytes become lines is
// line_discipline.c's.
// Invariant: echo and program output reach the console under the terminal's lock, so that the
// column the line discipline knows is the cursor's.
#include "pseudo/terminal.h"

#include "abi/errno.h"
#include "abi/process.h"
#include "debug/log.h"
#include "fs/memory_fs.h"
#include "pseudo/terminal_internal.h"

#define DEVICE(major, minor) ((uint64_t)(major) << 8 | (minor))
#define TERMINAL_DEVICE DEVICE(4, 1) // its own number, as Linux's first virtual console

static void hang_up(struct job_terminal *jobs, uint32_t session);
static void signals_sent(void);

struct terminal terminal = {
    .lock = SPINLOCK_INIT("terminal", LOCK_RANK_TERMINAL),
    .jobs = { .hang_up = hang_up, .signals_sent = signals_sent },
};

struct wait_queue *terminal_queue(void)
{
    return console_room_queue();
}

void terminal_show_echo_locked(void)
{
    if (terminal.echo_length == 0 || line_discipline_holds_output(&terminal.line) ||
        !console_has_room())
        return;
    console_write(terminal.echo, terminal.echo_length);
    terminal.echo_length = 0;
}

// While output is stopped, or the port is too slow for it, echo is kept as far as there is room.
static void show_echo(struct line_discipline *line, const char *bytes, size_t count)
{
    if (terminal.echo_length + count > sizeof(terminal.echo))
        terminal_show_echo_locked();
    if (terminal.echo_length + count > sizeof(terminal.echo))
        return;
    for (size_t i = 0; i < count; i++)
        terminal.echo[terminal.echo_length++] = bytes[i];
}

static void send_key_signal(struct line_discipline *line, uint32_t signal)
{
    terminal.key_signals |= SIGNAL_BIT(signal);
}

static void signals_sent(void)
{
    wait_wake_all(terminal_queue()); // readers look again
}

void terminal_changed_locked(void)
{
    terminal_show_echo_locked();
    wait_wake_all(terminal_queue());
}

// From the console, interrupts off.
static void receive_input(const char *bytes, size_t count)
{
    spinlock_acquire(&terminal.lock);
    terminal.key_signals = 0;
    line_discipline_receive(&terminal.line, bytes, count);
    if (terminal.key_signals != 0)
        job_terminal_signal(&terminal.jobs, terminal.key_signals);
    terminal_changed_locked();
    spinlock_release(&terminal.lock);
}

// From the console, interrupts off: the person sits at another face now.
static void receive_size(void)
{
    spinlock_acquire(&terminal.lock);
    job_terminal_signal(&terminal.jobs, SIGNAL_BIT(SIGWINCH));
    spinlock_release(&terminal.lock);
}

// The session's leader has ended. Readers end with what they have, the next session finds a fresh
// terminal; files but those of /dev/console are dead.
static void hang_up(struct job_terminal *jobs, uint32_t session)
{
    spinlock_acquire(&terminal.lock);
    terminal.hang_ups++;
    line_discipline_reset(&terminal.line);
    job_terminal_disconnect(jobs, session);
    terminal_changed_locked();
    spinlock_release(&terminal.lock);
}

bool terminal_file_is_dead(const struct file *file)
{
    spinlock_acquire(&terminal.lock);
    bool dead = terminal_file_is_dead_locked(file);
    spinlock_release(&terminal.lock);
    return dead;
}

bool terminal_file_is_dead_locked(const struct file *file)
{
    return file->operations != &terminal_console_operations &&
           (uintptr_t)file->data != terminal.hang_ups;
}

// Who may only write does not get the rights that come with a controlling terminal.
static int open_terminal(struct file *file)
{
    file->position_use = POSITION_NONE;
    spinlock_acquire(&terminal.lock);
    file->data = (void *)(uintptr_t)terminal.hang_ups;
    spinlock_release(&terminal.lock);
    if (!(atomic_load(&file->flags) & O_NOCTTY) && file_is_readable(file))
        job_terminal_open(&terminal.jobs);
    return 0;
}

// /dev/tty: whatever terminal controls the process.
static int open_own_terminal(struct file *file)
{
    if (!job_terminal_is_own(&terminal.jobs))
        return -ENXIO;
    int error = open_terminal(file);
    file->operations = &terminal_operations;
    return error;
}

#define TERMINAL_OPERATIONS(open_function)                                                         \
    {                                                                                              \
        .read = terminal_read, .write = terminal_write, .poll = terminal_poll,                     \
        .ioctl = terminal_control, .open = (open_function),                                        \
    }

const struct file_operations terminal_operations = TERMINAL_OPERATIONS(open_terminal);
const struct file_operations terminal_console_operations = TERMINAL_OPERATIONS(open_terminal);
static const struct file_operations own_terminal_operations =
    TERMINAL_OPERATIONS(open_own_terminal);

static void make_device(const char *path, uint32_t mode, uint64_t device,
                        const struct file_operations *operations)
{
    (void)path_unlink(memory_fs_root(), path, false); // the archive's node has no operations
    int error = path_make_node(memory_fs_root(), path, S_IFCHR | mode, device, operations, NULL);
    if (error)
        log_warning("terminal", "%s cannot be made: error %d", path, -error);
}

void terminal_init(void)
{
    line_discipline_init(&terminal.line);
    terminal.line.show = show_echo;
    terminal.line.send_signal = send_key_signal;
    job_terminal_add(&terminal.jobs);
    make_device("/dev/console", 0600, DEVICE(5, 1), &terminal_console_operations);
    make_device("/dev/tty", 0666, DEVICE(5, 0), &own_terminal_operations);
    make_device("/dev/tty1", 0620, TERMINAL_DEVICE, &terminal_operations);
    console_set_receivers(receive_input, receive_size);
}

uint32_t terminal_device(uint32_t session)
{
    return job_terminal_group_of(&terminal.jobs, session) < 0 ? 0 : (uint32_t)TERMINAL_DEVICE;
}

int32_t terminal_foreground_group(uint32_t session)
{
    return job_terminal_group_of(&terminal.jobs, session);
}
