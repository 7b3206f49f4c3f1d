// Decodes CPUID into plain answers. cpu_features_decode() asks nothing but the function it is
// given, so the host tests feed it CPUs that nobody here owns; cpu_features_init() asks the real
// one, once, on the boot CPU. Invariant: no leaf is asked that the CPU does not announce. SDM vol.
// 2A, CPUID.
#include "cpu/features.h"

#include "cpu/pcid.h"
#include "lib/string.h"

#define EXTENDED 0x80000000u
#define XSAVE_AREA_MINIMUM 576u // legacy region and header (SDM vol. 1, 13.4)
#define XSAVE_AREA_LIMIT 16384u // four times what any CPU has: more is nonsense, not a component
#define XSAVE_X87_SSE 3ull
#define XSAVE_AVX (1ull << 2)
#define XSAVE_AVX512 (7ull << 5) // opmask and both halves of the ZMM registers
#define XSAVE_PKRU (1ull << 9)
#define CPUID_1_EDX_APIC (1u << 9) // says whether it is switched on

struct cpu_features cpu_features;

static bool has_bit(uint32_t value, unsigned bit)
{
    return (value >> bit & 1) != 0;
}

static void copy_register(char *text, uint32_t value)
{
    memcpy(text, &value, sizeof(value));
}

static void decode_vendor(struct cpu_features *features, struct cpuid_result leaf0)
{
    copy_register(features->vendor, leaf0.ebx);
    copy_register(features->vendor + 4, leaf0.edx);
    copy_register(features->vendor + 8, leaf0.ecx);
}

// Family and model are split in two fields each; the extended parts count only for some families.
static void decode_signature(struct cpu_features *features, uint32_t eax)
{
    uint32_t family = eax >> 8 & 15;
    uint32_t model = eax >> 4 & 15;

    if (family == 6 || family == 15)
        model |= (eax >> 16 & 15) << 4;
    if (family == 15)
        family += eax >> 20 & 255;
    features->family = family;
    features->model = model;
    features->stepping = eax & 15;
}

static void decode_leaf1(struct cpu_features *features, struct cpuid_result leaf)
{
    decode_signature(features, leaf.eax);
    features->mwait = has_bit(leaf.ecx, 3);
    features->pcid = has_bit(leaf.ecx, 17);
    features->x2apic = has_bit(leaf.ecx, 21);
    features->hypervisor = has_bit(leaf.ecx, 31);
    features->tsc_deadline = has_bit(leaf.ecx, 24);
    features->xsave = has_bit(leaf.ecx, 26);
    features->avx = has_bit(leaf.ecx, 28);
    features->rdrand = has_bit(leaf.ecx, 30);
    features->pge = has_bit(leaf.edx, 13);
    features->fxsr = has_bit(leaf.edx, 24);
    features->hwcap = leaf.edx;
}

static void decode_leaf7(struct cpu_features *features, struct cpuid_result leaf)
{
    features->fsgsbase = has_bit(leaf.ebx, 0);
    features->smep = has_bit(leaf.ebx, 7);
    features->invpcid = has_bit(leaf.ebx, 10);
    features->smap = has_bit(leaf.ebx, 20);
    features->umip = has_bit(leaf.ecx, 2);
    features->la57 = has_bit(leaf.ecx, 16);
    features->rdpid = has_bit(leaf.ecx, 22);
    features->arch_capabilities = has_bit(leaf.edx, 29);
}

// The components to switch. AVX-512 needs all of its three and AVX;
// XCR0 refuses other combinations (SDM vol. 1, 13.3).
static uint64_t choose_components(uint64_t offered)
{
    uint64_t mask = XSAVE_X87_SSE;

    if (offered & XSAVE_AVX)
        mask |= XSAVE_AVX;
    if ((offered & XSAVE_AVX) && (offered & XSAVE_AVX512) == XSAVE_AVX512)
        mask |= XSAVE_AVX512;
    return mask | (offered & XSAVE_PKRU);
}

// Where a component ends in the standard-format area; 0 when it is not described sensibly.
static uint32_t component_end(unsigned component, cpuid_function cpuid)
{
    struct cpuid_result leaf = cpuid(0xd, component);

    if (leaf.eax == 0 || leaf.eax > XSAVE_AREA_LIMIT || leaf.ebx < XSAVE_AREA_MINIMUM ||
        leaf.ebx > XSAVE_AREA_LIMIT - leaf.eax)
        return 0;
    return leaf.ebx + leaf.eax;
}

// End of the standard-format area. Leaf 0Dh.0 ECX is of no use here: it counts components that stay
// off. A component that the CPU offers without describing it is left out.
static uint32_t measure_area(uint64_t *mask, cpuid_function cpuid)
{
    uint64_t described = XSAVE_X87_SSE;
    uint32_t end = XSAVE_AREA_MINIMUM;

    for (unsigned component = 2; component < 63; component++)
        if ((*mask >> component & 1) && component_end(component, cpuid) != 0)
            described |= 1ull << component;
    *mask = choose_components(described);
    for (unsigned component = 2; component < 63; component++)
        if ((*mask >> component & 1) && component_end(component, cpuid) > end)
            end = component_end(component, cpuid);
    return end;
}

