// FUTEX_WAKE_OP: a change of one word and wake-ups on two, in one call. The change is made as the
// program would make it, by an atomic instruction that may fault, before anybody is woken: who
// comes to wait meanwhile looks at the word after it.

#include "proc/futex.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "sched/thread.h"
#include "vm/user_atomic.h"
#include "vm/user_copy.h"

struct word_operation {
    uint32_t change, comparison;
    int32_t argument, compared_with;
};

static int32_t sign_extend_12(uint32_t value)
{
    return (int32_t)(value << 20) >> 20;
}

static struct word_operation decode(uint32_t operation)
{
    struct word_operation decoded = {
        .change = operation >> 28 & 15,
        .comparison = operation >> 24 & 15,
        .argument = sign_extend_12(operation >> 12),
        .compared_with = sign_extend_12(operation),
    };
    if (decoded.change & FUTEX_OP_ARGUMENT_SHIFT) {
        decoded.change &= ~FUTEX_OP_ARGUMENT_SHIFT;
        decoded.argument = (int32_t)(1u << ((uint32_t)decoded.argument & 31));
    }
    return decoded;
}

static uint32_t changed(const struct word_operation *operation, uint32_t value)
{
    uint32_t argument = (uint32_t)operation->argument;
    switch (operation->change) {
    case FUTEX_OP_SET:
        return argument;
    case FUTEX_OP_ADD:
        return value + argument;
    case FUTEX_OP_OR:
        return value | argument;
    case FUTEX_OP_ANDN:
        return value & ~argument;
    default:
        return value ^ argument;
    }
}

static bool compares(const struct word_operation *operation, uint32_t word)
{
    int32_t value = (int32_t)word, with = operation->compared_with;
    switch (operation->comparison) {
    case FUTEX_COMPARE_EQ:
        return value == with;
    case FUTEX_COMPARE_NE:
        return value != with;
    case FUTEX_COMPARE_LT:
        return value < with;
    case FUTEX_COMPARE_LE:
        return value <= with;
    case FUTEX_COMPARE_GT:
        return value > with;
    default:
        return value >= with;
    }
}

// *before is what the word was.
static int change_word(user_addr word, const struct word_operation *operation, uint32_t *before)
{
    if (user_load32(before, word) != 0)
        return -EFAULT;
    for (;;) {
        uint32_t seen;
        int error = user_compare_exchange32(word, *before, changed(operation, *before), &seen);
        if (error || seen == *before)
            return error;
        *before = seen;
        if (thread_has_work(current_thread()))
            return -ERESTARTNOINTR;
    }
}

static int64_t operate(const struct futex_key *first_key, uint32_t first_count, user_addr second,
                       const struct futex_key *second_key, uint32_t second_count,
                       const struct word_operation *operation)
{
    uint32_t before;
    int error = change_word(second, operation, &before);
    if (error)
        return error;
    int64_t woken = futex_wake_key(first_key, first_count, FUTEX_ANY_BIT);
    if (compares(operation, before))
        woken += futex_wake_key(second_key, second_count, FUTEX_ANY_BIT);
    return woken;
}

// Both words are known to be good before one is changed.
int64_t futex_wake_operation(user_addr first, user_addr second, uint32_t first_count,
                             uint32_t second_count, uint32_t encoded, bool shared)
{
    struct word_operation operation = decode(encoded);
    struct futex_key first_key, second_key;
    if (operation.change > FUTEX_OP_XOR || operation.comparison > FUTEX_COMPARE_GE)
        return -ENOSYS;
    int64_t result = futex_take_key(&first_key, first, shared);
    if (result)
        return result;
    result = futex_take_key(&second_key, second, shared);
    if (result == 0) {
        result = operate(&first_key, first_count, second, &second_key, second_count, &operation);
        futex_key_release(&second_key);
    }
    futex_key_release(&first_key);
    return result;
}
