// What this CPU can do, decoded from CPUID by a pure function so that the selection logic is tested
// on the host with made-up values.
#pragma once

#include "lib/types.h"

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

typedef struct cpuid_result (*cpuid_function)(uint32_t leaf, uint32_t subleaf);

struct cpu_features {
    char vendor[13];
    char brand[49];
    bool smep, smap, umip, fsgsbase, nx, la57, pge, pcid, invpcid;
    bool arch_capabilities; // has the MSR that says what the CPU is not vulnerable to
    bool hypervisor;        // this machine is one that software makes
    bool x2apic, tsc_deadline, tsc_invariant, rdrand;
    bool fxsr, xsave, xsaveopt, xsavec, avx, mwait, gigabyte_pages, rdtscp, rdpid;
    uint32_t family, model, stepping;
    uint64_t
        xsave_mask; // components that the CPU offers and we switch (x87, SSE, AVX, AVX-512, PKRU)
    uint32_t xsave_size; // bytes of the standard-format area for every offered component
    uint64_t tsc_hz;     // from leaf 15h; 0 when it does not say
    uint32_t hwcap;      // CPUID.1 EDX, for AT_HWCAP
    uint32_t physical_bits;
};

// Pure: asks `cpuid` only.
void cpu_features_decode(struct cpu_features *features, cpuid_function cpuid);
// Decodes the boot CPU into the global below. Called once, before other CPUs run.
void cpu_features_init(void);

// What a further CPU offers, of itself; asked there.
void cpu_features_read(struct cpu_features *features);
// The first thing that `needed` has and `offered` has not, in words; NULL when there is none. Pure.
const char *cpu_features_lacking(const struct cpu_features *needed,
                                 const struct cpu_features *offered);

// Whether the TSC alone tells the time: it keeps its speed in every state that the CPU saves power
// in, or the CPU is software's, which rarely says so and keeps it. Pure.
bool cpu_features_tsc_is_steady(const struct cpu_features *features);

extern struct cpu_features cpu_features; // read-only after cpu_features_init()
