// The address space that the kernel starts in. Pure code: no firmware calls; takes its tables from
// a pool that the caller allocated, physical addresses equal pointers. Tested on the host.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot_info.h"
#include "elf_image.h"

struct page_tables {
    uint64_t *pool; // page-aligned
    uint64_t pool_pages;
    uint64_t used_pages; // pool[0 .. 511] is the root
    bool no_execute;     // the processor knows NX
    bool gigabyte_pages;
};

// Pages that page_tables_build() needs at most.
uint64_t page_tables_estimate(const struct boot_info *info);
// Maps info->regions directly, the kernel at its two places, and the two pages from the one that
// holds `switch_code` on at their physical addresses. False: the pool is too small.
bool page_tables_build(struct page_tables *tables, const struct boot_info *info,
                       const struct kernel_image *image, uint64_t switch_code);
