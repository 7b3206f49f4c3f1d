// Iterators over scattered user memory, for read, write and their vector forms. Called by files and
// pipes; every byte goes through user_copy.c. Invariant: `offset` is at most the current segment's
// length, and `remaining` is what the segments still hold.
#include "vm/user_copy.h"

#include "lib/string.h"

void user_iterator_init(struct user_iterator *iterator, struct user_segment *segments,
                        uint32_t count)
{
    *iterator =
        (struct user_iterator){ .segments = segments, .count = count, .end_limit = UINT64_MAX };
    for (uint32_t i = 0; i < count; i++) {
        uint64_t room = UINT64_MAX - iterator->remaining;
        iterator->remaining += min_of(segments[i].length, room);
    }
}

void user_iterator_init_kernel(struct user_iterator *iterator, void *buffer, size_t length)
{
    *iterator =
        (struct user_iterator){ .kernel = buffer, .remaining = length, .end_limit = UINT64_MAX };
}

enum direction { FROM_PROGRAM, TO_PROGRAM, ZERO };

static size_t copy_piece(enum direction direction, user_addr user, char *kernel, size_t length)
{
    switch (direction) {
    case FROM_PROGRAM:
        return copy_from_user_partial(kernel, user, length);
    case TO_PROGRAM:
        return copy_to_user_partial(user, kernel, length);
    case ZERO:
        return zero_user_partial(user, length);
    }
    return 0;
}

static size_t transfer_kernel(struct user_iterator *iterator, enum direction direction,
                              char *kernel, size_t length)
{
    size_t piece = min_of(length, iterator->remaining);
    if (direction == FROM_PROGRAM)
        memcpy(kernel, iterator->kernel, piece);
    else if (direction == TO_PROGRAM)
        memcpy(iterator->kernel, kernel, piece);
    else
        memset(iterator->kernel, 0, piece);
    iterator->kernel += piece;
    iterator->remaining -= piece;
    return piece;
}

// `kernel` is NULL for ZERO.
static size_t transfer(struct user_iterator *iterator, enum direction direction, char *kernel,
                       size_t length)
{
    size_t done = 0;
    if (iterator->kernel)
        return transfer_kernel(iterator, direction, kernel, length);
    while (done < length && iterator->index < iterator->count) {
        const struct user_segment *segment = &iterator->segments[iterator->index];
        size_t piece = min_of(length - done, segment->length - iterator->offset);
        if (piece == 0) {
            iterator->index++;
            iterator->offset = 0;
            continue;
        }
        size_t copied = copy_piece(direction, user_addr_offset(segment->base, iterator->offset),
                                   kernel ? kernel + done : NULL, piece);
        iterator->offset += copied;
        iterator->remaining -= copied;
        done += copied;
        if (copied < piece)
            break;
    }
    return done;
}

size_t user_iterator_read(struct user_iterator *iterator, void *destination, size_t length)
{
    return transfer(iterator, FROM_PROGRAM, destination, length);
}

size_t user_iterator_write(struct user_iterator *iterator, const void *source, size_t length)
{
    return transfer(iterator, TO_PROGRAM, (char *)source, length);
}

size_t user_iterator_zero(struct user_iterator *iterator, size_t length)
{
    return transfer(iterator, ZERO, NULL, length);
}
