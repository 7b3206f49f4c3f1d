// select and pselect6: three sets of descriptors as bits, waited for as poll does.

#include "abi/errno.h"
#include "mem/object_cache.h"
#include "syscall/arguments.h"
#include "syscall/poll_set.h"
#include "syscall/syscall.h"

#define SET_COUNT 3u
#define WORD_BITS 64u
#define NS_PER_SECOND 1000000000ull
#define US_PER_SECOND 1000000

// What a set asks for, and what of that counts although the file was not asked.
static const struct {
    uint16_t events, always;
} meanings[SET_COUNT] = {
    { POLLIN | POLLRDNORM, POLLERR | POLLHUP },
    { POLLOUT | POLLWRNORM, POLLERR },
    { POLLPRI, 0 },
};

struct select_sets {
    uint64_t addresses[SET_COUNT]; // 0: no set
    uint32_t word_count;           // of each
    uint64_t *bits;                // the sets one after the other; first asked, then answered
};

static uint64_t *set_bits(const struct select_sets *sets, uint32_t which)
{
    return sets->bits + which * sets->word_count;
}

static bool bit_is_set(const struct select_sets *sets, uint32_t which, uint32_t descriptor)
{
    return set_bits(sets, which)[descriptor / WORD_BITS] >> descriptor % WORD_BITS & 1;
}

// Bits beyond `limit` in the last word are no descriptors, and not set in the answer.
static int load_bits(struct select_sets *sets, uint32_t limit)
{
    uint32_t last_bits = limit % WORD_BITS;
    for (uint32_t which = 0; which < SET_COUNT; which++) {
        size_t size = sets->word_count * sizeof(uint64_t);
        if (sets->addresses[which] &&
            copy_from_user(set_bits(sets, which), user_addr_make(sets->addresses[which]), size))
            return -EFAULT;
        if (last_bits)
            set_bits(sets, which)[sets->word_count - 1] &= (1ull << last_bits) - 1;
    }
    return 0;
}

static int store_bits(const struct select_sets *sets)
{
    for (uint32_t which = 0; which < SET_COUNT; which++) {
        size_t size = sets->word_count * sizeof(uint64_t);
        if (sets->addresses[which] &&
            copy_to_user(user_addr_make(sets->addresses[which]), set_bits(sets, which), size))
            return -EFAULT;
    }
    return 0;
}

// A request for each descriptor below `limit` that is in a set. -EBADF: one is not open.
static int load_requests(struct poll_set *set, const struct select_sets *sets, uint32_t limit)
{
    uint32_t count = 0;
    for (uint32_t descriptor = 0; descriptor < limit; descriptor++) {
        uint16_t events = 0, always = 0;
        poll_pass(descriptor);
        for (uint32_t which = 0; which < SET_COUNT; which++) {
            if (!bit_is_set(sets, which, descriptor))
                continue;
            events |= meanings[which].events;
            always |= meanings[which].always;
        }
        if (!(events | always))
            continue;
        set->requests[count] = (struct abi_pollfd){ (int32_t)descriptor, (int16_t)events, 0 };
        set->entries[count].always = always;
        set->entries[count].file = descriptor_open_file(descriptor);
        if (!set->entries[count++].file)
            return -EBADF;
    }
    set->count = count;
    return 0;
}

// The bits of what is ready, in place of what was asked; their number.
static int64_t answer_requests(const struct poll_set *set, struct select_sets *sets)
{
    int64_t ready = 0;
    for (uint32_t which = 0; which < SET_COUNT; which++) {
        uint16_t events = meanings[which].events | meanings[which].always;
        for (uint32_t i = 0; i < set->count; i++) {
            uint32_t descriptor = (uint32_t)set->requests[i].fd;
            uint64_t bit = 1ull << descriptor % WORD_BITS;
            uint64_t *word = &set_bits(sets, which)[descriptor / WORD_BITS];
            if ((*word & bit) && ((uint16_t)set->requests[i].revents & events))
                ready++;
            else
                *word &= ~bit;
            poll_pass(i);
        }
    }
    return ready;
}

