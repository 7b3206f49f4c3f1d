// futex: which operation, which clock, and how an interrupted wait goes on.

#include "proc/futex.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "cpu/clock.h"
#include "sched/wait.h"
#include "syscall/arguments.h"
#include "syscall/syscall.h"

#define OPERATION_MASK 0x7fu

// As Linux: without a deadline SA_RESTART counts; with one the call goes on only when no handler
// ran, and to the same deadline.
static int64_t wait_restartably(user_addr word, uint32_t value, uint32_t bits, uint64_t deadline_ns,
                                bool shared)
{
    int64_t result = futex_wait(word, value, bits, deadline_ns, shared);
    if (result != -ERESTARTSYS || deadline_ns == WAIT_FOREVER)
        return result;
    current_thread()->signals.sleep = (struct sleep_restart){ .deadline_ns = deadline_ns,
                                                              .futex = word,
                                                              .futex_value = value,
                                                              .futex_bits = bits,
                                                              .futex_shared = shared };
    return -ERESTART_RESTARTBLOCK;
}

int64_t futex_wait_restart(const struct sleep_restart *restart)
{
    return wait_restartably(restart->futex, restart->futex_value, restart->futex_bits,
                            restart->deadline_ns, restart->futex_shared);
}

// FUTEX_WAIT's time is a duration, FUTEX_WAIT_BITSET's a moment.
static int take_deadline(uint64_t address, bool is_moment, bool on_realtime, uint64_t *deadline_ns)
{
    uint64_t time_ns;
    *deadline_ns = WAIT_FOREVER;
    if (!address)
        return 0;
    int error = timespec_take(address, &time_ns);
    if (error)
        return error;
    if (!is_moment)
        *deadline_ns = deadline_after(time_ns);
    else if (!on_realtime)
        *deadline_ns = time_ns;
    else
        *deadline_ns = realtime_to_deadline(time_ns);
    *deadline_ns = max_of(*deadline_ns, 1ull); // a timer takes 0 for none
    return 0;
}

static int64_t wait_for_word(user_addr word, uint32_t value, uint32_t bits, uint64_t timeout,
                             bool is_moment, uint32_t command)
{
    uint64_t deadline_ns;
    int error = take_deadline(timeout, is_moment, command & FUTEX_ON_REALTIME, &deadline_ns);
    if (error)
        return error;
    return wait_restartably(word, value, bits, deadline_ns, !(command & FUTEX_PRIVATE));
}

static int64_t requeue(user_addr from, user_addr to, uint32_t wake_count, uint32_t move_count,
                       const uint32_t *expected, bool shared)
{
    if ((int32_t)wake_count < 0 || (int32_t)move_count < 0)
        return -EINVAL;
    return futex_requeue(from, to, wake_count, move_count, expected, shared);
}

// The fourth argument is a time, or a count.
HANDLER6(futex, address, operation, value, time_or_count, second_address, third_value)
{
    user_addr word = user_addr_make(address), second = user_addr_make(second_address);
    uint32_t command = (uint32_t)operation, expected = (uint32_t)third_value;
    uint32_t count = (uint32_t)time_or_count;
    bool shared = !(command & FUTEX_PRIVATE);
    uint32_t kind = command & OPERATION_MASK;
    if (command & FUTEX_ON_REALTIME && kind != FUTEX_WAIT_BITSET)
        return -ENOSYS;
    switch (command & ~(FUTEX_PRIVATE | FUTEX_ON_REALTIME)) {
    case FUTEX_WAIT:
        return wait_for_word(word, (uint32_t)value, FUTEX_ANY_BIT, time_or_count, false, command);
    case FUTEX_WAIT_BITSET:
        return wait_for_word(word, (uint32_t)value, expected, time_or_count, true, command);
    case FUTEX_WAKE:
        return futex_wake(word, (uint32_t)value, FUTEX_ANY_BIT, shared);
    case FUTEX_WAKE_BITSET:
        return futex_wake(word, (uint32_t)value, expected, shared);
    case FUTEX_REQUEUE:
        return requeue(word, second, (uint32_t)value, count, NULL, shared);
    case FUTEX_CMP_REQUEUE:
        return requeue(word, second, (uint32_t)value, count, &expected, shared);
    case FUTEX_WAKE_OP:
        return futex_wake_operation(word, second, (uint32_t)value, count, expected, shared);
    default: // priority inheritance is not there
        return -ENOSYS;
    }
}
