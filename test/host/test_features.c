// The decoding of CPUID with made-up CPUs: what the kernel would choose on machines that are not
// here.
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/isolation.h"
#include "cpu/machine_check.h"
#include "test.h"

struct leaf {
    uint32_t leaf, subleaf;
    struct cpuid_result result;
};

static struct leaf leaves[64];
static size_t leaf_count;

static struct cpuid_result fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 0; i < leaf_count; i++) {
        if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
            return leaves[i].result;
    }
    // Real CPUs answer an unknown basic leaf with the data of the highest one: anything but zeros.
    uint32_t maximum = leaves[0].result.eax;
    uint32_t extended = 0x80000008;
    bool announced = leaf < 0x80000000 ? leaf <= maximum : leaf <= extended;
    return announced ? (struct cpuid_result){ 0 }
                     : (struct cpuid_result){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
}

static void set_leaf(uint32_t leaf, uint32_t subleaf, struct cpuid_result result)
{
    for (size_t i = 0; i < leaf_count; i++) {
        if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf) {
            leaves[i].result = result;
            return;
        }
    }
    CHECK(leaf_count < ARRAY_SIZE(leaves));
    leaves[leaf_count++] = (struct leaf){ leaf, subleaf, result };
}

static uint32_t bit(unsigned number)
{
    return 1u << number;
}

// A CPU with everything that the kernel knows: an Intel server with AVX-512 and PKRU.
static void make_server(void)
{
    leaf_count = 0;
    set_leaf(0, 0, (struct cpuid_result){ 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 });
    set_leaf(1, 0,
             (struct cpuid_result){
                 0x00050657, 0, bit(3) | bit(17) | bit(21) | bit(24) | bit(26) | bit(28) | bit(30),
                 bit(0) | bit(4) | bit(13) | bit(24) | bit(25) });
    set_leaf(7, 0,
             (struct cpuid_result){ 0, bit(0) | bit(7) | bit(10) | bit(16) | bit(20),
                                    bit(2) | bit(16) | bit(22), 0 });
    set_leaf(0xd, 0, (struct cpuid_result){ 0x2e7, 0x340, 0xa88, 0 });
    set_leaf(0xd, 1, (struct cpuid_result){ bit(0) | bit(1), 0, 0, 0 });
    set_leaf(0xd, 2, (struct cpuid_result){ 256, 576, 0, 0 });
    set_leaf(0xd, 5, (struct cpuid_result){ 64, 1088, 0, 0 });
    set_leaf(0xd, 6, (struct cpuid_result){ 512, 1152, 0, 0 });
    set_leaf(0xd, 7, (struct cpuid_result){ 1024, 1664, 0, 0 });
    set_leaf(0xd, 9, (struct cpuid_result){ 8, 2688, 0, 0 });
    set_leaf(0x15, 0, (struct cpuid_result){ 2, 200, 25000000, 0 });
    set_leaf(0x80000000, 0, (struct cpuid_result){ 0x80000008, 0, 0, 0 });
    set_leaf(0x80000001, 0, (struct cpuid_result){ 0, 0, 0, bit(20) | bit(26) | bit(27) });
    set_leaf(0x80000002, 0, (struct cpuid_result){ 0x6564614d, 0x0070752d, 0, 0 });
    set_leaf(0x80000007, 0, (struct cpuid_result){ 0, 0, 0, bit(8) });
    set_leaf(0x80000008, 0, (struct cpuid_result){ 0x302e, 0, 0, 0 });
}

static struct cpu_features decode(void)
{
    struct cpu_features features;

    memset(&features, 0xa5, sizeof(features)); // everything must be set
    cpu_features_decode(&features, fake_cpuid);
    return features;
}

