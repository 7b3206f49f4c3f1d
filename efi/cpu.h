// The processor instructions that the loader needs and C does not have. No state.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CR4_LA57 (1ull << 12)
#define MSR_EFER 0xc0000080u
#define EFER_NXE (1ull << 11)

// CPUID leaf 80000001h, EDX (SDM vol. 2A, CPUID).
#define CPUID_EXTENDED_NO_EXECUTE (1u << 20)
#define CPUID_EXTENDED_GIGABYTE_PAGES (1u << 26)

#define CPUID_RDRAND (1u << 30) // leaf 1, ECX

static inline uint64_t cr4_read(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline uint64_t tsc_read(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void msr_set_bits(uint32_t index, uint64_t bits)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    low |= (uint32_t)bits;
    high |= (uint32_t)(bits >> 32);
    __asm__ volatile("wrmsr" : : "c"(index), "a"(low), "d"(high) : "memory");
}

// EDX of leaf 80000001h, 0 when the processor does not have the leaf.
static inline uint32_t cpuid_extended_features(void)
{
    uint32_t eax = 0x80000000u, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (eax < 0x80000001u)
        return 0;
    eax = 0x80000001u;
    ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return edx;
}

// A random number from the processor; 0 when it has none to give (SDM vol. 1, 7.3.17).
static inline uint64_t processor_random(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (!(ecx & CPUID_RDRAND))
        return 0;
    for (uint32_t tries = 0; tries < 10; tries++) {
        uint64_t value;
        bool valid;
        __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
        if (valid)
            return value;
    }
    return 0;
}

static inline void interrupts_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void processor_pause(void)
{
    __asm__ volatile("pause");
}

static inline void port_write(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
