// Memory of a program: mmap and its kin, brk. Arguments are checked in the order in
// which Linux does; the address space does the rest.

#include "abi/errno.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define PROTECTION_BITS (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PROT_SEM 8u

static struct address_space *own_space(void)
{
    return atomic_load_explicit(&current_process()->space, memory_order_relaxed);
}

// What mmap puts into a region.
struct mapping {
    uint32_t flags; // MAP_AT_FIXED...
    struct memory_object *object;
};

static uint32_t placement_flags(uint32_t flags)
{
    uint32_t result = 0;
    if (flags & MAP_FIXED_NOREPLACE)
        result |= MAP_AT_FIXED_EMPTY;
    else if (flags & MAP_FIXED)
        result |= MAP_AT_FIXED;
    if (flags & MAP_GROWSDOWN)
        result |= MAP_GROWS_DOWN;
    if (flags & MAP_NORESERVE)
        result |= MAP_UNRESERVED;
    return result;
}

// A shared mapping of a file that was opened for reading only must never become writable.
static int open_mapping(struct mapping *mapping, struct file *file, uint32_t protection,
                        bool shared)
{
    if (!file_is_readable(file))
        return -EACCES;
    if (shared && !file_is_writable(file)) {
        if (protection & PROT_WRITE)
            return -EACCES;
        mapping->flags |= MAP_NEVER_WRITABLE;
    }
    if (!file->operations->map)
        return -ENODEV;
    return file->operations->map(file, &mapping->object);
}

static int check_type(uint32_t flags)
{
    uint32_t type = flags & MAP_TYPE;
    if (type == MAP_SHARED_VALIDATE)
        return flags & MAP_ANONYMOUS ? -EINVAL : 0;
    return type == MAP_SHARED || type == MAP_PRIVATE ? 0 : -EINVAL;
}

inlined_always int64_t map_memory(uint64_t address, uint64_t length, uint32_t protection,
                                  uint32_t flags, struct file *file, uint64_t offset)
{
    if (length == 0)
        return -EINVAL;
    if (align_up(length, PAGE_SIZE) == 0)
        return -ENOMEM;
    if (offset + align_up(length, PAGE_SIZE) < offset)
        return -EOVERFLOW;
    if (length > USER_ADDRESS_LIMIT)
        return -ENOMEM;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    if (fixed && address % PAGE_SIZE)
        return -EINVAL;
    int error = check_type(flags);
    if (error)
        return error;
    bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
    struct mapping mapping = { .flags = placement_flags(flags) | (shared ? MAP_IS_SHARED : 0) };
    if (file)
        error = open_mapping(&mapping, file, protection, shared);
    if (error)
        return error;
    int64_t result = address_space_map(own_space(), align_down(address, PAGE_SIZE), length,
                                       protection & PROTECTION_BITS, mapping.flags, mapping.object,
                                       file ? offset / PAGE_SIZE : 0);
    if (mapping.object)
        mapping.object->operations->release(mapping.object);
    return result;
}

never_inlined static int64_t map_file(uint64_t address, uint64_t length, uint32_t protection,
                                      uint32_t flags, uint64_t descriptor, uint64_t offset)
{
    struct file *file = descriptor_open_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result = map_memory(address, length, protection, flags, file, offset);
    file_release(file);
    return result;
}

HANDLER6(mmap, address, length, protection, flags, descriptor, offset)
{
    if (offset % PAGE_SIZE)
        return -EINVAL;
    if (flags & MAP_ANONYMOUS)
        return map_memory(address, length, (uint32_t)protection, (uint32_t)flags, NULL, offset);
    return map_file(address, length, (uint32_t)protection, (uint32_t)flags, descriptor, offset);
}

HANDLER3(mprotect, address, length, protection)
{
    if (address % PAGE_SIZE)
        return -EINVAL;
    if (length == 0)
        return 0;
    uint64_t pages_length = align_up(length, PAGE_SIZE);
    if (address + pages_length <= address)
        return -ENOMEM;
    if (protection & ~(uint64_t)(PROTECTION_BITS | PROT_SEM))
        return -EINVAL;
    return address_space_protect(own_space(), address, pages_length, protection & PROTECTION_BITS);
}

HANDLER2(munmap, address, length)
{
    return address_space_unmap(own_space(), address, length);
}

HANDLER1(brk, wanted)
{
    return (int64_t)address_space_set_break(own_space(), wanted);
}

HANDLER5(mremap, old_address, old_length, new_length, flags, new_address)
{
    if (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED))
        return -EINVAL;
    return address_space_remap(own_space(), old_address, old_length, new_length,
                               flags & MREMAP_MAYMOVE, flags & MREMAP_FIXED, new_address);
}

// Advice that changes nothing a program can see is taken and forgotten.
static bool advice_is_harmless(int32_t advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_WILLNEED) || advice == MADV_FREE ||
           (advice >= MADV_HUGEPAGE && advice <= MADV_DODUMP);
}

HANDLER3(madvise, address, length, advice)
{
    bool discards = (int32_t)advice == MADV_DONTNEED;
    if (address % PAGE_SIZE || (!discards && !advice_is_harmless((int32_t)advice)))
        return -EINVAL;
    uint64_t pages_length = align_up(length, PAGE_SIZE);
    if ((length && !pages_length) || address + pages_length < address)
        return -EINVAL;
    if (length == 0)
        return 0;
    return discards ? address_space_discard(own_space(), address, pages_length)
                    : address_space_find_hole(own_space(), address, pages_length);
}
