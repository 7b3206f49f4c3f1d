// Any bytes from COM3 while a program reads now and then: what it gets are the payloads of data
// frames, in order, up to the first end, and never more than the ring holds.
#include <stdlib.h>
#include <string.h>

// Its state must be fresh for each input.
#include "drivers/host_input.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECTED_SIZE (12u << 10)

static struct {
    uint8_t bytes[EXPECTED_SIZE]; // that a reader must get
    size_t end, taken;
    uint8_t header[EXEC_FRAME_HEADER_SIZE];
    size_t header_length;
    uint64_t left;
    bool ended;
} model;

static void require(bool condition)
{
    if (!condition)
        abort();
}

void spinlock_acquire(struct spinlock *lock)
{
}

void spinlock_release(struct spinlock *lock)
{
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
}

void wait_queue_init(struct wait_queue *queue)
{
}

void wait_wake_all(struct wait_queue *queue)
{
}

static void model_receive(uint8_t byte)
{
    if (model.ended)
        return;
    if (model.left > 0) {
        model.left--;
        if (model.header[0] == EXEC_CHANNEL_DATA && model.end - model.taken < RING_SIZE)
            model.bytes[model.end++] = byte;
        return;
    }
    model.header[model.header_length++] = byte;
    if (model.header_length < sizeof(model.header))
        return;
    uint32_t length;
    memcpy(&length, model.header + 1, sizeof(length));
    model.header_length = 0;
    model.left = length;
    model.ended = length > EXEC_FRAME_LIMIT || model.header[0] == EXEC_CHANNEL_EOF;
}

static void receive(uint8_t byte)
{
    size_t queued = model.end - model.taken;
    bool was_ended = model.ended;

    require(model.end < sizeof(model.bytes));
    model_receive(byte);
    bool wake = host_input_receive(byte);
    if (model.end - model.taken != queued || model.ended != was_ended)
        require(wake);
}

static void receive_frame(uint8_t channel, uint32_t length)
{
    receive(channel);
    for (unsigned i = 0; i < 4; i++)
        receive((uint8_t)(length >> 8 * i));
    for (uint32_t i = 0; i < length && model.end + 8 < sizeof(model.bytes); i++)
        receive((uint8_t)(i * 7));
}

static void read_some(size_t size)
{
    uint8_t *buffer = malloc(size + 1); // ASan sees the end
    size_t count = host_input_peek(buffer, size), queued = model.end - model.taken;

    require(count == min_of(size, queued));
    require(memcmp(buffer, model.bytes + model.taken, count) == 0);
    require(host_input_is_ready() == (queued > 0 || model.ended));
    require(host_input_at_end() == (queued == 0 && model.ended));
    model.taken += count;
    uint32_t unacknowledged = input.unacknowledged + (uint32_t)count;
    uint32_t acknowledged = host_input_consume(count);
    require(acknowledged + input.unacknowledged == unacknowledged);
    require(model.end != model.taken || input.unacknowledged == 0);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&model, 0, sizeof(model));
    memset(&input, 0, sizeof(input));
    input.head = input.tail = UINT32_MAX - 100; // they go around
    for (size_t i = 0; i + 2 < size && model.end + 8 < sizeof(model.bytes); i += 3) {
        uint32_t number = data[i + 1] | (uint32_t)data[i + 2] << 8;
        switch (data[i] % 8) {
        case 0:
            receive_frame(data[i] & 8 ? data[i + 2] : EXEC_CHANNEL_DATA,
                          data[i] & 16 ? number % 4200 : number % 32);
            break;
        case 1:
            read_some(number % 5000);
            break;
        default:
            receive(data[i + 1]);
            receive(data[i + 2]);
        }
    }
    read_some(RING_SIZE);
    return 0;
}
