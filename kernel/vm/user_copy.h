// The only code that touches user memory. Addresses are range-checked, access is opened by STAC for
// the copy instruction alone (SMAP), and a fault there that cannot be served ends the copy with
// -EFAULT by the fix-up table. May sleep (page faults): interrupts on, no spinlock held, asserted
// in debug builds. Data is copied once; callers validate the copy, never the original.
#pragma once

#include "cpu/frame.h"
#include "lib/protection.h"
#include "lib/types.h"

// Chooses the instruction sequence for this kind of CPU. Boot, after cpu_features_init(), before
// the first program.
void user_copy_init(void);

// 0 or -EFAULT. A length of 0 succeeds where the address is below the limit, as on Linux.
must_check int copy_from_user(void *destination, user_addr source, size_t length);
must_check int copy_to_user(user_addr destination, const void *source, size_t length);
// The number of bytes copied before the first bad one; all of `length` on success.
must_check size_t copy_from_user_partial(void *destination, user_addr source, size_t length);
must_check size_t copy_to_user_partial(user_addr destination, const void *source, size_t length);
must_check size_t zero_user_partial(user_addr destination, size_t length);
// Copies a NUL-terminated string. Its length, or -EFAULT, or -ENAMETOOLONG when `size` bytes hold
// no terminator.
must_check int64_t copy_string_from_user(char *destination, user_addr source, size_t size);
// Is [address, address + length) inside the user half, without wrap-around?
static inline bool user_range_is_valid(user_addr address, uint64_t length)
{
    uint64_t end;
    return !PROTECT_COPY_RANGE ||
           (!__builtin_add_overflow(address.opaque, length, &end) && end <= USER_ADDRESS_LIMIT);
}

// For ioctl: an argument that is a number, not an address.
static inline uint64_t user_addr_as_number(user_addr argument)
{
    return argument.opaque;
}

#define get_user(variable, address) copy_from_user(&(variable), (address), sizeof(variable))
#define put_user(address, variable) copy_to_user((address), &(variable), sizeof(variable))

// Scattered user memory, for read, write and their vector forms.
struct user_segment {
    user_addr base;
    uint64_t length;
};
struct user_iterator {
    struct user_segment current; // what is left of the segment that comes next
    union {
        const struct user_segment *more; // the segments after it
        char *kernel;                    // instead of the program's memory
    };
    uint32_t more_count;
    enum { MEMORY_OF_PROGRAM, MEMORY_OF_KERNEL } memory; // `kernel` counts, and no segment
    uint64_t remaining;                                  // bytes left over all segments
    uint64_t end_limit; // a regular file takes no byte from this offset on; UINT64_MAX: no limit
};
static inline void user_iterator_init(struct user_iterator *iterator, user_addr base,
                                      uint64_t length)
{
    *iterator = (struct user_iterator){ .current = { base, length },
                                        .remaining = length,
                                        .end_limit = UINT64_MAX };
}
// The segments must stay while the iterator is in use.
void user_iterator_init_vector(struct user_iterator *iterator, const struct user_segment *segments,
                               uint32_t count);
// For a kernel that moves bytes from one file to another: `buffer` in place of a program's memory.
void user_iterator_init_kernel(struct user_iterator *iterator, void *buffer, size_t length);
bool user_iterator_rest_is_valid(const struct user_iterator *iterator);
// Do all segments lie in the user half?
static inline bool user_iterator_is_valid(const struct user_iterator *iterator)
{
    return user_range_is_valid(iterator->current.base, iterator->current.length) &&
           (iterator->more_count == 0 || user_iterator_rest_is_valid(iterator));
}
// Copy between kernel memory and the iterator and advance it by what was copied; less than `length`
// means that user memory went bad there.
must_check size_t user_iterator_read(struct user_iterator *iterator, void *destination,
                                     size_t length); // program -> kernel
must_check size_t user_iterator_write(struct user_iterator *iterator, const void *source,
                                      size_t length); // kernel -> program
must_check size_t user_iterator_zero(struct user_iterator *iterator, size_t length);

// For trap/: the address to continue at when `rip` is a user-access instruction; 0 when it is not.
uint64_t user_copy_fixup(uint64_t rip);
