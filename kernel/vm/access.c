// Reading and writing the memory of a space that need not be loaded, page by page through the
// direct map. Called by exec (stack, bss) and by whoever looks into another process. Rights of the
// regions hold here as well.
#include "abi/errno.h"
#include "cpu/frame.h"
#include "lib/string.h"
#include "sched/scheduler.h"
#include "vm/pages.h"

static int transfer_page(struct address_space *space, uint64_t address, void *buffer, size_t length,
                         bool write)
{
    uint64_t *entry;
    mutex_acquire(&space->mutex);
    enum fault_verdict verdict =
        pages_resolve(space, address, write ? PAGE_FAULT_WRITE : 0, &entry);
    if (verdict == FAULT_RESOLVED) {
        char *memory = (char *)direct_map_pointer(pte_address(*entry)) + address % PAGE_SIZE;
        if (write)
            memcpy(memory, buffer, length);
        else
            memcpy(buffer, memory, length);
    }
    mutex_release(&space->mutex);
    if (verdict == FAULT_RESOLVED)
        return 0;
    return verdict == FAULT_NO_MEMORY ? -ENOMEM : -EFAULT;
}

static int transfer(struct address_space *space, uint64_t address, void *buffer, size_t length,
                    bool write)
{
    if (address > USER_ADDRESS_LIMIT || length > USER_ADDRESS_LIMIT - address)
        return -EFAULT;
    for (char *next = buffer; length > 0;) {
        size_t part = min_of(length, PAGE_SIZE - address % PAGE_SIZE);
        int error = transfer_page(space, address, next, part, write);
        if (error)
            return error;
        next += part;
        address += part;
        length -= part;
        preempt_point();
    }
    return 0;
}

int address_space_write(struct address_space *space, uint64_t address, const void *data,
                        size_t length)
{
    return transfer(space, address, (void *)data, length, true);
}

int address_space_read(struct address_space *space, uint64_t address, void *data, size_t length)
{
    return transfer(space, address, data, length, false);
}
