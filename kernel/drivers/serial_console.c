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
#define PATIENCE_NS 10000000000ull // without a byte leaving by interrupt

static struct serial_port port;
// All below: log lock, but for reading uses_interrupts. Positions count bytes since boot.
static char queue[QUEUE_SIZE];
static uint64_t queue_head, queue_tail;
static uint32_t stalled_polls;
static uint64_t last_progress_ns;
static bool uses_interrupts;
static bool can_send_is_on;

// One FIFO's fill; true when more waits. A port that stopped loses what waits: nobody would see it.
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
    if (stalled_polls > STALL_LIMIT)
        queue_tail = queue_head;
    return queue_head != queue_tail;
}

static void choose_interrupts(bool can_send)
{
    if (!uses_interrupts || can_send == can_send_is_on)
        return;
    can_send_is_on = can_send;
    serial_interrupts(&port, true, can_send);
}

static void write_serial(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        while (queue_head - queue_tail == QUEUE_SIZE)
            (void)send_piece();
        queue[queue_head++ % QUEUE_SIZE] = text[i];
    }
    choose_interrupts(queue_head != queue_tail);
}

void serial_console_open(void)
{
    static struct log_sink sink = { .write = write_serial, .work = send_piece, .name = "serial" };

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
    last_progress_ns = clock_now_ns();
    serial_interrupts(&port, true, false);
}

void serial_console_start(uint32_t line, bool active_low, bool level_triggered)
{
    if (!port.present)
        return;
    if (ioapic_route(line, VECTOR_SERIAL, this_cpu()->apic_id, active_low, level_triggered) == 0)
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
    queue_tail = queue_head;
    last_progress_ns = clock_now_ns();
}

void serial_console_check(void)
{
    log_with_sinks(check_progress, NULL);
}

// Sending clears the interrupt's reason until the FIFO is empty again; so does turning it off.
static void send_on_interrupt(void *context)
{
    bool *sent = context;

    *sent = queue_head != queue_tail && serial_can_write(&port);
    if (*sent)
        (void)send_piece();
    choose_interrupts(queue_head != queue_tail);
}

// More may wait than one interrupt should take: off and on again asks for another one.
static void make_edge(void *context)
{
    serial_interrupts(&port, false, can_send_is_on);
    serial_interrupts(&port, true, can_send_is_on);
}

size_t serial_console_interrupt(char *received, size_t size, bool *sent)
{
    size_t count = 0;

    for (int byte; count < size && (byte = serial_read(&port)) >= 0;)
        received[count++] = (char)byte;
    if (count == size)
        log_with_sinks(make_edge, NULL);
    log_with_sinks(send_on_interrupt, sent);
    return count;
}