static void decode_xsave(struct cpu_features *features, uint32_t maximum, cpuid_function cpuid)
{
    bool has_avx512 = maximum >= 7 && has_bit(cpuid(7, 0).ebx, 16);
    uint64_t offered = 0;

    if (features->xsave && maximum >= 0xd) {
        struct cpuid_result leaf = cpuid(0xd, 0);
        offered = (uint64_t)leaf.edx << 32 | leaf.eax;
    }
    if ((offered & XSAVE_X87_SSE) != XSAVE_X87_SSE) {
        features->xsave = false; // no usable description: FXSAVE is the safe way
        features->avx = false;   // and without XSAVE nothing keeps the upper halves
        return;
    }
    if (!features->avx)
        offered &= ~XSAVE_AVX;
    if (!has_avx512) // some emulators offer the state without the instructions
        offered &= ~XSAVE_AVX512;
    features->xsave_mask = choose_components(offered);
    features->xsave_size = measure_area(&features->xsave_mask, cpuid);
    features->avx = (features->xsave_mask & XSAVE_AVX) != 0;
    struct cpuid_result extras = cpuid(0xd, 1);
    features->xsaveopt = has_bit(extras.eax, 0);
    features->xsavec = has_bit(extras.eax, 1);
}

// Crystal frequency times ratio; any of the three may be zero (SDM vol. 3B, 18.7.3).
static uint64_t decode_tsc_hz(struct cpuid_result leaf)
{
    if (leaf.eax == 0 || leaf.ebx == 0 || leaf.ecx == 0)
        return 0;
    return (uint64_t)leaf.ecx * leaf.ebx / leaf.eax;
}

static void decode_brand(struct cpu_features *features, cpuid_function cpuid)
{
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid_result leaf = cpuid(EXTENDED + 2 + i, 0);
        copy_register(features->brand + 16 * i, leaf.eax);
        copy_register(features->brand + 16 * i + 4, leaf.ebx);
        copy_register(features->brand + 16 * i + 8, leaf.ecx);
        copy_register(features->brand + 16 * i + 12, leaf.edx);
    }
}

static void decode_extended(struct cpu_features *features, cpuid_function cpuid)
{
    uint32_t maximum = cpuid(EXTENDED, 0).eax;

    features->physical_bits = 36;
    if (maximum >> 16 != EXTENDED >> 16)
        return; // no extended leaves: old CPUs answer with the highest basic leaf instead
    if (maximum >= EXTENDED + 1) {
        uint32_t edx = cpuid(EXTENDED + 1, 0).edx;
        features->nx = has_bit(edx, 20);
        features->gigabyte_pages = has_bit(edx, 26);
        features->rdtscp = has_bit(edx, 27);
    }
    if (maximum >= EXTENDED + 4)
        decode_brand(features, cpuid);
    if (maximum >= EXTENDED + 7)
        features->tsc_invariant = has_bit(cpuid(EXTENDED + 7, 0).edx, 8);
    if (maximum >= EXTENDED + 8)
        features->physical_bits = cpuid(EXTENDED + 8, 0).eax & 255;
}

void cpu_features_decode(struct cpu_features *features, cpuid_function cpuid)
{
    memset(features, 0, sizeof(*features));
    struct cpuid_result leaf0 = cpuid(0, 0);
    uint32_t maximum = leaf0.eax;

    decode_vendor(features, leaf0);
    if (maximum >= 1)
        decode_leaf1(features, cpuid(1, 0));
    if (maximum >= 7)
        decode_leaf7(features, cpuid(7, 0));
    decode_xsave(features, maximum, cpuid);
    if (maximum >= 0x15)
        features->tsc_hz = decode_tsc_hz(cpuid(0x15, 0));
    decode_extended(features, cpuid);
}

static struct cpuid_result ask_cpu(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result result;

    __asm__ volatile("cpuid"
                     : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                     : "a"(leaf), "c"(subleaf));
    return result;
}

void cpu_features_init(void)
{
    cpu_features_decode(&cpu_features, ask_cpu);
    cpu_features.pcid = pcid_is_usable(&cpu_features);
}

void cpu_features_read(struct cpu_features *features)
{
    cpu_features_decode(features, ask_cpu);
}

bool cpu_features_tsc_is_steady(const struct cpu_features *features)
{
    return features->tsc_invariant || features->hypervisor;
}

const char *cpu_features_lacking(const struct cpu_features *needed,
                                 const struct cpu_features *offered)
{
    static const struct {
        size_t offset;
        const char *name;
    } switches[] = {
#define SWITCH(field, text) { offsetof(struct cpu_features, field), text }
        SWITCH(nx, "NX"),
        SWITCH(pge, "global pages"),
        SWITCH(smep, "SMEP"),
        SWITCH(smap, "SMAP"),
        SWITCH(umip, "UMIP"),
        SWITCH(fsgsbase, "FSGSBASE"),
        SWITCH(pcid, "PCID"),
        SWITCH(invpcid, "INVPCID"),
        SWITCH(fxsr, "FXSAVE"),
        SWITCH(xsave, "XSAVE"),
        SWITCH(xsaveopt, "XSAVEOPT"),
        SWITCH(rdtscp, "RDTSCP"),
        SWITCH(rdpid, "RDPID"),
        SWITCH(tsc_deadline, "the TSC deadline"),
        SWITCH(rdrand, "RDRAND"),
        SWITCH(gigabyte_pages, "pages of 1 GiB"),
#undef SWITCH
    };

    for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
        if (*(const bool *)((const char *)needed + switches[i].offset) &&
            !*(const bool *)((const char *)offered + switches[i].offset))
            return switches[i].name;
    // The same areas are saved here and restored there.
    if ((needed->xsave_mask & ~offered->xsave_mask) != 0 ||
        (needed->xsave_mask == offered->xsave_mask && needed->xsave_size != offered->xsave_size))
        return "vector registers";
    if (offered->physical_bits < needed->physical_bits)
        return "address bits";
    if ((needed->hwcap & ~offered->hwcap & ~CPUID_1_EDX_APIC) != 0)
        return "an old feature of CPUID leaf 1";
    return NULL;
}
