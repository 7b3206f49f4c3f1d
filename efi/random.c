// Where the kernel's place comes from. Called once, by main.c. Every source is mixed into the same
// word by a function that can be undone, so that a bad source takes nothing away from a good one.
#include "random.h"

#include "cpu.h"

#define JITTER_ROUNDS 256u

// EFI_RNG_PROTOCOL (UEFI 2.9, section 37.5).
struct random_protocol {
    EFI_STATUS(EFIAPI *get_information)(struct random_protocol *self, UINTN *size, EFI_GUID *list);
    EFI_STATUS(EFIAPI *get_random)
    (struct random_protocol *self, EFI_GUID *algorithm, UINTN size, UINT8 *bytes);
};

static EFI_GUID random_protocol_guid = {
    0x3152bca5, 0xeade, 0x433d, { 0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44 }
};

// Each step can be undone: odd factors, and shifts that leave the upper half as it was.
static uint64_t mix(uint64_t state, uint64_t value)
{
    state = (state ^ value) * 0x9e3779b97f4a7c15ull;
    state ^= state >> 32;
    state *= 0xd6e8feb86659fd93ull;
    return state ^ state >> 32;
}

static uint64_t ask_firmware(EFI_SYSTEM_TABLE *system)
{
    struct random_protocol *protocol = NULL;
    uint64_t value = 0;
    EFI_STATUS status =
        system->BootServices->LocateProtocol(&random_protocol_guid, NULL, (void **)&protocol);
    if (EFI_ERROR(status) || protocol == NULL)
        return 0;
    status = protocol->get_random(protocol, NULL, sizeof(value), (UINT8 *)&value);
    return EFI_ERROR(status) ? 0 : value;
}

// Interrupts are on under the firmware, and the time of a call and of a cache's miss is never quite
// the same: the counter's low bits differ from boot to boot.
static uint64_t watch_time(EFI_SYSTEM_TABLE *system, uint64_t state)
{
    EFI_TIME time = { 0 };
    system->RuntimeServices->GetTime(&time, NULL);
    state = mix(state, (uint64_t)time.Minute << 40 | (uint64_t)time.Second << 32 | time.Nanosecond);
    for (uint32_t i = 0; i < JITTER_ROUNDS; i++) {
        processor_pause();
        state = mix(state, tsc_read());
    }
    return state;
}

uint64_t random_number(EFI_SYSTEM_TABLE *system)
{
    uint64_t state = mix(tsc_read(), ask_firmware(system));
    state = mix(state, processor_random());
    return watch_time(system, state);
}
