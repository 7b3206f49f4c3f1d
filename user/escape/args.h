// Bad arguments for every system call. The table that the kernel is generated from says what each
// argument is; from that come the rows (args_rows.c), what is handed over (args_case.c), in how
// many ways it is bad (args_classes.c), what may come of it (args_verdict.c), and memory that goes
// away in mid-call (args_revoke.c). A call that is new in the table is covered, or its rows fall
// short.
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
// value, and which pointers it does not follow. A call that is not in args_setups.c is made once,
// with usual values: it has to succeed, and with any pointer bad it has to say EFAULT.
struct setup {
    uint16_t number;
    uint8_t given;        // bit per argument: it is in `values`
    uint8_t unused;       // a pointer that is not followed: whatever it is, the call does the same
    uint8_t places;       // an address, not a buffer: a user's is right, whatever is there
    uint8_t optional;     // may be NULL
    uint8_t writes;       // of kind ANY: the kernel writes there
    uint8_t folder;       // a path to a folder
    uint8_t fresh;        // a path to nothing yet
    uint8_t self;         // the caller's pid
    uint8_t needs;        // NEEDS_...
    uint8_t bits;         // of a length: so many count, the rest is dropped, as on Linux; 0: 64
    bool clips;           // takes any length and looks at what there is
    uint8_t may_be_empty; // where nothing may be there to copy out: then the pointer is not used
    int16_t refuses;      // errno of the call with good arguments; 0: it succeeds
    int16_t missing;      // errno of all such calls on this kernel, which has nothing of the kind
    struct {              // a word of an argument's good memory
        uint8_t argument; // 0 to 5
        uint8_t offset;
        uint64_t value;
    } word;
    uint64_t values[ARGUMENT_COUNT];
};
enum { NEVER, ON_LINUX_ONLY, EVERYWHERE };
enum {
    NEEDS_CHILD = 1,    // one to wait for
    NEEDS_SIGNAL = 2,   // SIGUSR2 pending, and blocked
    NEEDS_GROUPS = 4,   // some
    NEEDS_TERMINAL = 8, // as descriptor TERMINAL_FD, and its settings in argument 2's memory
    NEEDS_FOLDER = 16,  // there where nothing is yet
};
#define ARGUMENT(index) (1u << (index))
// The setups of a call, one after the other; NULL behind the last. There is always one.
const struct setup *setup_at(uint16_t number, size_t index);
// Does this kernel do nothing of what the setup asks for?
bool setup_is_missing(const struct setup *setup);
bool setup_may_be_empty(const struct setup *setup);

// Descriptors of every case's process.
enum { FILE_FD = 40, FOLDER_FD, PIPE_OUT_FD, PIPE_IN_FD, TERMINAL_FD };

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
// What is bad in a case: an argument (6: none), or a word in its good memory.
struct bad {
    unsigned index;
    bool is_inner;
    uint8_t offset; // of that word
    uint64_t value;
};
// Makes the call in a process of its own.
struct outcome case_run(const struct call *call, const struct setup *setup, const struct bad *bad);
long case_call(uint16_t number, const uint64_t values[ARGUMENT_COUNT]);
// The arguments of the setup in `room` bytes for each of `memory`, which is all zeros.
void case_fill(const struct call *call, const struct setup *setup, char *memory, size_t room,
               uint64_t values[ARGUMENT_COUNT]);
// The process's own preparations, and what a call used up.
void case_prepare(const struct setup *setup);
void case_renew(const struct setup *setup);

// A class of bad values (args_classes.c).
struct class
{
    const char *name;
    enum { ELSEWHERE, AT_EDGE, AT_BORDER, AT_READ_ONLY, AT_NO_ACCESS, AT_UNMAPPED } place;
    uint64_t offset;
    bool has_room; // for a small object
};
// A word in what an argument points to that is a pointer or a length itself.
struct inner {
    uint16_t number; // of the call; 0: all that have the kind
    uint8_t index;   // of the argument, where it is one call's
    uint8_t in;      // what points to it
    uint8_t offset;
    uint8_t kind;
    const char *name;
};
// Where a bad value stands, and in what.
struct row {
    const struct call *call;
    const struct setup *setup;
    unsigned index;
    uint8_t kind;              // of what is bad
    bool is_written;           // by the kernel
    const struct inner *inner; // or NULL: the argument itself
    struct outcome usual;
};
// Whether the call with good arguments did what it has to; whether a bad one may give `value`.
bool usual_is_right(const struct row *row);
bool value_is_right(const struct row *row, const struct class *class, uint64_t bad, long value);
// Did another program take the place of the one that made the call? SIGALRM is still set.
bool program_was_replaced(const struct call *call, int status);
// Calls whose arguments are addresses, not buffers: a process that unmaps itself is on its own.
bool call_may_lose_memory(uint16_t number);
// Does the call with this setup read or write where the argument points to?
bool pointer_is_followed(const struct call *call, const struct setup *setup, unsigned index);

// Runs every class of bad values for one argument; 0, or 1 with a note.
int classes_run(const struct call *call, unsigned index);
// Makes the call again and again while another thread takes its memory away and brings it back.
int revoke_run(const struct call *call);
// ESCAPE_RAW in the environment: every outcome is printed, to be compared between kernels.
extern bool outcomes_are_printed;
// attack.c: no handlers, no alternate stack.
void signals_reset(void);
