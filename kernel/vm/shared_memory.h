// The memory object behind shared anonymous memory: zeroed frames by index, kept until the last
// mapping goes, so that a process and its children see the same pages.
#pragma once

#include "vm/memory_object.h"

// One reference. NULL: no memory.
must_check struct memory_object *shared_memory_create(void);