static int64_t wait_for_sets(struct select_sets *sets, uint32_t limit, uint64_t deadline_ns)
{
    struct poll_set set;
    int64_t result = poll_set_allocate(&set, limit);
    if (result == 0)
        result = load_requests(&set, sets, limit);
    if (result == 0)
        result = poll_set_wait(&set, deadline_ns);
    if (result >= 0) {
        result = answer_requests(&set, sets);
        if (store_bits(sets) != 0)
            result = -EFAULT;
    }
    poll_set_free(&set);
    return result;
}

// Descriptors beyond the table cannot be open and are not looked at, as on Linux.
static int64_t select_files(uint64_t count, const uint64_t addresses[SET_COUNT],
                            uint64_t deadline_ns)
{
    if ((int32_t)count < 0)
        return -EINVAL;
    uint32_t limit = min_of((uint32_t)count, current_process()->files->capacity);
    struct select_sets sets = { .word_count = (limit + WORD_BITS - 1) / WORD_BITS };
    for (uint32_t which = 0; which < SET_COUNT; which++)
        sets.addresses[which] = addresses[which];
    sets.bits = memory_allocate((SET_COUNT * sets.word_count + 1) * sizeof(uint64_t));
    if (!sets.bits)
        return -ENOMEM;
    int64_t result = load_bits(&sets, limit);
    if (result == 0)
        result = wait_for_sets(&sets, limit, deadline_ns);
    memory_release(sets.bits);
    return result;
}

static uint64_t deadline_of(uint64_t duration_ns)
{
    return duration_ns ? deadline_after(duration_ns) : POLL_NO_WAIT;
}

// A timeval; microseconds may be more than a second.
static int take_timeval(uint64_t address, uint64_t *duration_ns)
{
    struct abi_timeval time;
    if (get_user(time, user_addr_make(address)) != 0)
        return -EFAULT;
    if (time.seconds < 0 || time.microseconds < 0)
        return -EINVAL;
    uint64_t seconds = (uint64_t)time.seconds + (uint64_t)(time.microseconds / US_PER_SECOND);
    uint64_t rest_ns = (uint64_t)(time.microseconds % US_PER_SECOND) * 1000;
    if (__builtin_mul_overflow(seconds, NS_PER_SECOND, duration_ns) ||
        __builtin_add_overflow(*duration_ns, rest_ns, duration_ns))
        *duration_ns = WAIT_FOREVER;
    return 0;
}

// What was left of the time is told; that it cannot be is not.
static void tell_time_left(uint64_t address, uint64_t deadline_ns, uint64_t unit_ns)
{
    if (!address || deadline_ns == WAIT_FOREVER)
        return;
    uint64_t left_ns = time_until(deadline_ns);
    int64_t left[2] = { (int64_t)(left_ns / NS_PER_SECOND),
                        (int64_t)(left_ns % NS_PER_SECOND / unit_ns) };
    if (put_user(user_addr_make(address), left) != 0)
        return;
}

HANDLER5(select, count, read_set, write_set, except_set, timeout)
{
    uint64_t duration_ns, deadline_ns = WAIT_FOREVER;
    if (timeout) {
        int error = take_timeval(timeout, &duration_ns);
        if (error)
            return error;
        deadline_ns = deadline_of(duration_ns);
    }
    const uint64_t addresses[SET_COUNT] = { read_set, write_set, except_set };
    int64_t result = select_files(count, addresses, deadline_ns);
    tell_time_left(timeout, deadline_ns, 1000);
    return result;
}

HANDLER6(pselect6, count, read_set, write_set, except_set, timeout, mask_argument)
{
    struct {
        uint64_t mask, size;
    } argument = { 0 };
    uint64_t duration_ns, deadline_ns = WAIT_FOREVER;
    if (mask_argument && get_user(argument, user_addr_make(mask_argument)) != 0)
        return -EFAULT;
    int error = timeout ? timespec_take(timeout, &duration_ns) : 0;
    if (!error && timeout)
        deadline_ns = deadline_of(duration_ns);
    if (!error && argument.mask)
        error = signal_mask_borrow(argument.mask, argument.size);
    if (error)
        return error;
    const uint64_t addresses[SET_COUNT] = { read_set, write_set, except_set };
    int64_t result = select_files(count, addresses, deadline_ns);
    if (argument.mask && result != -ERESTARTNOHAND)
        signal_mask_give_back();
    tell_time_left(timeout, deadline_ns, 1);
    return result;
}
