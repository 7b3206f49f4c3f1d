// Reading, writing and polling the terminal. Called through file.c.
// Invariant: user memory is touched with no lock held; what one read takes of the buffer, it takes
// in one step under the lock, so that two readers never share a line by accident.
#include "pseudo/terminal_internal.h"

#include "abi/errno.h"
#include "abi/process.h"
#include "cpu/clock.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define NS_PER_DECISECOND 100000000ull
#define SMALL_READ 256u

struct read_request {
    char *buffer;
    size_t size, length;        // room, and how much of it was filled
    uint64_t start_ns, last_ns; // of the call; when it last got a byte
    uint64_t hang_ups;          // a later one ends the read
    bool may_wait;
};

// Until when a read waits for its next byte: VMIN and VTIME (termios(3)).
static uint64_t read_deadline(const struct read_request *request,
                              const struct abi_termios *settings)
{
    uint64_t time_ns = settings->control_characters[VTIME] * NS_PER_DECISECOND;
    if (settings->local_flags & ICANON)
        return WAIT_FOREVER;
    if (settings->control_characters[VMIN] == 0)
        return request->start_ns + time_ns;
    return time_ns > 0 && request->length > 0 ? request->last_ns + time_ns : WAIT_FOREVER;
}

// Takes what is there. True when the read is complete.
static bool take_input(struct read_request *request, const struct abi_termios *settings)
{
    size_t length;
    bool is_canonical = settings->local_flags & ICANON;
    size_t minimum = max_of(settings->control_characters[VMIN], (uint8_t)1);
    bool ended = line_discipline_take(&terminal.line, request->buffer + request->length,
                                      request->size - request->length, &length);
    request->length += length;
    if (length > 0)
        request->last_ns = clock_now_ns();
    return ended || request->length == request->size ||
           request->length >= (is_canonical ? 1 : minimum);
}

// One look at the buffer. 1: complete; 0: wait until *deadline_ns; -EAGAIN.
static int read_step(struct read_request *request, uint64_t *deadline_ns)
{
    spinlock_acquire(&terminal.lock);
    terminal_show_echo_locked();
    const struct abi_termios *settings = &terminal.line.settings;
    bool complete = (!job_terminal_signals_wait() && take_input(request, settings)) ||
                    request->hang_ups != terminal.hang_ups;
    *deadline_ns = read_deadline(request, settings);
    spinlock_release(&terminal.lock);
    if (complete || clock_now_ns() >= *deadline_ns)
        return 1;
    return request->may_wait ? 0 : -EAGAIN;
}

static int64_t read_input(struct read_request *request)
{
    struct waiter waiter = { 0 };
    int result;
    for (;;) {
        uint64_t deadline_ns;
        wait_prepare(terminal_queue(), &waiter, WAIT_INTERRUPTIBLE);
        result = read_step(request, &deadline_ns);
        if (result != 0)
            break;
        result = wait_block(deadline_ns);
        if (result == -ERESTARTSYS)
            break;
    }
    wait_finish(terminal_queue(), &waiter);
    return result < 0 && request->length == 0 ? result : (int64_t)request->length;
}

static int64_t read_to_program(struct file *file, struct user_iterator *target, char *buffer,
                               size_t size)
{
    struct read_request request = {
        .buffer = buffer,
        .size = size,
        .start_ns = clock_now_ns(),
        .may_wait = !file_is_nonblocking(file),
    };
    spinlock_acquire(&terminal.lock);
    request.hang_ups = terminal.hang_ups;
    spinlock_release(&terminal.lock);
    if (terminal_file_is_dead(file))
        return 0;
    int64_t length = read_input(&request);
    if (length > 0 && user_iterator_write(target, buffer, (size_t)length) < (size_t)length)
        return -EFAULT;
    return length;
}

