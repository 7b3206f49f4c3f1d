// What the programs need to know of the machine below them: kernel, processor maker, emulator.
// CPUID is open to ring 3, so none of this asks the kernel but for its name.
#include "program.h"

#include <cpuid.h>
#include <string.h>
#include <unistd.h>

bool kernel_is_ringfence(void)
{
    return access("/proc/live", F_OK) == 0; // Linux has no such file
}

static bool cpu_is_made_by(const char *maker)
{
    unsigned eax, ebx, ecx, edx;
    char name[13] = "";
    __cpuid(0, eax, ebx, ecx, edx);
    memcpy(name, &ebx, 4);
    memcpy(name + 4, &edx, 4);
    memcpy(name + 8, &ecx, 4);
    return strcmp(name, maker) == 0;
}

bool cpu_is_amd(void)
{
    return cpu_is_made_by("AuthenticAMD");
}

bool cpu_is_emulated(void)
{
    unsigned eax, ebx, ecx, edx;
    char name[13] = "";
    if (!cpuid_bit(1, 2, 31))
        return false;
    __cpuid(0x40000000, eax, ebx, ecx, edx);
    memcpy(name, &ebx, 4);
    memcpy(name + 4, &ecx, 4);
    memcpy(name + 8, &edx, 4);
    return strcmp(name, "TCGTCGTCGTCG") == 0;
}

bool cpuid_bit(uint32_t leaf, int register_index, int bit)
{
    unsigned registers[4];
    __cpuid(leaf & 0x80000000u, registers[0], registers[1], registers[2], registers[3]);
    if (registers[0] < leaf)
        return false;
    __cpuid_count(leaf, 0, registers[0], registers[1], registers[2], registers[3]);
    return registers[register_index] >> bit & 1;
}
