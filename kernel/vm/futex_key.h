// What a futex is known by: private memory by its space and address, shared memory by the object
// and the offset in it, so that all who map it meet, wherever they map it. On private memory a call
// that says "shared" has the key of one that says "private", and they meet, other than on Linux:
// deliberate, for a program that mixes them means the same word.
#pragma once

#include "vm/address_space.h"

struct futex_key {
    union {
        const struct address_space *space; // not a reference: who waits keeps its space
        struct memory_object *object;      // one reference
        uint64_t identity;
    };
    uint64_t offset; // the address, or bytes from the object's start
    bool shared;     // `object` counts
};

// With `shared` false (FUTEX_PRIVATE_FLAG) nothing is looked up: 0. Else -EFAULT where nothing is
// mapped; takes the space's mutex: may sleep, no spinlock held. Ended by futex_key_release().
must_check int address_space_futex_key(struct address_space *space, user_addr address, bool shared,
                                       struct futex_key *key);
// Gives the object's reference back. May sleep.
void futex_key_release(const struct futex_key *key);
// One more of the same, for a waiter that is moved to this futex. Any context.
void futex_key_reference(const struct futex_key *key);

static inline bool futex_key_equal(const struct futex_key *left, const struct futex_key *right)
{
    return left->identity == right->identity && left->offset == right->offset;
}
// All bits are good.
static inline uint64_t futex_key_hash(const struct futex_key *key)
{
    uint64_t mixed = (key->identity ^ key->offset >> 2) * 0x9e3779b97f4a7c15;
    return (mixed ^ key->offset >> 12 ^ mixed >> 32) * 0x9e3779b97f4a7c15;
}
