// The groups in the order in which they run. A new file of attempts: its group here, twice.
#pragma once

#include "attempt.h"

extern const struct group privileged_group, sensitive_group, vectors_group, pages_group,
    selectors_group, doors_group, leaks_group, fresh_group, padding_group, storms_group;
extern const struct group arguments_group;
extern const struct group races_group;
extern const struct group attacks_group;
extern const struct group depths_group;
extern const struct group images_group;

// clang-format off
#define GROUPS \
    &privileged_group, \
    &sensitive_group, \
    &vectors_group, \
    &pages_group, \
    &selectors_group, \
    &doors_group, \
    &leaks_group, \
    &fresh_group, \
    &padding_group, \
    &storms_group, \
    &arguments_group, \
    &races_group, \
    &attacks_group, \
    &depths_group, \
    &images_group,
// clang-format on
