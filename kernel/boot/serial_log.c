// The log's serial sink: lines wait in a queue and go out a FIFO's fill at a time, because a real
// port takes 87 us a byte and interrupts must not be off meanwhile. Called by the log under its
// lock, or by a panic. Invariant: bytes leave in the order they came, or, after a port stopped, not
// at all.
#include "boot/boot.h"
#include "cpu/report.h"
#include "debug/log.h"
#include "dev/serial.h"

#define QUEUE_SIZE 16384u
#define FIFO_SIZE 16u
#define STALL_LIMIT 1000000u // polls without a byte leaving: at about 1 us each, a second

static struct serial_port log_port;
// Log lock. Positions count bytes since boot.
static char queue[QUEUE_SIZE];
static uint64_t queue_head, queue_tail;
static uint32_t stalled_polls;

// One FIFO's fill; true when more waits. A port that stopped loses what waits: nobody would see it.
static bool send_piece(void)
{
    if (queue_head == queue_tail)
        return false;
    size_t start = queue_tail % QUEUE_SIZE;
    size_t length = min_of(queue_head - queue_tail, (uint64_t)FIFO_SIZE);
    size_t sent = serial_try_write(&log_port, queue + start, min_of(length, QUEUE_SIZE - start));

    queue_tail += sent;
    stalled_polls = sent ? 0 : stalled_polls + 1;
    if (stalled_polls > STALL_LIMIT)
        queue_tail = queue_head;
    return queue_head != queue_tail;
}

static void write_serial(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        while (queue_head - queue_tail == QUEUE_SIZE)
            (void)send_piece();
        queue[queue_head++ % QUEUE_SIZE] = text[i];
    }
}

void boot_open_serial_log(void)
{
    static struct log_sink sink = { .write = write_serial, .work = send_piece, .name = "serial" };

    if (serial_open(&log_port, SERIAL_COM1))
        log_add_sink(&sink);
    report_to(log_receive); // what cpu/ and dev/ have to say
    log_info("boot", "Ringfence: limited direct execution on x86-64");
}
