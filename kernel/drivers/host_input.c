// Standard input from the host: the frame parser, fed by the interrupt, and the ring between it and
// the readers. Invariant: the ring never overflows while the host keeps to its window, which is
// half the ring; what a host sends beyond that is dropped and logged.
#include "drivers/host_input.h"

#include "cpu/spinlock.h"
#include "debug/log.h"
#include "exec_channel.h"

#define RING_SIZE 8192u // a power of two
#define ACKNOWLEDGE_AT (EXEC_INPUT_WINDOW / 2)

_Static_assert(RING_SIZE >= 2 * EXEC_INPUT_WINDOW, "the window must fit into the ring");

static struct {
    struct spinlock lock; // guards the rest
    struct wait_queue queue;
    uint8_t ring[RING_SIZE];
    uint32_t head, tail; // free-running: head - tail bytes are queued
    uint32_t unacknowledged;
    bool ended;
    bool overflow_logged;
    // parser
    uint8_t header[EXEC_FRAME_HEADER_SIZE];
    uint32_t header_length; // bytes of the header so far
    uint32_t payload_left;  // of the frame being received
} input = { .lock = SPINLOCK_INIT("host input", LOCK_RANK_DRIVER) };

void host_input_init(void)
{
    wait_queue_init(&input.queue);
}

static void store_byte(uint8_t byte)
{
    if (input.head - input.tail == RING_SIZE) {
        if (!input.overflow_logged)
            log_warning("channel", "the host sends beyond its window: bytes are lost");
        input.overflow_logged = true;
        return;
    }
    input.ring[input.head++ % RING_SIZE] = byte;
}

// The header is complete. True when the frame ends the input.
static bool begin_frame(void)
{
    input.payload_left = (uint32_t)input.header[1] | (uint32_t)input.header[2] << 8 |
                         (uint32_t)input.header[3] << 16 | (uint32_t)input.header[4] << 24;
    if (input.payload_left > EXEC_FRAME_LIMIT) {
        log_error("channel", "a frame of %u bytes from the host: input ends here",
                  input.payload_left);
        return true;
    }
    return input.header[0] == EXEC_CHANNEL_EOF;
}

// Lock held. True when readers should look again.
static bool parse_byte(uint8_t byte)
{
    if (input.ended)
        return false;
    if (input.header_length < EXEC_FRAME_HEADER_SIZE) {
        input.header[input.header_length++] = byte;
        if (input.header_length < EXEC_FRAME_HEADER_SIZE)
            return false;
        input.ended = begin_frame();
        if (input.payload_left == 0)
            input.header_length = 0;
        return input.ended;
    }
    bool is_data = input.header[0] == EXEC_CHANNEL_DATA;
    if (is_data)
        store_byte(byte);
    if (--input.payload_left == 0)
        input.header_length = 0;
    return is_data;
}

bool host_input_receive(uint8_t byte)
{
    spinlock_acquire(&input.lock);
    bool wake = parse_byte(byte);
    spinlock_release(&input.lock);
    return wake;
}

void host_input_wake(void)
{
    wait_wake_all(&input.queue);
}

void host_input_close(void)
{
    spinlock_acquire(&input.lock);
    input.ended = true;
    spinlock_release(&input.lock);
    host_input_wake();
}

size_t host_input_peek(void *buffer, size_t size)
{
    uint8_t *bytes = buffer;
    spinlock_acquire(&input.lock);
    size_t count = min_of(size, (size_t)(input.head - input.tail));
    for (size_t i = 0; i < count; i++)
        bytes[i] = input.ring[(input.tail + i) % RING_SIZE];
    spinlock_release(&input.lock);
    return count;
}

uint32_t host_input_consume(size_t count)
{
    uint32_t acknowledge = 0;
    spinlock_acquire(&input.lock);
    input.tail += (uint32_t)count;
    input.unacknowledged += (uint32_t)count;
    // With an empty ring the host may be waiting for just this.
    if (input.head == input.tail || input.unacknowledged >= ACKNOWLEDGE_AT) {
        acknowledge = input.unacknowledged;
        input.unacknowledged = 0;
    }
    spinlock_release(&input.lock);
    return acknowledge;
}

bool host_input_is_ready(void)
{
    spinlock_acquire(&input.lock);
    bool ready = input.head != input.tail || input.ended;
    spinlock_release(&input.lock);
    return ready;
}

bool host_input_at_end(void)
{
    spinlock_acquire(&input.lock);
    bool at_end = input.head == input.tail && input.ended;
    spinlock_release(&input.lock);
    return at_end;
}

struct wait_queue *host_input_queue(void)
{
    return &input.queue;
}
