// Where a new mapping goes, and whether it may. For map.c and remap.c; the space's mutex is held.
#pragma once

#include "vm/region.h"

// The start of a free range of `length` (whole pages, not 0) for mmap's `hint` and MAP_AT_* flags.
// With MAP_AT_FIXED the range may be in use. *place: what lies around the start. -ENOMEM, -EINVAL,
// -EPERM, -EEXIST. Preemption points.
must_check int64_t placement_choose(const struct address_space *space, uint64_t hint,
                                    uint64_t length, uint32_t flags, struct region_place *place);
// May the space grow by this many pages of such a region (RLIMIT_AS, RLIMIT_DATA)? Preemption
// points.
must_check bool placement_is_within_limits(const struct address_space *space,
                                           const struct region *model, uint64_t pages);
// May all of [start, end) become writable (RLIMIT_DATA)? Preemption points.
must_check bool placement_may_be_writable(const struct address_space *space, uint64_t start,
                                          uint64_t end);
// Pages of [start, end) that are mapped already. Preemption points.
uint64_t placement_mapped_pages(const struct address_space *space, uint64_t start, uint64_t end);
// Could memory ever hold private or anonymous writable memory of this length? Linux's heuristic
// overcommit refuses the obvious excess and nothing else.
bool placement_is_plausible(uint64_t length);
