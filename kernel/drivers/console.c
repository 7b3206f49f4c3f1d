// The console device. Output goes to the log's sinks: the serial port drains by interrupt, the
// screen is drawn by the thread here, a piece at a time, and by idle. Called by the terminal, the
// keyboard and the serial interrupt.
// Invariant: whoever leaves work for the thread wakes it afterwards (wait.h).
#include "drivers/console.h"

#include <stdatomic.h>

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "debug/log.h"
#include "dev/screen.h"
#include "drivers/serial_console.h"
#include "lib/panic.h"
#include "sched/scheduler.h"

#define SERIAL_COLUMNS 80u
#define SERIAL_ROWS 24u
#define ROOM_LIMIT 8192u // waiting bytes from which writers wait
#define CHECK_NS 1000000000ull
#define BURST_LIMIT 16u // bytes taken in at once: a key may redraw its line
#define REPLY_LIMIT 32u

static struct wait_queue room_queue;
static struct wait_queue work_queue;    // the thread waits here
static atomic_bool work_is_waiting;     // for the thread
static atomic_bool room_is_awaited;     // by a writer that found the serial queue too full
static _Atomic(enum console_face) face; // typed at last
static console_receiver receive_input;
static console_size_receiver receive_size;

static void wake_thread(void)
{
    if (!atomic_exchange(&work_is_waiting, true))
        wait_wake_all(&work_queue);
}

struct reply {
    char text[REPLY_LIMIT];
    size_t length;
};

static void take_reply(void *context)
{
    struct reply *reply = context;

    reply->length = screen_take_replies(reply->text, sizeof(reply->text));
}

// What the screen answers to a program goes where keys go, unless the person sits at the serial
// port: then the terminal there answers.
static void pass_replies_on(void)
{
    struct reply reply;

    log_with_sinks(take_reply, &reply);
    if (reply.length == 0 || atomic_load(&face) != CONSOLE_SCREEN)
        return;
    console_input(CONSOLE_SCREEN, reply.text, reply.length);
}

static bool has_room(size_t limit)
{
    return serial_console_pending() < limit && screen_pending() < limit;
}

static void wake_writers(void)
{
    if (atomic_load(&room_is_awaited) && has_room(ROOM_LIMIT / 2)) {
        atomic_store(&room_is_awaited, false); // who still has to wait says so again
        wait_wake_all(&room_queue);
    }
}

static void wait_for_work(void)
{
    struct waiter waiter = { 0 };
    bool serial_waits = serial_console_pending() > 0;

    wait_prepare(&work_queue, &waiter, WAIT_UNINTERRUPTIBLE);
    if (!atomic_load(&work_is_waiting)) {
        int result = wait_block(serial_waits ? clock_now_ns() + CHECK_NS : WAIT_FOREVER);
        kassert(result != -ERESTARTSYS);
    }
    wait_finish(&work_queue, &waiter);
}

// Draws while others compute; a share of the CPU as any thread has it.
static void run_console(void *argument)
{
    for (;;) {
        wait_for_work();
        atomic_store(&work_is_waiting, false);
        while (log_work() || (!serial_console_drives_itself() && serial_console_send()))
            preempt_point();
        pass_replies_on();
        serial_console_check();
        wake_writers();
    }
}

void console_start_thread(void)
{
    wait_queue_init(&room_queue);
    wait_queue_init(&work_queue);
    atomic_store(&face, serial_console_is_present() ? CONSOLE_SERIAL : CONSOLE_SCREEN);
    struct thread *thread = thread_create("console", run_console, NULL, false);
    if (!thread)
        panic("no memory for the console's thread");
    thread_start(thread);
    log_tell_of_lag(wake_thread);
}

void console_init(uint32_t serial_line, bool active_low, bool level_triggered)
{
    serial_console_start(serial_line, active_low, level_triggered);
}

void console_set_receivers(console_receiver input, console_size_receiver size)
{
    receive_size = size;
    receive_input = input;
}

void console_input(enum console_face from, const char *bytes, size_t count)
{
    bool has_changed = atomic_exchange(&face, from) != from;

    interrupts_off();
    if (has_changed && receive_size)
        receive_size();
    if (receive_input)
        receive_input(bytes, count);
    interrupts_restore();
}

void console_write(const char *text, size_t length)
{
    log_write_plain(text, length);
    wake_thread();
}

bool console_has_room(void)
{
    if (has_room(ROOM_LIMIT))
        return true;
    atomic_store(&room_is_awaited, true);
    return has_room(ROOM_LIMIT); // it may have drained before it was awaited
}

struct wait_queue *console_room_queue(void)
{
    return &room_queue;
}

static bool is_drained(void)
{
    if (serial_console_pending() == 0)
        return true;
    atomic_store(&room_is_awaited, true);
    return serial_console_pending() == 0;
}

int console_drain(void)
{
    struct waiter waiter = { 0 };
    int result = 0;

    while (result == 0) {
        wait_prepare(&room_queue, &waiter, WAIT_INTERRUPTIBLE);
        if (is_drained())
            break;
        result = wait_block(WAIT_FOREVER);
    }
    wait_finish(&room_queue, &waiter);
    while (log_work() && !thread_has_work(current_thread()))
        preempt_point();
    return result;
}

enum console_face console_face(void)
{
    return atomic_load(&face);
}

struct console_size console_size(void)
{
    struct console_size size;

    screen_size(&size.columns, &size.rows);
    if (atomic_load(&face) == CONSOLE_SERIAL || size.columns == 0)
        size = (struct console_size){ SERIAL_COLUMNS, SERIAL_ROWS };
    return size;
}

bool console_cursor_keys_are_application(void)
{
    return screen_cursor_keys_are_application();
}

void console_ask_again(void)
{
    serial_console_ask_again();
}

size_t console_pending(void)
{
    return serial_console_pending();
}

bool console_interrupt(void)
{
    char received[BURST_LIMIT];
    bool sent = false;
    size_t count = serial_console_interrupt(received, sizeof(received), &sent);

    if (count > 0)
        console_input(CONSOLE_SERIAL, received, count);
    wake_writers();
    return sent || count > 0;
}
