// Which machine and kernel this is, as far as verdicts depend on it; verdicts in words.
// Invariant: nothing here is asked of the kernel that is tested, but for its name and auxv.
#include "attempt.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#define HWCAP2_FSGSBASE 2

static bool is_linux(void)
{
    return !kernel_is_ringfence();
}

static bool lacks_umip(void)
{
    return !cpuid_bit(7, 2, 2);
}

static bool lacks_smap(void)
{
    return !cpuid_bit(7, 1, 20);
}

static bool is_emulated_with_smap(void)
{
    return cpu_is_emulated() && !lacks_smap();
}

static bool lacks_xsave(void)
{
    return !cpuid_bit(1, 2, 27); // OSXSAVE
}

static bool lacks_fsgsbase(void)
{
    return !(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE);
}

static bool lacks_rdtscp(void)
{
    return !cpuid_bit(0x80000001, 3, 27);
}

static bool has_keys(void)
{
    return cpuid_bit(7, 2, 4); // OSPKE
}

static bool lacks_rdpid(void)
{
    return !cpuid_bit(7, 2, 22);
}

static bool lacks_invpcid(void)
{
    return !cpuid_bit(7, 1, 10);
}

static bool lacks_xsaves(void)
{
    uint32_t eax, ebx, ecx, edx;
    __cpuid_count(13, 1, eax, ebx, ecx, edx);
    return lacks_xsave() || !(eax & 8);
}

static bool is_linux_in_a_guest(void)
{
    return is_linux() && cpuid_bit(1, 2, 31);
}

static const struct {
    bool (*applies)(void);
    const char *words;
} reasons[REASON_COUNT] = {
    [ON_LINUX] = { is_linux, "Linux differs" },
    [ON_LINUX_EMULATING] = { is_linux, "Linux emulates it" },
    [WITHOUT_UMIP] = { lacks_umip, "no UMIP" },
    [ON_AMD] = { cpu_is_amd, "AMD" },
    [IN_TCG] = { cpu_is_emulated, "TCG" },
    [IN_TCG_WITH_SMAP] = { is_emulated_with_smap, "TCG with SMAP" },
    [WITHOUT_SMAP] = { lacks_smap, "no SMAP" },
    [WITHOUT_XSAVE] = { lacks_xsave, "no XSAVE" },
    [WITHOUT_FSGSBASE] = { lacks_fsgsbase, "no FSGSBASE" },
    [WITHOUT_RDTSCP] = { lacks_rdtscp, "no RDTSCP" },
    [WITH_KEYS] = { has_keys, "protection keys" },
    [WITHOUT_RDPID] = { lacks_rdpid, "no RDPID" },
    [WITHOUT_INVPCID] = { lacks_invpcid, "no INVPCID" },
    [WITHOUT_XSAVES] = { lacks_xsaves, "no XSAVES" },
    [ON_LINUX_IN_A_GUEST] = { is_linux_in_a_guest, "a hypervisor answers" },
};

bool reason_applies(enum reason reason)
{
    return reasons[reason].applies();
}

const char *reason_words(enum reason reason)
{
    return reason == REASON_NONE ? "" : reasons[reason].words;
}

const struct verdict *verdict_due(const struct attempt *attempt, enum reason *reason)
{
    for (size_t i = 0; i < COUNT_OF(attempt->otherwise); i++) {
        *reason = attempt->otherwise[i].reason;
        if (*reason != REASON_NONE && reason_applies(*reason))
            return &attempt->otherwise[i].verdict;
    }
    *reason = REASON_NONE;
    return &attempt->must;
}

static const char *code_word(int signal, int code)
{
    static const struct {
        int signal, code;
        const char *word;
    } words[] = {
        { SIGSEGV, SEGV_MAPERR, "MAPERR" }, { SIGSEGV, SEGV_ACCERR, "ACCERR" },
        { SIGILL, ILL_ILLOPN, "ILLOPN" },   { SIGBUS, BUS_ADRALN, "ADRALN" },
        { SIGBUS, BUS_ADRERR, "ADRERR" },   { SIGFPE, FPE_INTDIV, "INTDIV" },
        { SIGFPE, FPE_FLTDIV, "FLTDIV" },   { SIGFPE, FPE_FLTOVF, "FLTOVF" },
        { SIGFPE, FPE_FLTUND, "FLTUND" },   { SIGFPE, FPE_FLTRES, "FLTRES" },
        { SIGFPE, FPE_FLTINV, "FLTINV" },   { SIGTRAP, TRAP_BRKPT, "BRKPT" },
        { SIGTRAP, TRAP_TRACE, "TRACE" },
    };
    if (code == SI_KERNEL)
        return "KERNEL";
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i].signal == signal && words[i].code == code)
            return words[i].word;
    return "?";
}

const char *verdict_describe(const struct verdict *verdict, char *buffer, size_t size)
{
    static const char *const places[] = {
        [ADDRESS_ZERO] = "",
        [ADDRESS_AT] = "@rip",
        [ADDRESS_STATED] = "@addr",
        [ADDRESS_ANY] = "",
    };
    if (verdict->signal == 0)
        snprintf(buffer, size, "harmless");
    else if (verdict->code == ANY_CODE)
        snprintf(buffer, size, "%s", signal_word(verdict->signal));
    else
        snprintf(buffer, size, "%s,%s%s", signal_word(verdict->signal),
                 code_word(verdict->signal, verdict->code), places[verdict->address]);
    return buffer;
}
