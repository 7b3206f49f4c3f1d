// Stands before include/boot_info.h on the host: the direct map is wherever machine.c put the fake
// physical memory.
#pragma once

#include_next "boot_info.h"

extern uint64_t host_direct_map_base;
#undef DIRECT_MAP_BASE
#define DIRECT_MAP_BASE host_direct_map_base