int64_t terminal_read(struct file *file, struct user_iterator *target, uint64_t *position)
{
    char small[SMALL_READ];
    size_t size = min_of(target->remaining, (size_t)LINE_BUFFER_SIZE);
    int error = terminal_file_is_dead(file) ? 0 : job_terminal_check(&terminal.jobs, SIGTTIN);
    if (error || size == 0)
        return error;
    char *large = size > sizeof(small) ? memory_allocate(size) : NULL;
    if (!large)
        size = min_of(size, sizeof(small));
    int64_t result = read_to_program(file, target, large ? large : small, size);
    memory_release(large);
    return result;
}

// Is there room for a piece of output, and may it be shown?
static bool output_is_possible(void)
{
    spinlock_acquire(&terminal.lock);
    bool held = line_discipline_holds_output(&terminal.line);
    spinlock_release(&terminal.lock);
    return !held && console_has_room();
}

static int wait_for_output(const struct file *file)
{
    struct waiter waiter = { 0 };
    int result = 0;
    if (output_is_possible())
        return 0;
    if (file_is_nonblocking(file))
        return -EAGAIN;
    while (result == 0) {
        wait_prepare(terminal_queue(), &waiter, WAIT_INTERRUPTIBLE);
        if (output_is_possible())
            break;
        result = wait_block(WAIT_FOREVER);
    }
    wait_finish(terminal_queue(), &waiter);
    return result;
}

// Shows as much as makes one piece. The bytes of `text` used; 0: output was stopped meanwhile;
// -EIO.
static int64_t show_piece(const struct file *file, const char *text, size_t length)
{
    char piece[CONSOLE_PIECE];
    size_t produced;
    int64_t result = 0;
    spinlock_acquire(&terminal.lock);
    if (terminal_file_is_dead_locked(file)) {
        result = -EIO;
    } else if (!line_discipline_holds_output(&terminal.line)) {
        terminal_show_echo_locked();
        result = (int64_t)line_discipline_output(&terminal.line, text, length, piece, sizeof(piece),
                                                 &produced);
        console_write(piece, produced);
    }
    spinlock_release(&terminal.lock);
    return result;
}

// All of `text`, or less with *error set.
static size_t show_text(const struct file *file, const char *text, size_t length, int *error)
{
    size_t shown = 0;
    while (shown < length) {
        *error = wait_for_output(file);
        int64_t step = *error ? *error : show_piece(file, text + shown, length - shown);
        if (step < 0) {
            *error = (int)step;
            break;
        }
        shown += (size_t)step;
        preempt_point();
    }
    return shown;
}

static int check_background_write(void)
{
    spinlock_acquire(&terminal.lock);
    bool stops = terminal.line.settings.local_flags & TOSTOP;
    spinlock_release(&terminal.lock);
    return stops ? job_terminal_check(&terminal.jobs, SIGTTOU) : 0;
}

int64_t terminal_write(struct file *file, struct user_iterator *source, uint64_t *position)
{
    char piece[CONSOLE_PIECE];
    int64_t written = 0;
    int error = terminal_file_is_dead(file) ? -EIO : check_background_write();
    while (!error && source->remaining > 0) {
        if (written > 0 && thread_has_work(current_thread()))
            break; // a slow port must not keep a program from dying
        size_t length = min_of(source->remaining, sizeof(piece));
        size_t copied = user_iterator_read(source, piece, length);
        written += (int64_t)show_text(file, piece, copied, &error);
        if (copied < length && !error)
            error = -EFAULT;
    }
    return written > 0 ? written : error;
}

uint32_t terminal_poll(struct file *file, struct wait_queue **queue)
{
    uint32_t events = 0;
    if (queue)
        *queue = terminal_queue();
    spinlock_acquire(&terminal.lock);
    const uint8_t *characters = terminal.line.settings.control_characters;
    size_t minimum = characters[VTIME] == 0 ? characters[VMIN] : 1;
    if (line_discipline_is_readable(&terminal.line, minimum) && !job_terminal_signals_wait())
        events |= POLLIN;
    if (terminal_file_is_dead_locked(file))
        events |= POLLIN | POLLOUT | POLLERR | POLLHUP;
    spinlock_release(&terminal.lock);
    return events | (output_is_possible() ? POLLOUT : 0);
}
