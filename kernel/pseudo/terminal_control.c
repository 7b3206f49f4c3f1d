// The terminal's ioctl requests: settings, window size, job control, queues. Called through the
// system-call layer, which has dealt with what every file knows (FIONBIO, FIOCLEX).
#include "pseudo/terminal_internal.h"

#include "abi/errno.h"
#include "abi/process.h"
#include "lib/string.h"

static int64_t get_settings(user_addr argument, size_t size)
{
    spinlock_acquire(&terminal.lock);
    struct abi_termios settings = terminal.line.settings;
    spinlock_release(&terminal.lock);
    return copy_to_user(argument, &settings, size);
}

// `waits`: until everything written is shown. `flushes`: what was typed and not read is forgotten.
static int64_t set_settings(user_addr argument, size_t size, bool waits, bool flushes)
{
    int error = job_terminal_check(&terminal.jobs, SIGTTOU);
    if (error)
        return error;
    spinlock_acquire(&terminal.lock);
    struct abi_termios settings = terminal.line.settings; // struct termios leaves the speeds alone
    spinlock_release(&terminal.lock);
    if (copy_from_user(&settings, argument, size) != 0)
        return -EFAULT;
    error = waits ? console_drain() : 0;
    if (error)
        return error;
    settings.discipline = 0;
    spinlock_acquire(&terminal.lock);
    if (flushes)
        line_discipline_flush_input(&terminal.line);
    line_discipline_set(&terminal.line, &settings);
    terminal_changed_locked();
    spinlock_release(&terminal.lock);
    return 0;
}

static struct abi_winsize size_of_face(enum console_face face)
{
    struct console_size console = console_size();
    struct abi_winsize size = { .rows = console.rows, .columns = console.columns };
    spinlock_acquire(&terminal.lock);
    if (terminal.size_is_set[face])
        size = terminal.sizes[face];
    spinlock_release(&terminal.lock);
    return size;
}

static int64_t get_size(user_addr argument)
{
    struct abi_winsize size = size_of_face(console_face());
    return put_user(argument, size);
}

static int64_t set_size(user_addr argument)
{
    enum console_face face = console_face();
    struct abi_winsize size, old = size_of_face(face);
    if (get_user(size, argument) != 0)
        return -EFAULT;
    spinlock_acquire(&terminal.lock);
    terminal.sizes[face] = size;
    terminal.size_is_set[face] = true;
    if (memcmp(&old, &size, sizeof(size)) != 0)
        job_terminal_signal(&terminal.jobs, SIGNAL_BIT(SIGWINCH));
    spinlock_release(&terminal.lock);
    return 0;
}

static int64_t flush_queues(uint64_t which)
{
    int error = job_terminal_check(&terminal.jobs, SIGTTOU);
    if (error)
        return error;
    if (which > TCIOFLUSH)
        return -EINVAL;
    spinlock_acquire(&terminal.lock);
    if (which != TCOFLUSH)
        line_discipline_flush_input(&terminal.line);
    if (which != TCIFLUSH)
        terminal.echo_length = 0; // the rest is with the console, between log lines, and stays
    spinlock_release(&terminal.lock);
    return 0;
}

// TCIOFF and TCION would send the STOP and START characters to the person, who has no use for them.
static int64_t control_flow(uint64_t action)
{
    int error = job_terminal_check(&terminal.jobs, SIGTTOU);
    if (error)
        return error;
    if (action > TCION)
        return -EINVAL;
    spinlock_acquire(&terminal.lock);
    if (action == TCOOFF || action == TCOON)
        terminal.line.suspended = action == TCOOFF;
    terminal_changed_locked();
    spinlock_release(&terminal.lock);
    return 0;
}

static int64_t drain_output(void)
{
    int error = job_terminal_check(&terminal.jobs, SIGTTOU);
    if (error)
        return error;
    return console_drain() ? -EINTR : 0;
}

static int64_t set_foreground(user_addr argument)
{
    int32_t group;
    int error = job_terminal_check(&terminal.jobs, SIGTTOU);
    if (error)
        return error == -EIO ? -ENOTTY : error;
    if (get_user(group, argument) != 0)
        return -EFAULT;
    return job_terminal_set_foreground(&terminal.jobs, group);
}

static int64_t put_number(user_addr argument, int64_t number)
{
    int32_t value = (int32_t)number;
    return number < 0 ? number : put_user(argument, value);
}

static int64_t count_input(user_addr argument)
{
    spinlock_acquire(&terminal.lock);
    size_t count = line_discipline_readable_count(&terminal.line);
    spinlock_release(&terminal.lock);
    return put_number(argument, (int64_t)count);
}

static int64_t control_settings(uint32_t request, user_addr argument)
{
    switch (request) {
    case TCGETS:
        return get_settings(argument, ABI_TERMIOS_SIZE);
    case TCGETS2:
        return get_settings(argument, sizeof(struct abi_termios));
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_settings(argument, ABI_TERMIOS_SIZE, request != TCSETS, request == TCSETSF);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
        return set_settings(argument, sizeof(struct abi_termios), request != TCSETS2,
                            request == TCSETSF2);
    case TIOCGWINSZ:
        return get_size(argument);
    case TIOCSWINSZ:
        return set_size(argument);
    default:
        return -ENOTTY;
    }
}

static int64_t control_jobs(uint32_t request, user_addr argument)
{
    switch (request) {
    case TIOCGPGRP:
        return put_number(argument, job_terminal_foreground(&terminal.jobs));
    case TIOCSPGRP:
        return set_foreground(argument);
    case TIOCGSID:
        return put_number(argument, job_terminal_session(&terminal.jobs));
    case TIOCSCTTY:
        return job_terminal_acquire(&terminal.jobs, user_addr_as_number(argument) == 1);
    case TIOCNOTTY:
        return job_terminal_give_up(&terminal.jobs);
    default:
        return control_settings(request, argument);
    }
}

static int64_t set_discipline(user_addr argument)
{
    int32_t number;
    if (get_user(number, argument) != 0)
        return -EFAULT;
    return number == 0 ? 0 : -EINVAL;
}

int64_t terminal_control(struct file *file, uint32_t request, user_addr argument)
{
    if (terminal_file_is_dead(file))
        return request == TIOCSPGRP ? -ENOTTY : -EIO;
    switch (request) {
    case FIONREAD:
        return count_input(argument);
    case TIOCOUTQ:
        return put_number(argument, (int64_t)console_pending());
    case TCFLSH:
        return flush_queues(user_addr_as_number(argument));
    case TCXONC:
        return control_flow(user_addr_as_number(argument));
    case TCSBRK:
    case TCSBRKP:
        return drain_output();
    case TIOCGETD:
        return put_number(argument, 0);
    case TIOCSETD:
        return set_discipline(argument);
    default:
        return control_jobs(request, argument);
    }
}
