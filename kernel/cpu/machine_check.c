// What a machine check was, and whether the interrupted code can go on. Called by trap/fault.c on
// the IST stack, at any instruction: reads and writes MSRs, nothing else.
#include "cpu/machine_check.h"

#include "cpu/features.h"
#include "cpu/registers.h"

#define CPUID_1_EDX_MCA (1u << 14)
#define MSR_MCG_CAP 0x179u
#define MSR_MCG_STATUS 0x17au
#define MSR_MCG_CTL 0x17bu
#define MCG_CAP_BANKS 0xffull
#define MCG_CAP_CTL (1ull << 8)
#define MSR_BANK_CTL(bank) (0x400u + 4 * (bank))
#define MSR_BANK_STATUS(bank) (0x401u + 4 * (bank))
#define MSR_BANK_ADDRESS(bank) (0x402u + 4 * (bank))
#define BANK_HAS_ADDRESS (1ull << 58)
#define ALL_ERRORS UINT64_MAX

static uint32_t bank_count(void)
{
    return cpu_features.hwcap & CPUID_1_EDX_MCA ? read_msr(MSR_MCG_CAP) & MCG_CAP_BANKS : 0;
}

// Lost is the state of the processor, or what to do about data that was used and is wrong, which
// nobody here can do without; an error more that there was no room for may have been such a one.
static bool is_fatal(uint64_t status)
{
    return (status & BANK_VALID) && (status & BANK_UNCORRECTED) &&
           (status & (BANK_CONTEXT_CORRUPT | BANK_ACTION_REQUIRED | BANK_OVERFLOW));
}

// One without an error in a bank was told to all CPUs; the one that has it decides.
bool machine_check_is_survivable(const struct machine_check *check)
{
    return (check->global_status & MACHINE_CHECK_RESTARTABLE) && !is_fatal(check->status);
}

// What was there before is the firmware's affair.
void machine_checks_enable(void)
{
    uint32_t count = bank_count();

    if (count == 0)
        return;
    if (read_msr(MSR_MCG_CAP) & MCG_CAP_CTL)
        write_msr(MSR_MCG_CTL, ALL_ERRORS);
    for (uint32_t bank = 0; bank < count; bank++) {
        // Bank 0 of old models is the firmware's (SDM vol. 3B, 16.3.2.1).
        if (bank != 0 || cpu_features.family != 6 || cpu_features.model >= 0x1a)
            write_msr(MSR_BANK_CTL(bank), ALL_ERRORS);
        write_msr(MSR_BANK_STATUS(bank), 0);
    }
}

void machine_check_read(struct machine_check *check)
{
    uint32_t count = bank_count();

    *check = (struct machine_check){ 0 };
    if (count == 0)
        return;
    check->global_status = read_msr(MSR_MCG_STATUS);
    for (uint32_t bank = 0; bank < count; bank++) {
        uint64_t status = read_msr(MSR_BANK_STATUS(bank));
        if (!(status & BANK_VALID) || (check->status != 0 && !is_fatal(status)))
            continue;
        check->bank = bank;
        check->status = status;
        check->address = status & BANK_HAS_ADDRESS ? read_msr(MSR_BANK_ADDRESS(bank)) : 0;
        if (is_fatal(status))
            return; // they keep what they have, for who restarts
    }
    if (!machine_check_is_survivable(check))
        return;
    for (uint32_t bank = 0; bank < count; bank++)
        write_msr(MSR_BANK_STATUS(bank), 0);
    write_msr(MSR_MCG_STATUS, 0); // last: until then a further one shuts the CPU down
}
