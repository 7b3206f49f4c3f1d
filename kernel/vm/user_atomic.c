// Atomic access to single words of a program. Called for futexes; the instructions are in
// user_copy.S.
#include "vm/user_atomic.h"

#include "abi/errno.h"
#include "cpu/interrupts.h"
#include "cpu/spinlock.h"
#include "debug/fail.h"
#include "lib/panic.h"
#include "sched/thread.h"
#include "vm/user_copy.h"
#include "vm/user_copy_raw.h"

static bool is_good(user_addr address)
{
    kassert(user_addr_as_number(address) % sizeof(uint32_t) == 0);
    return user_range_is_valid(address, sizeof(uint32_t)) && !fail_here(FAIL_COPY);
}

static void assert_may_sleep(void)
{
    if (DEBUG_CHECKS)
        kassert(interrupts_are_on());
    spinlock_assert_held_count(0);
    kassert(thread_state(current_thread()) == THREAD_RUNNING);
}

static int finish(uint64_t word, uint32_t *value)
{
    if (word == UINT64_MAX)
        return -EFAULT;
    *value = (uint32_t)word;
    return 0;
}

int user_load32(uint32_t *value, user_addr address)
{
    assert_may_sleep();
    return is_good(address) ? finish(user_load32_raw(address.opaque), value) : -EFAULT;
}

int user_load32_no_fault(uint32_t *value, user_addr address)
{
    return is_good(address) ? finish(user_load32_no_fault_raw(address.opaque), value) : -EFAULT;
}

int user_compare_exchange32(user_addr address, uint32_t expected, uint32_t desired, uint32_t *value)
{
    assert_may_sleep();
    if (!is_good(address))
        return -EFAULT;
    return finish(user_compare_exchange32_raw(address.opaque, expected, desired), value);
}

bool user_atomic_must_not_fault(uint64_t rip)
{
    return rip == (uint64_t)user_load32_no_fault_instruction;
}
