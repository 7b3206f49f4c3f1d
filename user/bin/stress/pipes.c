// Pipes and FIFOs: rings in which numbers go round, much data with several writers, openers that
// come and go, many pipes in one poll.
#include "stress.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING_LIMIT 8
#define WRITERS 3
#define RECORD_LIMIT 512
#define POLLED 12

struct ring {
    int pipes[RING_LIMIT][2];
    unsigned size, me;
    uint32_t rounds;
};

static void keep_ends(const struct ring *ring, unsigned reads, unsigned writes)
{
    for (unsigned i = 0; i < ring->size; i++) {
        if (i != reads)
            close(ring->pipes[i][0]);
        if (i != writes)
            close(ring->pipes[i][1]);
    }
}

// Adds its number to what comes and passes it on.
static int pass_on(struct slot *slot, void *argument)
{
    struct ring *ring = argument;
    uint64_t token;
    unsigned next = (ring->me + 1) % ring->size;
    keep_ends(ring, ring->me, next);
    for (uint32_t round = 0; round < ring->rounds; round++) {
        CHECK(read_all(ring->pipes[ring->me][0], &token, sizeof(token)));
        token += ring->me;
        CHECK(write_all(ring->pipes[next][1], &token, sizeof(token)));
    }
    CHECK(read(ring->pipes[ring->me][0], &token, sizeof(token)) == 0);
    return 0;
}

static int run_one_ring(struct slot *slot, struct ring *ring)
{
    pid_t children[RING_LIMIT];
    uint64_t sum = 0, token = random_next(slot) >> 8;
    for (unsigned i = 0; i < ring->size; i++)
        CHECK(pipe(ring->pipes[i]) == 0);
    for (unsigned i = 1; i < ring->size; i++) {
        ring->me = i;
        sum += i;
        children[i] = job_fork(slot, pass_on, ring);
        CHECK(children[i] >= 0);
    }
    keep_ends(ring, 0, 1);
    for (uint32_t round = 0; round < ring->rounds; round++) {
        uint64_t back;
        CHECK(write_all(ring->pipes[1][1], &token, sizeof(token)));
        CHECK(read_all(ring->pipes[0][0], &back, sizeof(back)));
        CHECK(back == token + sum);
        token = back;
        advance(slot);
        atomic_fetch_add(&slot->amount, ring->size);
    }
    close(ring->pipes[1][1]);
    for (unsigned i = 1; i < ring->size; i++)
        CHECK(job_wait(children[i], 0));
    close(ring->pipes[0][0]);
    return 0;
}

int run_ring(struct slot *slot)
{
    while (goes_on(slot)) {
        struct ring ring = { .size = 2 + random_below(slot, RING_LIMIT - 1),
                             .rounds = 1 + random_below(slot, 200) };
        if (run_one_ring(slot, &ring) != 0)
            return 1;
    }
    return 0;
}

// What a writer sends: whole records, each in one write of at most PIPE_BUF bytes.
struct record {
    uint16_t size, writer;
    uint32_t number;
    uint8_t bytes[RECORD_LIMIT];
};
#define RECORD_HEAD offsetof(struct record, bytes)

struct bulk {
    int pipe[2];
    uint16_t writer;
    uint32_t records;
};

static int write_records(struct slot *slot, void *argument)
{
    const struct bulk *bulk = argument;
    struct record record = { .writer = bulk->writer };
    close(bulk->pipe[0]);
    for (uint32_t i = 0; i < bulk->records; i++) {
        record.number = i;
        record.size = (uint16_t)(1 + random_below(slot, RECORD_LIMIT));
        pattern_fill(record.bytes, record.size, i * 16ull + bulk->writer);
        ssize_t size = (ssize_t)(RECORD_HEAD + record.size);
        CHECK(write(bulk->pipe[1], &record, (size_t)size) == size);
    }
    return 0;
}

// Records come whole and, of each writer, in order.
static int read_records(struct slot *slot, int fd, uint32_t records)
{
    uint32_t next[WRITERS] = { 0 };
    struct record record;
    for (uint32_t i = 0; i < records * WRITERS; i++) {
        CHECK(read_all(fd, &record, RECORD_HEAD));
        CHECK(record.writer < WRITERS && record.size <= RECORD_LIMIT);
        CHECK(record.number == next[record.writer]++);
        CHECK(read_all(fd, record.bytes, record.size));
        CHECK(pattern_is(record.bytes, record.size, record.number * 16ull + record.writer));
        atomic_fetch_add(&slot->amount, record.size);
        advance(slot);
    }
    CHECK(read(fd, &record, 1) == 0);
    return 0;
}

