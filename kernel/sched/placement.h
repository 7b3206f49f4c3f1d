// Which CPU a thread should run on, as pure functions of what the caller saw. Numbers are of CPUs;
// PLACEMENT_NONE: none fits.
#pragma once

#include "cpu/cpu_mask.h"

#define PLACEMENT_NONE UINT32_MAX

// Of the first `count` CPUs one that is in both masks: the first after `near`, round the end.
uint32_t placement_find_idle(const struct cpu_mask *affinity, const struct cpu_mask *idle,
                             uint32_t count, uint32_t near);
// The CPU of the mask with the smallest load; of several, `near` or the first after it.
uint32_t placement_find_lightest(const struct cpu_mask *affinity, const uint16_t *loads,
                                 uint32_t count, uint32_t near);
