// Futexes and robust lists in the Linux x86-64 ABI.
#pragma once

#include <stdint.h>

#define FUTEX_WAIT 0u
#define FUTEX_WAKE 1u
#define FUTEX_REQUEUE 3u
#define FUTEX_CMP_REQUEUE 4u
#define FUTEX_WAKE_OP 5u
#define FUTEX_WAIT_BITSET 9u
#define FUTEX_WAKE_BITSET 10u
#define FUTEX_PRIVATE 0x80u
#define FUTEX_ON_REALTIME 0x100u

// What FUTEX_WAKE_OP does to its second word, and how it compares what was there before.
#define FUTEX_OP_SET 0u
#define FUTEX_OP_ADD 1u
#define FUTEX_OP_OR 2u
#define FUTEX_OP_ANDN 3u
#define FUTEX_OP_XOR 4u
#define FUTEX_OP_ARGUMENT_SHIFT 8u // with one of the above: the argument is a bit number
#define FUTEX_COMPARE_EQ 0u
#define FUTEX_COMPARE_NE 1u
#define FUTEX_COMPARE_LT 2u
#define FUTEX_COMPARE_LE 3u
#define FUTEX_COMPARE_GT 4u
#define FUTEX_COMPARE_GE 5u

// The word of a lock that its holder's death is told by.
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

#define ROBUST_LIST_LIMIT 2048u
#define ROBUST_ENTRY_PI 1ull // bit 0 of an entry's address: a priority-inheriting lock

struct abi_robust_list_head {
    uint64_t first;
    int64_t futex_offset; // from an entry to its lock's word
    uint64_t pending;     // the entry that is being locked or unlocked
};
_Static_assert(sizeof(struct abi_robust_list_head) == 24, "struct robust_list_head");