TEST(features_of_a_server)
{
    make_server();
    struct cpu_features found = decode();

    CHECK_TEXT(found.vendor, "GenuineIntel");
    CHECK_TEXT(found.brand, "Made-up");
    CHECK(found.smep && found.smap && found.umip && found.fsgsbase && found.nx && found.la57);
    CHECK(found.pge && found.pcid && found.invpcid && found.x2apic && found.tsc_deadline);
    CHECK(found.tsc_invariant && found.rdrand && found.fxsr && found.xsave && found.xsaveopt);
    CHECK(found.xsavec && found.avx && found.mwait && found.gigabyte_pages);
    CHECK_EQUAL(found.family, 6);
    CHECK_EQUAL(found.model, 0x55);
    CHECK_EQUAL(found.stepping, 7);
    CHECK_EQUAL(found.xsave_mask, 0x2e7);
    CHECK_EQUAL(found.xsave_size, 2696);
    CHECK_EQUAL(found.tsc_hz, 2500000000);
    CHECK_EQUAL(found.physical_bits, 46);
    CHECK_EQUAL(found.hwcap, bit(0) | bit(4) | bit(13) | bit(24) | bit(25));
}

TEST(features_a_tsc_that_tells_the_time)
{
    make_server();
    struct cpu_features found = decode();
    CHECK(cpu_features_tsc_is_steady(&found));
    set_leaf(0x80000007, 0, (struct cpuid_result){ UINT32_MAX, UINT32_MAX, UINT32_MAX, ~bit(8) });
    found = decode();
    CHECK(!cpu_features_tsc_is_steady(&found)); // real, and says nothing of it
    set_leaf(1, 0, (struct cpuid_result){ 0x00050657, 0, bit(31), 0 });
    found = decode();
    CHECK(cpu_features_tsc_is_steady(&found)); // a hypervisor's
}

// Each bit alone turns exactly its own answer off.
TEST(features_single_bits)
{
    static const struct {
        uint32_t leaf;
        unsigned reg, bit;
        size_t field;
    } bits[] = {
        { 1, 2, 3, offsetof(struct cpu_features, mwait) },
        { 1, 2, 17, offsetof(struct cpu_features, pcid) },
        { 1, 2, 21, offsetof(struct cpu_features, x2apic) },
        { 1, 2, 24, offsetof(struct cpu_features, tsc_deadline) },
        { 1, 2, 30, offsetof(struct cpu_features, rdrand) },
        { 1, 3, 13, offsetof(struct cpu_features, pge) },
        { 1, 3, 24, offsetof(struct cpu_features, fxsr) },
        { 7, 1, 0, offsetof(struct cpu_features, fsgsbase) },
        { 7, 1, 7, offsetof(struct cpu_features, smep) },
        { 7, 1, 10, offsetof(struct cpu_features, invpcid) },
        { 7, 1, 20, offsetof(struct cpu_features, smap) },
        { 7, 2, 2, offsetof(struct cpu_features, umip) },
        { 7, 2, 16, offsetof(struct cpu_features, la57) },
        { 7, 2, 22, offsetof(struct cpu_features, rdpid) },
        { 0x80000001, 3, 20, offsetof(struct cpu_features, nx) },
        { 0x80000001, 3, 26, offsetof(struct cpu_features, gigabyte_pages) },
        { 0x80000001, 3, 27, offsetof(struct cpu_features, rdtscp) },
        { 0x80000007, 3, 8, offsetof(struct cpu_features, tsc_invariant) },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
        make_server();
        struct cpuid_result result = fake_cpuid(bits[i].leaf, 0);
        uint32_t *registers[] = { &result.eax, &result.ebx, &result.ecx, &result.edx };
        *registers[bits[i].reg] &= ~bit(bits[i].bit);
        set_leaf(bits[i].leaf, 0, result);
        struct cpu_features found = decode();
        for (size_t j = 0; j < ARRAY_SIZE(bits); j++)
            CHECK_EQUAL(*((bool *)&found + bits[j].field), j != i);
    }
}

