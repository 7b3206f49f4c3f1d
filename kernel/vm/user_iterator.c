// Iterators over scattered user memory, for read, write and their vector forms. Called by files and
// pipes; every byte goes through user_copy.c. Invariant: `remaining` is at most what the current
// segment and those after it still hold.
#include "vm/user_copy.h"

#include "lib/string.h"

void user_iterator_init_vector(struct user_iterator *iterator, const struct user_segment *segments,
                               uint32_t count)
{
    *iterator =
        (struct user_iterator){ .more = segments, .more_count = count, .end_limit = UINT64_MAX };
    for (uint32_t i = 0; i < count; i++) {
        uint64_t room = UINT64_MAX - iterator->remaining;
        iterator->remaining += min_of(segments[i].length, room);
    }
}

bool user_iterator_rest_is_valid(const struct user_iterator *iterator)
{
    for (uint32_t i = 0; i < iterator->more_count; i++) {
        const struct user_segment *segment = &iterator->more[i];
        if (!user_range_is_valid(segment->base, segment->length))
            return false;
    }
    return true;
}

void user_iterator_init_kernel(struct user_iterator *iterator, void *buffer, size_t length)
{
    *iterator = (struct user_iterator){
        .kernel = buffer, .memory = MEMORY_OF_KERNEL, .remaining = length, .end_limit = UINT64_MAX
    };
}

enum direction { FROM_PROGRAM, TO_PROGRAM, ZERO };

static inline size_t copy_piece(enum direction direction, user_addr user, char *kernel,
                                size_t length)
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

// At most `length` bytes of the current segment.
static inline size_t transfer_piece(struct user_iterator *iterator, enum direction direction,
                                    char *kernel, size_t length)
{
    struct user_segment *segment = &iterator->current;
    size_t copied = copy_piece(direction, segment->base, kernel, length);
    segment->base = user_addr_offset(segment->base, copied);
    segment->length -= copied;
    iterator->remaining -= copied;
    return copied;
}

// `kernel` is NULL for ZERO.
static size_t transfer_pieces(struct user_iterator *iterator, enum direction direction,
                              char *kernel, size_t length)
{
    size_t done = 0;
    if (iterator->memory == MEMORY_OF_KERNEL)
        return transfer_kernel(iterator, direction, kernel, length);
    while (done < length) {
        size_t piece = min_of(length - done, iterator->current.length);
        if (piece == 0) {
            if (iterator->more_count == 0)
                break;
            iterator->current = *iterator->more++;
            iterator->more_count--;
            continue;
        }
        size_t copied = transfer_piece(iterator, direction, kernel ? kernel + done : NULL, piece);
        done += copied;
        if (copied < piece)
            break;
    }
    return done;
}

// Mostly one segment holds it all.
static inline size_t transfer(struct user_iterator *iterator, enum direction direction,
                              char *kernel, size_t length)
{
    if (likely(length <= iterator->current.length))
        return transfer_piece(iterator, direction, kernel, length);
    return transfer_pieces(iterator, direction, kernel, length);
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
