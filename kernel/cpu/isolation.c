// The decision for or against page-table isolation. Called by boot/mechanisms.c.
#include "cpu/isolation.h"

#include "lib/string.h"

bool isolation_is_on;

// AMD's CPUs check rights before they hand data on ("Software techniques for managing speculation
// on AMD processors", 2018; Hygon's are of the same design). Of the others, only who says so.
bool isolation_is_needed(const struct cpu_features *features, uint64_t capabilities)
{
    if (strcmp(features->vendor, "AuthenticAMD") == 0 ||
        strcmp(features->vendor, "HygonGenuine") == 0)
        return false;
    return !(features->arch_capabilities && (capabilities & ARCH_CAPABILITY_RDCL_NO));
}
