// Reads what page tables map, as the CPU would understand them: the rights of every level together
// (SDM vol. 3A, 4.6). For files and tests that look at the live tables; nothing is changed.
#pragma once

#include "lib/types.h"

struct mapped_page {
    uint64_t start, size; // size: 4 KiB, 2 MiB or 1 GiB
    uint64_t physical;
    bool write, execute, user, global;
};

// The first page of the kernel's half, mapped by this root, that ends above `address`. False: none.
// Takes the kernel map lock inside; what lies below a root entry may change between two calls.
must_check bool page_walk_kernel_half(phys_addr root, uint64_t address, struct mapped_page *page);
// Do both roots lead to the same tables in the user half? The space's mutex is held.
must_check bool page_walk_same_user_half(phys_addr root, phys_addr other);