TEST(features_family_and_model)
{
    static const struct {
        uint32_t eax, family, model, stepping;
    } signatures[] = {
        { 0x00800f12, 0x17, 1, 2 },  // EPYC
        { 0x00000f4a, 15, 4, 10 },   // family 15 without extension
        { 0x00060fb1, 15, 0x6b, 1 }, // QEMU's qemu64
        { 0x000306c3, 6, 0x3c, 3 },  // Haswell
        { 0x00030543, 5, 4, 3 },     // the extended model counts for 6 and 15 only
    };

    for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
        make_server();
        struct cpuid_result result = fake_cpuid(1, 0);
        result.eax = signatures[i].eax;
        set_leaf(1, 0, result);
        struct cpu_features found = decode();
        CHECK_EQUAL(found.family, signatures[i].family);
        CHECK_EQUAL(found.model, signatures[i].model);
        CHECK_EQUAL(found.stepping, signatures[i].stepping);
    }
}

// A CPU that announces few leaves: nothing of what it would answer beyond them is believed.
TEST(features_of_an_old_cpu)
{
    make_server();
    set_leaf(0, 0, (struct cpuid_result){ 1, 0x756e6547, 0x6c65746e, 0x49656e69 });
    set_leaf(0x80000000, 0, (struct cpuid_result){ 0x80000001, 0, 0, 0 });
    struct cpu_features found = decode();

    CHECK(!found.smep && !found.smap && !found.umip && !found.fsgsbase && !found.la57);
    CHECK(!found.xsave && !found.xsaveopt && !found.xsavec && !found.avx && !found.tsc_invariant);
    CHECK(found.nx && found.fxsr);
    CHECK_EQUAL(found.xsave_mask, 0);
    CHECK_EQUAL(found.tsc_hz, 0);
    CHECK_EQUAL(found.physical_bits, 36);
    CHECK_TEXT(found.brand, "");
}

TEST(features_without_extended_leaves)
{
    make_server();
    set_leaf(0x80000000, 0, (struct cpuid_result){ 0x16, 1, 2, 3 });
    struct cpu_features found = decode();

    CHECK(!found.nx && !found.gigabyte_pages && !found.tsc_invariant);
    CHECK_EQUAL(found.physical_bits, 36);
}

static uint64_t mask_for(uint32_t offered)
{
    make_server();
    set_leaf(0xd, 0, (struct cpuid_result){ offered, 0x340, 0xa88, 0 });
    return decode().xsave_mask;
}

// XCR0 refuses combinations that leave out what a component stands on (SDM vol. 1, 13.3).
TEST(features_xsave_masks_are_valid)
{
    CHECK_EQUAL(mask_for(0x3), 0x3);
    CHECK_EQUAL(mask_for(0x7), 0x7);
    CHECK_EQUAL(mask_for(0xe7), 0xe7);
    CHECK_EQUAL(mask_for(0xe3), 0x3);         // AVX-512 without AVX
    CHECK_EQUAL(mask_for(0x67), 0x7);         // a part of AVX-512
    CHECK_EQUAL(mask_for(0x203), 0x203);      // PKRU alone
    CHECK_EQUAL(mask_for(0x1f | 0x60000), 7); // MPX and AMX are not switched
    CHECK_EQUAL(mask_for(0x1), 0);            // no SSE: no XSAVE
    CHECK_EQUAL(mask_for(0), 0);
}

TEST(features_xsave_without_avx)
{
    make_server();
    struct cpuid_result result = fake_cpuid(1, 0);
    result.ecx &= ~bit(28);
    set_leaf(1, 0, result);
    struct cpu_features found = decode();

    CHECK(found.xsave && !found.avx);
    CHECK_EQUAL(found.xsave_mask, 0x203);
}

// Some emulators offer the state without the instructions; switching it would cost for nothing.
TEST(features_avx512_state_without_instructions)
{
    make_server();
    struct cpuid_result result = fake_cpuid(7, 0);
    result.ebx &= ~bit(16);
    set_leaf(7, 0, result);
    CHECK_EQUAL(decode().xsave_mask, 0x207);
}

