// /dev/null, zero, full, random and urandom: endless sources and sinks without state. Called
// through file.c, which has checked that the program's buffers lie in the user half.
#include "pseudo/devices.h"

#include "abi/errno.h"
#include "debug/random.h"
#include "sched/scheduler.h"

#define RANDOM_CHUNK 256u

static int64_t read_nothing(struct file *file, struct user_iterator *target, uint64_t *position)
{
    return 0;
}

// The program's memory is not looked at, so that unmapped buffers are fine too, as on Linux.
static int64_t write_away(struct file *file, struct user_iterator *source, uint64_t *position)
{
    return (int64_t)source->remaining;
}

static int64_t write_to_full(struct file *file, struct user_iterator *source, uint64_t *position)
{
    return -ENOSPC;
}

// These have no positions: every seek lands at the start.
static int64_t seek_nowhere(struct file *file, int64_t offset, int whence)
{
    file->position = 0;
    return 0;
}

typedef size_t (*produce_bytes)(struct user_iterator *target, size_t length);

// Fills the program's buffer piece by piece. A pending signal ends it with what was moved, since a
// read of gigabytes takes long.
never_inlined static int64_t read_endless(struct user_iterator *target, size_t piece,
                                          produce_bytes produce)
{
    int64_t moved = 0;
    while (target->remaining > 0) {
        if (moved > 0 && thread_has_work(current_thread()))
            break;
        size_t chunk = min_of(target->remaining, piece);
        size_t copied = produce(target, chunk);
        moved += (int64_t)copied;
        if (copied < chunk)
            return moved ? moved : -EFAULT;
        preempt_point();
    }
    return moved;
}

static size_t produce_random(struct user_iterator *target, size_t length)
{
    uint8_t bytes[RANDOM_CHUNK];
    random_fill(bytes, length);
    return user_iterator_write(target, bytes, length);
}

static int64_t read_zeros(struct file *file, struct user_iterator *target, uint64_t *position)
{
    return target->remaining ? read_endless(target, PAGE_SIZE, user_iterator_zero) : 0;
}

static int64_t read_random(struct file *file, struct user_iterator *target, uint64_t *position)
{
    return read_endless(target, RANDOM_CHUNK, produce_random);
}

const struct file_operations null_operations = {
    .read = read_nothing,
    .write = write_away,
    .seek = seek_nowhere,
    .position_use = POSITION_IGNORED,
};

const struct file_operations zero_operations = {
    .read = read_zeros,
    .write = write_away,
    .seek = seek_nowhere,
    .position_use = POSITION_IGNORED,
};

const struct file_operations full_operations = {
    .read = read_zeros,
    .write = write_to_full,
    .seek = seek_nowhere,
    .position_use = POSITION_IGNORED,
};

const struct file_operations random_operations = {
    .read = read_random,
    .write = write_away,
    .seek = seek_nowhere,
    .position_use = POSITION_IGNORED,
};