int run_bulk(struct slot *slot)
{
    while (goes_on(slot)) {
        struct bulk bulk = { .records = 1 + random_below(slot, 300) };
        pid_t writers[WRITERS];
        CHECK(pipe(bulk.pipe) == 0);
        for (bulk.writer = 0; bulk.writer < WRITERS; bulk.writer++) {
            writers[bulk.writer] = job_fork(slot, write_records, &bulk);
            CHECK(writers[bulk.writer] >= 0);
        }
        close(bulk.pipe[1]);
        if (read_records(slot, bulk.pipe[0], bulk.records) != 0)
            return 1;
        close(bulk.pipe[0]);
        for (unsigned i = 0; i < WRITERS; i++)
            CHECK(job_wait(writers[i], 0));
    }
    return 0;
}

// Opens for writing, writes one number or nothing, and goes: each time the reader, who opens anew
// as well, must see that somebody came.
static int open_and_go(struct slot *slot, void *argument)
{
    const char *path = argument;
    for (uint32_t i = 0;; i++) {
        int fd = open(path, O_WRONLY);
        if (fd < 0)
            return errno != ENOENT;
        if (i % 3 != 0 && write(fd, &i, sizeof(i)) != sizeof(i) && errno != EPIPE)
            return 1;
        close(fd);
    }
}

int run_fifo(struct slot *slot)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/fifo", slot->folder);
    CHECK(mkfifo(path, 0600) == 0);
    signal(SIGPIPE, SIG_IGN);
    pid_t writer = job_fork(slot, open_and_go, path);
    CHECK(writer >= 0);
    while (goes_on(slot)) {
        uint32_t number;
        int fd = open(path, O_RDONLY);
        CHECK(fd >= 0);
        while (random_below(slot, 4) != 0 && read(fd, &number, sizeof(number)) > 0)
            atomic_fetch_add(&slot->amount, 1);
        close(fd);
        advance(slot);
    }
    CHECK(kill(writer, SIGKILL) == 0 && job_wait(writer, -SIGKILL));
    CHECK(unlink(path) == 0);
    return 0;
}

struct polled {
    int pipes[POLLED][2];
    uint32_t messages; // through each pipe
};

// Writes to the pipes in random order, now and then after a pause; each pipe gets its numbers in
// order.
static int feed_pipes(struct slot *slot, void *argument)
{
    const struct polled *polled = argument;
    uint32_t sent[POLLED] = { 0 };
    for (uint32_t left = POLLED * polled->messages; left > 0; left--) {
        unsigned i = random_below(slot, POLLED);
        while (sent[i] == polled->messages)
            i = (i + 1) % POLLED;
        CHECK(write(polled->pipes[i][1], &sent[i], sizeof(sent[i])) == sizeof(sent[i]));
        sent[i]++;
        if (random_below(slot, 16) == 0)
            sleep_ns(random_below(slot, 200000));
    }
    return 0;
}

static int take_messages(struct slot *slot, struct polled *polled)
{
    struct pollfd set[POLLED];
    uint32_t got[POLLED] = { 0 }, open_count = POLLED;
    for (unsigned i = 0; i < POLLED; i++)
        set[i] = (struct pollfd){ .fd = polled->pipes[i][0], .events = POLLIN };
    while (open_count > 0) {
        CHECK(poll(set, POLLED, -1) > 0);
        for (unsigned i = 0; i < POLLED; i++) {
            uint32_t number;
            if (set[i].fd < 0 || set[i].revents == 0)
                continue;
            ssize_t size = read(set[i].fd, &number, sizeof(number));
            CHECK(size == 0 || size == sizeof(number));
            if (size == 0) {
                CHECK(got[i] == polled->messages);
                close(set[i].fd);
                set[i].fd = -1;
                open_count--;
                continue;
            }
            CHECK(number == got[i]++);
            atomic_fetch_add(&slot->amount, 1);
            advance(slot);
        }
    }
    return 0;
}

int run_poll(struct slot *slot)
{
    while (goes_on(slot)) {
        struct polled polled = { .messages = 1 + random_below(slot, 40) };
        for (unsigned i = 0; i < POLLED; i++)
            CHECK(pipe(polled.pipes[i]) == 0);
        pid_t feeder = job_fork(slot, feed_pipes, &polled);
        CHECK(feeder >= 0);
        for (unsigned i = 0; i < POLLED; i++)
            close(polled.pipes[i][1]);
        if (take_messages(slot, &polled) != 0)
            return 1;
        CHECK(job_wait(feeder, 0));
    }
    return 0;
}
