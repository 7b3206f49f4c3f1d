// Standard input from the host: frames in pieces, of nothing, of strange kinds, too long; a host
// that sends beyond its window; and when it is told how much was read.
#include <string.h>

#include "drivers/host_input.h"
#include "exec_channel.h"
#include "stubs.h"
#include "test.h"

#define RING_SIZE 8192u

static uint8_t taken[2 * RING_SIZE];

static unsigned feed(const void *bytes, size_t count)
{
    unsigned wakes = 0;

    for (size_t i = 0; i < count; i++)
        wakes += host_input_receive(((const uint8_t *)bytes)[i]);
    return wakes;
}

static unsigned feed_header(uint8_t channel, uint32_t length)
{
    uint8_t header[] = { channel, (uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16),
                         (uint8_t)(length >> 24) };

    return feed(header, sizeof(header));
}

static uint32_t take(size_t count)
{
    CHECK_EQUAL(host_input_peek(taken, count), count);
    return host_input_consume(count);
}

static void expect(const char *text)
{
    memset(taken, 0, sizeof(taken));
    CHECK_EQUAL(host_input_peek(taken, sizeof(taken)), strlen(text));
    CHECK_TEXT((const char *)taken, text);
}

TEST(host_input_frames)
{
    host_input_init();
    CHECK(!host_input_is_ready() && !host_input_at_end());
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 3), 0);
    CHECK(!host_input_is_ready());
    CHECK_EQUAL(feed("abc", 3), 3);
    CHECK(host_input_is_ready() && !host_input_at_end());
    expect("abc");
    expect("abc"); // peeking takes nothing
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 0), 0);
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 1) + feed("d", 1), 1);
    expect("abcd");
    CHECK_EQUAL(host_input_consume(2), 0); // more is there: the host need not hear yet
    expect("cd");
    CHECK_EQUAL(host_input_consume(2), 4); // it may wait for just this
    CHECK(!host_input_is_ready());
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_EOF, 0), 1);
    CHECK(host_input_is_ready() && host_input_at_end());
}

TEST(host_input_unknown_frames)
{
    host_input_init();
    CHECK_EQUAL(feed_header('?', 10) + feed("D\1\0\0\0xD\1\0\0", 10), 0);
    CHECK_EQUAL(feed_header(0, 0), 0);
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 1) + feed("y", 1), 1);
    expect("y");
}

TEST(host_input_end)
{
    host_input_init();
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 1) + feed("x", 1), 1);
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_EOF, 3), 1);
    CHECK(!host_input_at_end()); // what came before is read first
    CHECK_EQUAL(feed("abc", 3), 0);
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 1) + feed("y", 1), 0);
    expect("x");
    CHECK_EQUAL(take(1), 1);
    CHECK(host_input_at_end());
}

TEST(host_input_closed)
{
    host_input_init();
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 2) + feed("x", 1), 1);
    host_input_close();
    CHECK_EQUAL(feed("y", 1), 0);
    expect("x");
}

TEST(host_input_longest_frame)
{
    static uint8_t bytes[EXEC_FRAME_LIMIT];

    host_input_init();
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, sizeof(bytes)), 0);
    CHECK_EQUAL(feed(bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, EXEC_FRAME_LIMIT + 1), 1);
    CHECK(strstr(log_last_line, "a frame of 4097 bytes") != NULL);
    CHECK_EQUAL(feed(bytes, 10), 0);
    CHECK_EQUAL(take(sizeof(bytes)), sizeof(bytes));
    CHECK(host_input_at_end());
}

// What is in the ring stays; what comes beyond is gone, and the framing goes on.
TEST(host_input_beyond_the_window)
{
    host_input_init();
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, EXEC_FRAME_LIMIT), 0);
        for (unsigned j = 0; j < EXEC_FRAME_LIMIT; j++) {
            uint8_t byte = (uint8_t)(i * 3 + j * 7);
            CHECK_EQUAL(feed(&byte, 1), 1);
        }
        CHECK((strstr(log_last_line, "beyond its window") != NULL) == (i == 2));
    }
    CHECK_EQUAL(host_input_peek(taken, sizeof(taken)), RING_SIZE);
    for (unsigned i = 0; i < RING_SIZE; i++)
        CHECK_EQUAL(taken[i], (uint8_t)(i / EXEC_FRAME_LIMIT * 3 + i % EXEC_FRAME_LIMIT * 7));
    CHECK_EQUAL(host_input_consume(RING_SIZE), RING_SIZE);
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, 2) + feed("ok", 2), 2);
    expect("ok");
}

// The host goes on as soon as half of its window was read.
TEST(host_input_acknowledges)
{
    static uint8_t bytes[EXEC_INPUT_WINDOW];

    host_input_init();
    CHECK_EQUAL(feed_header(EXEC_CHANNEL_DATA, sizeof(bytes)) + feed(bytes, sizeof(bytes)),
                sizeof(bytes));
    CHECK_EQUAL(take(EXEC_INPUT_WINDOW / 2 - 1), 0);
    CHECK_EQUAL(take(1), EXEC_INPUT_WINDOW / 2);
    CHECK_EQUAL(take(10), 0);
    CHECK_EQUAL(take(EXEC_INPUT_WINDOW / 2 - 10), EXEC_INPUT_WINDOW / 2);
    CHECK_EQUAL(host_input_consume(0), 0);
}