TEST(features_avx_without_xsave)
{
    make_server();
    struct cpuid_result result = fake_cpuid(1, 0);
    result.ecx &= ~bit(26);
    set_leaf(1, 0, result);
    struct cpu_features found = decode();

    CHECK(!found.xsave && !found.avx && !found.xsaveopt && !found.xsavec);
    CHECK_EQUAL(found.xsave_mask, 0);
}

// Sizes that would overflow a buffer, or components described as nothing, are left out.
TEST(features_xsave_components_of_nonsense)
{
    static const struct cpuid_result nonsense[] = {
        { 0, 576, 0, 0 },
        { 256, 0, 0, 0 },
        { 256, UINT32_MAX, 0, 0 },
        { UINT32_MAX, 576, 0, 0 },
        { 0x80000000, 0x80000000, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
        make_server();
        set_leaf(0xd, 2, nonsense[i]);
        struct cpu_features found = decode();
        CHECK(!found.avx);
        CHECK_EQUAL(found.xsave_mask, 0x203); // AVX-512 goes with AVX
        CHECK(found.xsave_size >= 576 && found.xsave_size <= 16384);
    }
}

TEST(features_tsc_frequency)
{
    static const struct cpuid_result unknown[] = {
        { 0, 200, 25000000, 0 },
        { 2, 0, 25000000, 0 },
        { 2, 200, 0, 0 },
        { 0, 0, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        make_server();
        set_leaf(0x15, 0, unknown[i]);
        CHECK_EQUAL(decode().tsc_hz, 0);
    }
    make_server();
    set_leaf(0x15, 0, (struct cpuid_result){ 1, UINT32_MAX, UINT32_MAX, 0 }); // no 32-bit overflow
    CHECK_EQUAL(decode().tsc_hz, (uint64_t)UINT32_MAX * UINT32_MAX);
}

TEST(features_of_this_machine)
{
    cpu_features_init();
    CHECK(cpu_features.fxsr && cpu_features.family >= 6);
    CHECK(!cpu_features.xsave || (cpu_features.xsave_mask & 3) == 3);
    CHECK(cpu_features.physical_bits >= 32 && cpu_features.physical_bits <= 52);
}

TEST(isolation_is_for_who_needs_it)
{
    static const struct {
        const char *vendor;
        bool has_capabilities;
        uint64_t capabilities;
        bool needed;
    } cases[] = {
        { "GenuineIntel", false, 0, true },    { "GenuineIntel", true, 0, true },
        { "GenuineIntel", true, ~1ull, true }, { "GenuineIntel", true, 1, false },
        { "GenuineIntel", false, 1, true }, // not asked
        { "AuthenticAMD", false, 0, false },   { "HygonGenuine", false, 0, false },
        { "CentaurHauls", false, 0, true },    { "CentaurHauls", true, 1, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cpu_features features = { .arch_capabilities = cases[i].has_capabilities };
        strcpy(features.vendor, cases[i].vendor);
        CHECK_EQUAL(isolation_is_needed(&features, cases[i].capabilities), cases[i].needed);
    }
}

TEST(machine_checks_that_the_kernel_survives)
{
    static const struct {
        uint64_t global_status, status;
        bool survivable;
    } cases[] = {
        { 5, 0, true }, // told to all CPUs
        { 4, 0, false },
        { 5, BANK_VALID, true }, // corrected
        { 5, BANK_VALID | BANK_OVERFLOW, true },
        { 5, BANK_VALID | BANK_UNCORRECTED, true },
        { 4, BANK_VALID | BANK_UNCORRECTED, false },
        { 5, BANK_VALID | BANK_UNCORRECTED | BANK_OVERFLOW, false },
        { 5, BANK_VALID | BANK_UNCORRECTED | BANK_CONTEXT_CORRUPT, false },
        { 5, BANK_VALID | BANK_UNCORRECTED | BANK_ACTION_REQUIRED, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct machine_check check = { cases[i].global_status, 0, cases[i].status, 0 };
        CHECK_EQUAL(machine_check_is_survivable(&check), cases[i].survivable);
    }
}
