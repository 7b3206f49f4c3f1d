// COM1. Bytes leave in the order they came, or, after a port stopped, not at all. Called by the log
// under its lock, by the console and by the interrupt. Invariant: while bytes wait and interrupts
// are used, the port's can-send interrupt is on, so the queue drains whoever else is busy.
#include "drivers/serial_console.h"

#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/ioapic.h"
#include "cpu/percpu.h"
#include "debug/log.h"
#include "dev/serial.h"

#define QUEUE_SIZE 16384u
#define FIFO_SIZE 16u
#define STALL_LIMIT 1000000u       // polls without a byte leaving: at about 1 us each, a second
#define PATIENCE_NS 30000000000ull // without a byte leaving by interrupt

static struct serial_port port;
// All below: log lock, but for reading uses_interrupts. Positions count bytes since boot.
static char queue[QUEUE_SIZE];
static uint64_t queue_head, queue_tail;
static uint32_t stalled_polls;
static uint64_t last_progress_ns;
static bool uses_interrupts;
static bool can_send_is_on;
static bool is_stuck; // took nothing for long: bytes are thrown away until it asks for some

static void drop_all(void)
{
    queue_tail = queue_head;
}

// One FIFO's fill; true when more waits.
static bool send_piece(void)
{
    if (queue_head == queue_tail)
        return false;
    size_t start = queue_tail % QUEUE_SIZE;
    size_t length = min_of(queue_head - queue_tail, (uint64_t)FIFO_SIZE);
    size_t sent = serial_try_write(&port, queue + start, min_of(length, QUEUE_SIZE - start));

    queue_tail += sent;
    stalled_polls = sent ? 0 : stalled_polls + 1;
    if (sent && uses_interrupts)
        last_progress_ns = clock_now_ns();
    if (stalled_polls > STALL_LIMIT) // polled: nobody would see it
        drop_all();
    return queue_head != queue_tail;
}

static void choose_interrupts(bool can_send)
{
    if (!uses_interrupts || can_send == can_send_is_on)
        return;
    can_send_is_on = can_send;
    serial_interrupts(&port, true, can_send);
}

// A full queue: without interrupts there is time to wait, with them there is not, and the log's
// ring still has its lines.
static bool make_room(void)
{
    while (!uses_interrupts && queue_head - queue_tail == QUEUE_SIZE)
        (void)send_piece();
    return queue_head - queue_tail < QUEUE_SIZE;
}

static void write_serial(const char *text, size_t length)
{
    if (is_stuck)
        return;
    if (queue_head == queue_tail && uses_interrupts)
        last_progress_ns = clock_now_ns(); // the port's patience begins
    for (size_t i = 0; i < length && make_room(); i++)
        queue[queue_head++ % QUEUE_SIZE] = text[i];
    choose_interrupts(queue_head != queue_tail);
}

// A panic polls, and tries whatever happened before.
static void reset_for_panic(void)
{
    uses_interrupts = false;
    is_stuck = false;
    stalled_polls = 0;
}

static struct log_sink sink = {
    .write = write_serial, .work = send_piece, .reset = reset_for_panic, .name = "serial"
};

void serial_console_open(void)
{
    if (serial_open(&port, SERIAL_COM1))
        log_add_sink(&sink);
}

bool serial_console_is_present(void)
{
    return port.present;
}

static void start_interrupts(void *context)
{
    uses_interrupts = true;
    sink.drives_itself = true;
    last_progress_ns = clock_now_ns();
    serial_interrupts(&port, true, false);
}

void serial_console_start(uint32_t line, bool active_low, bool level_triggered)
{
    if (!port.present)
        return;
    if (ioapic_route(line, VECTOR_SERIAL, cpu_by_number(0)->apic_id, active_low, level_triggered) ==
        0)
        log_with_sinks(start_interrupts, NULL);
    else
        log_warning("console", "interrupt line %u has no I/O APIC: no input from COM1", line);
}

static void read_pending(void *context)
{
    *(size_t *)context = queue_head - queue_tail;
}

size_t serial_console_pending(void)
{
    size_t pending;

    log_with_sinks(read_pending, &pending);
    return pending;
}

bool serial_console_drives_itself(void)
{
    return uses_interrupts || !port.present;
}

static void check_progress(void *context)
{
    if (queue_head == queue_tail || clock_now_ns() - last_progress_ns < PATIENCE_NS)
        return;
    is_stuck = true;
    *(size_t *)context = queue_head - queue_tail;
    drop_all();
}

void serial_console_check(void)
{
    size_t dropped = 0;

    log_with_sinks(check_progress, &dropped);
    if (dropped > 0)
        log_warning("console", "COM1 takes nothing: %llu bytes and what comes now are dropped",
                    (unsigned long long)dropped);
}

// Sending clears the interrupt's reason until the FIFO is empty again; so does turning it off.
static void send_on_interrupt(void *context)
{
    bool *sent = context;
    bool can_write = serial_can_write(&port);

    if (can_write)
        is_stuck = false;
    *sent = queue_head != queue_tail && can_write;
    if (*sent)
        (void)send_piece();
    choose_interrupts(queue_head != queue_tail || is_stuck);
}

static void send_polled(void *context)
{
    *(bool *)context = send_piece();
}

bool serial_console_send(void)
{
    bool more;

    log_with_sinks(send_polled, &more);
    return more;
}

static void make_edge(void *context)
{
    serial_interrupts(&port, false, false);
    serial_interrupts(&port, true, can_send_is_on);
}

void serial_console_ask_again(void)
{
    if (uses_interrupts)
        log_with_sinks(make_edge, NULL);
}

// Receiving comes last. The line is edge-triggered: a pass that finds nothing must end with a look
// at a port whose other reason for interrupts is gone, or a byte that comes in between raises
// nothing. (PC16550D: one line for all reasons.)
size_t serial_console_interrupt(char *received, size_t size, bool *sent)
{
    size_t count = 0;

    log_with_sinks(send_on_interrupt, sent);
    for (int byte; count < size && (byte = serial_read(&port)) >= 0;)
        received[count++] = (char)byte;
    return count;
}
