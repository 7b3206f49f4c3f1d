// Machine checks: errors of the hardware, as its banks report them (SDM vol. 3B, chapter 16).
#pragma once

#include "lib/types.h"

// IA32_MCG_STATUS and IA32_MCi_STATUS.
#define MACHINE_CHECK_RESTARTABLE (1ull << 0) // RIPV: the interrupted code can go on
#define BANK_VALID (1ull << 63)
#define BANK_OVERFLOW (1ull << 62)
#define BANK_UNCORRECTED (1ull << 61)
#define BANK_CONTEXT_CORRUPT (1ull << 57)
#define BANK_ACTION_REQUIRED (1ull << 55)

struct machine_check {
    uint64_t global_status;
    uint64_t bank, status, address; // of the worst bank; status 0: none reports anything
};

// Can the kernel go on with this? Pure.
bool machine_check_is_survivable(const struct machine_check *check);

// Lets every bank report, once on each CPU. Does nothing on a CPU without banks.
void machine_checks_enable(void);
// In the handler: reads the banks. If the check is survivable they are cleared and the CPU takes
// the next one. Takes no lock, calls nothing.
void machine_check_read(struct machine_check *check);
