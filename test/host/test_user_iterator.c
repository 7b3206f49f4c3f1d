// Scattered user memory: segments in order, empty ones too, up to where one goes bad; and a
// kernel's buffer in their place. Each segment list is as long as it is said to be, for ASan.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/frame.h"
#include "test.h"
#include "threads.h"
#include "vm/user_copy.h"

static char memory[64], bytes[64];

static struct user_segment segment_at(const char *base, uint64_t length)
{
    return (struct user_segment){ user_addr_make((uint64_t)base), length };
}

// Four segments of memory[], backwards: 40 to 47, none, 20 to 27, 0 to 7.
static struct user_iterator make_iterator(void)
{
    struct user_segment *segments = malloc(4 * sizeof(*segments));
    struct user_iterator iterator;

    segments[0] = segment_at(memory + 40, 8);
    segments[1] = segment_at(memory + 63, 0);
    segments[2] = segment_at(memory + 20, 8);
    segments[3] = segment_at(memory, 8);
    memset(&iterator, 0xa5, sizeof(iterator));
    user_iterator_init_vector(&iterator, segments, 4);
    for (size_t i = 0; i < sizeof(memory); i++)
        memory[i] = (char)i;
    return iterator;
}

TEST(user_iterator_begins_with_all)
{
    struct user_iterator iterator = make_iterator();

    CHECK(iterator.remaining == 24 && iterator.end_limit == UINT64_MAX);
    CHECK(iterator.memory == MEMORY_OF_PROGRAM && iterator.current.length == 0);
    struct user_segment *huge = malloc(2 * sizeof(*huge));
    huge[0] = segment_at(memory, UINT64_MAX - 5);
    huge[1] = segment_at(memory, 100);
    user_iterator_init_vector(&iterator, huge, 2);
    CHECK_EQUAL(iterator.remaining, UINT64_MAX);
}

TEST_PROTECTION("copy-range", user_iterator_asks_for_every_segment)
{
    struct user_segment *segments = malloc(3 * sizeof(*segments));
    struct user_iterator iterator;

    for (uint32_t bad = 0; bad < 4; bad++) {
        for (uint32_t i = 0; i < 3; i++)
            segments[i] = segment_at(i == bad ? (char *)USER_ADDRESS_LIMIT : memory, 8);
        user_iterator_init_vector(&iterator, segments, 3);
        CHECK_EQUAL(user_iterator_rest_is_valid(&iterator), bad == 3);
        CHECK_EQUAL(user_iterator_is_valid(&iterator), bad == 3);
    }
}

TEST(user_iterator_reads_across_segments)
{
    struct user_iterator iterator = make_iterator();

    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 10), 10);
    CHECK(memcmp(bytes, memory + 40, 8) == 0 && memcmp(bytes + 8, memory + 20, 2) == 0);
    CHECK_EQUAL(iterator.remaining, 14);
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 3), 3);
    CHECK(memcmp(bytes, memory + 22, 3) == 0);
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 3), 3); // exactly the segment's rest
    CHECK(memcmp(bytes, memory + 25, 3) == 0);
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 20), 8); // all there is
    CHECK(memcmp(bytes, memory, 8) == 0);
    CHECK_EQUAL(iterator.remaining, 0);
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 1), 0);
}

TEST(user_iterator_writes_across_segments)
{
    struct user_iterator iterator = make_iterator();

    memset(bytes, 'w', sizeof(bytes));
    bytes[17] = 'x';
    CHECK_EQUAL(user_iterator_write(&iterator, bytes, 18), 18);
    CHECK(memcmp(memory + 40, "wwwwwwww", 8) == 0 && memcmp(memory + 20, "wwwwwwww", 8) == 0);
    CHECK(memory[0] == 'w' && memory[1] == 'x' && memory[2] == 2 && memory[48] == 48);
    CHECK_EQUAL(iterator.remaining, 6);
    CHECK_EQUAL(user_iterator_zero(&iterator, 2), 2);
    CHECK(memory[2] == 0 && memory[3] == 0 && memory[4] == 4);
    iterator = make_iterator();
    CHECK_EQUAL(user_iterator_zero(&iterator, 9), 9);
    CHECK(memory[40] == 0 && memory[47] == 0 && memory[48] == 48 && memory[20] == 0);
    CHECK(memory[21] == 21);
}

TEST(user_iterator_stops_where_memory_goes_bad)
{
    struct user_iterator iterator = make_iterator();

    user_bad_start = (uint64_t)memory + 23;
    user_bad_end = user_bad_start + 1;
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 24), 11);
    CHECK_EQUAL(iterator.remaining, 13);
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 1), 0);
    CHECK_EQUAL(iterator.remaining, 13);
}

TEST(user_iterator_of_a_kernel_buffer)
{
    char buffer[8];
    struct user_iterator iterator;

    memset(&iterator, 0xa5, sizeof(iterator));
    memset(buffer, 'b', sizeof(buffer));
    user_iterator_init_kernel(&iterator, buffer, sizeof(buffer));
    CHECK(iterator.remaining == 8 && iterator.end_limit == UINT64_MAX);
    CHECK_EQUAL(user_iterator_write(&iterator, "abc", 3), 3);
    CHECK_EQUAL(user_iterator_zero(&iterator, 2), 2);
    CHECK_EQUAL(iterator.remaining, 3);
    CHECK(memcmp(buffer, "abc\0\0bbb", 8) == 0);
    buffer[7] = 'c';
    CHECK_EQUAL(user_iterator_read(&iterator, bytes, 20), 3);
    CHECK(memcmp(bytes, "bbc", 3) == 0 && iterator.remaining == 0);
    CHECK_EQUAL(user_copies, 0);
}
