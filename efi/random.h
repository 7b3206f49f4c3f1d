// A random number from whatever the machine has: the firmware's generator, the processor's, and
// how long things take.
#pragma once

#include <stdint.h>

#include <efi.h>

// Of the size of a number; as good as the best of its sources. Before ExitBootServices.
uint64_t random_number(EFI_SYSTEM_TABLE *system);
