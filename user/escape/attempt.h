// What an attempt to escape is, and the verdict that it must get. Each file of this folder has one
// or more groups; main.c lists them, judge.c runs each attempt in a process of its own.
#pragma once

#include "program.h"

#include <signal.h>
#include <ucontext.h>

enum address {
    ADDRESS_ZERO, // si_addr is 0
    ADDRESS_AT, // the instruction whose place the attempt stated (record->at), and saved RIP is it
    ADDRESS_STATED, // what the attempt stated (record->address)
    ADDRESS_ANY,
};

#define ANY_CODE INT16_MIN
#define ANY_TRAP (-1)

// How an attempt ends. Signal 0: harmless, `run` comes back with 0.
struct verdict {
    int16_t signal, code; // ANY_CODE: nobody looks, as for SIGKILL
    int16_t trap;         // the vector in the signal's context, or ANY_TRAP
    bool resumes_behind;  // a trap, not a fault: the saved RIP is behind the instruction
    enum address address;
    int32_t error; // the error code in the signal's context; looked at where `trap` is
};

#define HARMLESS                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }
// clang-format off
#define KILLED(number) { .signal = (number), .code = ANY_CODE, .trap = ANY_TRAP, .address = ADDRESS_ANY }
#define PROTECTION(error_code) { SIGSEGV, SI_KERNEL, 13, false, ADDRESS_ZERO, (error_code) }
#define UNDEFINED { SIGILL, ILL_ILLOPN, 6, false, ADDRESS_AT, 0 }
#define NOT_MAPPED(error_code) { SIGSEGV, SEGV_MAPERR, 14, false, ADDRESS_STATED, (error_code) }
#define TRAP(trap_code, place) { SIGTRAP, (trap_code), ANY_TRAP, true, (place), 0 }
#define SUPERVISOR_FAULT(error_code) { SIGSEGV, SEGV_ACCERR, 14, false, ADDRESS_ANY, (error_code) }
#define NO_RIGHT(error_code) { SIGSEGV, SEGV_ACCERR, 14, false, ADDRESS_STATED, (error_code) }
// clang-format on

// Where another verdict than `must` is right. The first that applies counts; reasons.c has the
// words.
enum reason {
    REASON_NONE,
    ON_LINUX,           // Linux differs, on purpose
    ON_LINUX_EMULATING, // in place of UMIP's #GP
    WITHOUT_UMIP,
    ON_AMD,
    IN_TCG, // QEMU's emulation does other than the processors' manuals say
    IN_TCG_WITH_SMAP,
    WITHOUT_SMAP,
    WITHOUT_XSAVE,
    WITHOUT_FSGSBASE,
    WITHOUT_RDTSCP,
    WITH_KEYS, // the kernel has switched protection keys on
    WITHOUT_RDPID,
    WITHOUT_INVPCID,
    WITHOUT_XSAVES,
    ON_LINUX_IN_A_GUEST, // of a hypervisor, which answers
    REASON_COUNT,
};

struct otherwise {
    enum reason reason;
    struct verdict verdict;
};

struct attempt {
    const char *name;
    // In a process of its own. 0: all is as it was; otherwise something changed, and attempt_note()
    // said what.
    int (*run)(const struct attempt *attempt);
    struct verdict must;
    const void *argument; // of `run`
    unsigned long number; // of `run`
    struct otherwise otherwise[4];
};

struct group {
    const char *name, *what;
    const struct attempt *attempts;
    size_t count;
};

#define GROUP(identifier, words, table)                                                            \
    const struct group identifier##_group = { #identifier, words, table, COUNT_OF(table) }

// Shared between the judge and the attempt that is running.
struct record {
    volatile uint64_t at, behind; // where the instruction must be, and what follows; 0: not stated
    volatile uint64_t address;    // what si_addr must be
    volatile bool witnessed;      // a signal came; the rest is of it
    siginfo_t info;
    mcontext_t context;
    char note[160];
};
extern struct record *record;

// What went wrong, for the attempt's line. Returns 1, for `return attempt_note(...)`.
int attempt_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Called in the process of the attempt when a signal came, before it ends: what else is to be
// compared then. 0, or attempt_note()'s 1.
extern int (*attempt_on_signal)(const siginfo_t *info, const ucontext_t *context);

bool reason_applies(enum reason reason);
const char *reason_words(enum reason reason);
const struct verdict *verdict_due(const struct attempt *attempt, enum reason *reason);
const char *verdict_describe(const struct verdict *verdict, char *buffer, size_t size);

void judge_begin(void); // before everything else
// Runs the group's attempts and prints a line each; `only` NULL: all. How many fell short.
unsigned group_judge(const struct group *group, const char *only, unsigned *count);

// `quick`: sweeps take samples.
extern bool sweeps_are_quick;
