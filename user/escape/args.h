// Bad arguments for every system call. The table that the kernel is generated from says what each
// argument is; from that come the rows (args_rows.c), what is handed over (args_case.c), in how
// many ways it is bad and what may come of it (args_classes.c), and memory that goes away in
// mid-call (args_revoke.c). A call that is new in the table is covered without another word here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscall_arguments.h"

enum argument_kind { SYSCALL_ARGUMENT_TYPES };

#define ARGUMENT_COUNT 6u
#define PAGE 4096ul

struct call {
    const char *name;
    uint16_t number;
    uint8_t count; // of arguments
    uint8_t kinds[ARGUMENT_COUNT];
};
extern const struct call *call_at(size_t index); // NULL behind the last
bool kind_is_pointer(uint8_t kind);              // the kernel reads or writes there
bool kind_is_length(uint8_t kind);

// How a call is made so that it gets as far as its memory: what stands in for the kind's usual
// value. Words of args_case.c's own stand for descriptors and the like.
struct setup {
    uint16_t number;
    uint8_t given; // bit per argument
    uint8_t needs; // NEEDS_...
    uint64_t values[ARGUMENT_COUNT];
};
enum { NEEDS_CHILD = 1, NEEDS_ONES = 2 }; // one to wait for; good memory is all ones
// The setups of a call, one after the other; NULL behind the last. There is always one.
const struct setup *setup_at(uint16_t number, size_t index);

// Addresses to choose from; the same for every case of a row's process.
struct arena {
    char *canary;    // a page that nobody was told of; behind it
    char *good;      // two pages, then nothing
    char *edge;      // the end of a page that nothing follows
    char *border;    // the end of a writable page that a read-only one follows
    char *read_only; // that one
    char *no_access;
    char *unmapped;
};
extern struct arena arena;
void arena_make(void);
// Is all that lies around `pointer` (which may be a bad address) as arena_make() left it?
bool arena_is_intact(const char *pointer);

// What one case came to.
struct outcome {
    long value; // the call's, as the kernel gave it
    bool returned, intact;
    int status; // of the process that made it
};
// Makes the call in a process of its own, argument `index` replaced (6: none).
struct outcome case_run(const struct call *call, const struct setup *setup, unsigned index,
                        uint64_t value);
long case_call(uint16_t number, const uint64_t values[ARGUMENT_COUNT]);
// The process's own preparations and the arguments of the setup.
void case_prepare(const struct call *call, const struct setup *setup,
                  uint64_t values[ARGUMENT_COUNT]);

// Runs every class of bad values for one argument; 0, or 1 with a note.
int classes_run(const struct call *call, unsigned index);
// Makes the call again and again while another thread takes its memory away and brings it back.
int revoke_run(const struct call *call);
// ESCAPE_RAW in the environment: every outcome is printed, to be compared between kernels.
extern bool outcomes_are_printed;
// attack.c: no handlers, no alternate stack.
void signals_reset(void);
