// User copy: range checks in front of the instructions in user_copy.S, and strings. Called by every
// system call that takes a pointer. Invariant: no address at or above USER_ADDRESS_LIMIT reaches
// those instructions on the user side.
#include "vm/user_copy.h"

#include "abi/errno.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "debug/fail.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "vm/address_space.h"
#include "vm/user_copy_raw.h"

bool user_copy_has_smap;

void user_copy_init(void)
{
    user_copy_has_smap = cpu_features.smap;
}

// A copy may fault, and serving the fault sleeps and takes the address space's mutex.
static void assert_may_fault(void)
{
    if (!DEBUG_CHECKS)
        return;
    kassert(user_copy_has_smap == cpu_features.smap); // or every access would fault for ever
    kassert(!cpu_features.smap || !(read_rflags() & RFLAGS_AC)); // the last copy closed it again
    kassert(interrupts_are_on());
    spinlock_assert_held_count(0);
    kassert(atomic_load(&current_thread()->state) == THREAD_RUNNING);
    struct address_space *space = current_address_space();
    kassert(!space || !mutex_is_held(&space->mutex));
}

// How much of a copy is made: all, unless it is to fail in the middle.
static size_t length_to_copy(size_t length)
{
    return length > 0 && fail_here(FAIL_COPY) ? length / 2 : length;
}

size_t copy_from_user_partial(void *destination, user_addr source, size_t length)
{
    assert_may_fault();
    if (!user_range_is_valid(source, length))
        return 0;
    length = length_to_copy(length);
    return length - user_copy_raw((uint64_t)destination, source.opaque, length);
}

size_t copy_to_user_partial(user_addr destination, const void *source, size_t length)
{
    assert_may_fault();
    if (!user_range_is_valid(destination, length))
        return 0;
    length = length_to_copy(length);
    return length - user_copy_raw(destination.opaque, (uint64_t)source, length);
}

size_t zero_user_partial(user_addr destination, size_t length)
{
    assert_may_fault();
    if (!user_range_is_valid(destination, length))
        return 0;
    length = length_to_copy(length);
    return length - user_zero_raw(destination.opaque, length);
}

int copy_from_user(void *destination, user_addr source, size_t length)
{
    if (!user_range_is_valid(source, length))
        return -EFAULT;
    return copy_from_user_partial(destination, source, length) == length ? 0 : -EFAULT;
}

int copy_to_user(user_addr destination, const void *source, size_t length)
{
    if (!user_range_is_valid(destination, length))
        return -EFAULT;
    return copy_to_user_partial(destination, source, length) == length ? 0 : -EFAULT;
}

// Up to the end of the page that `source` lies in: nothing is touched behind the page in which a
// string ends. As user_string_raw(); *piece is the room that there was.
static inline size_t copy_string_piece(char *destination, user_addr source, size_t size,
                                       size_t *piece)
{
    *piece = min_of(size, PAGE_SIZE - source.opaque % PAGE_SIZE);
    if (unlikely(!user_range_is_valid(source, *piece)))
        return SIZE_MAX;
    return user_string_raw((uint64_t)destination, source.opaque, *piece);
}

never_inlined static int64_t copy_string_pieces(char *destination, user_addr source, size_t size)
{
    for (size_t done = 0, piece; done < size;) {
        size_t length = copy_string_piece(destination + done, user_addr_offset(source, done),
                                          size - done, &piece);
        if (length == SIZE_MAX)
            return -EFAULT;
        done += length;
        if (length < piece)
            return (int64_t)done;
    }
    return -ENAMETOOLONG;
}

// Mostly the first piece is all. If not, it is copied anew: only the last copy is looked at.
int64_t copy_string_from_user(char *destination, user_addr source, size_t size)
{
    size_t piece;
    assert_may_fault();
    if (fail_here(FAIL_COPY))
        return -EFAULT;
    size_t length = copy_string_piece(destination, source, size, &piece);
    return likely(length < piece) ? (int64_t)length : copy_string_pieces(destination, source, size);
}

uint64_t user_copy_fixup(uint64_t rip)
{
    if (!PROTECT_COPY_FIXUP)
        return 0;
    for (const struct user_copy_fixup_entry *entry = user_copy_fixups_start;
         entry < user_copy_fixups_end; entry++) {
        if (entry->instruction == rip)
            return entry->continuation;
    }
    return 0;
}
