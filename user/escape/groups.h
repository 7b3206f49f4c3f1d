// The groups in the order in which they run. A new file of attempts: its group here, twice.
#pragma once

#include "attempt.h"

extern const struct group privileged_group, sensitive_group, vectors_group, selectors_group;
extern const struct group arguments_group;

// clang-format off
#define GROUPS \
    &privileged_group, \
    &sensitive_group, \
    &vectors_group, \
    &selectors_group, \
    &arguments_group,
// clang-format on
