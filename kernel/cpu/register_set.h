// What all CPUs must have set alike: control and debug registers, MSRs, the IDT. Checked builds
// compare every further CPU with the boot CPU when it has started (boot/processors.c).
#pragma once

#include "lib/types.h"

#define REGISTER_SET_SIZE 14u

struct register_set {
    uint64_t values[REGISTER_SET_SIZE];
};

// This CPU's, before the first thread runs on it. Interrupts off.
void register_set_read(struct register_set *set);
// Which register is the first that differs; REGISTER_SET_SIZE: none.
uint32_t register_set_difference(const struct register_set *one, const struct register_set *other);
const char *register_set_name(uint32_t which);
