// Keys of futexes. Called by the futex system calls. Invariant: two keys are equal only while both
// of their words are the same memory, since a key holds its object.
#include "vm/futex_key.h"

#include "abi/errno.h"
#include "vm/region.h"

int address_space_futex_key(struct address_space *space, user_addr address, bool shared,
                            struct futex_key *key)
{
    uint64_t number = address.opaque;
    *key = (struct futex_key){ .space = space, .offset = number };
    if (!shared)
        return 0;
    mutex_acquire(&space->mutex);
    const struct region *region = region_find(space, number);
    if (region && region->shared) {
        key->object = region->object;
        key->offset = number - region->start + region->object_page * PAGE_SIZE;
        key->shared = true;
        futex_key_reference(key);
    }
    mutex_release(&space->mutex);
    return region ? 0 : -EFAULT;
}

void futex_key_reference(const struct futex_key *key)
{
    if (key->shared)
        key->object->operations->reference(key->object);
}

void futex_key_release(const struct futex_key *key)
{
    if (key->shared)
        key->object->operations->release(key->object);
}
