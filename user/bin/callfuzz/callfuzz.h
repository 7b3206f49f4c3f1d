// What the parts of callfuzz share. A run is children one after another and beside each other;
// child number i has the seed of the run plus i, and its seed alone decides which calls it makes
// and with what. Everything that a child uses has a fixed address or descriptor number, so that a
// seed means the same everywhere.
#pragma once

#include <stdatomic.h>

#include "program.h"
#include "syscall_arguments.h"

#define ARGUMENT_LIMIT 6u
#define SLOT_LIMIT 26u
#define FAMILY_LIMIT 256u
#define CALL_LIMIT 256u
#define THREAD_LIMIT 3u // of a child; the first is the process's first

// Where the children's folders are, and links to what they use. Calls mix up memory, and a path
// that was cut off must not name a new file: so every name outside a child's folder is one letter.
#define PLACE "/f"
#define PLACE_PROGRAM PLACE "/m"
#define PLACE_NULL PLACE "/n"
#define PLACE_ZERO PLACE "/z"

// The fixed places of a child.
#define ARENA 0x200000000ul // readable and writable; behind it a page of each other kind
#define ARENA_SIZE 0x40000ul
#define ARENA_STACK (ARENA + 0x30000ul) // of handlers
#define ARENA_STACK_SIZE 0x4000ul
#define ARENA_WORDS (ARENA + 0x38000ul)     // for futexes, all threads'
#define ARENA_STACK_TOP (ARENA + 0x40000ul) // of threads that end at once
#define ARENA_READ_ONLY (ARENA + ARENA_SIZE)
#define ARENA_FORBIDDEN (ARENA_READ_ONLY + 0x1000ul)
#define PLAYGROUND 0x210000000ul // what mmap and its kin change
#define PLAYGROUND_SIZE 0x40000ul
#define QUEUED_SIGNAL 40 // blocked or not, it is awaited
#define FIRST_FIXED 3
#define FIRST_FREE 16       // descriptors that calls make lie from here
#define PLACE_DESCRIPTOR 61 // the child's folder
#define TELL_DESCRIPTOR 62  // where -v prints
#define DESCRIPTOR_LIMIT 64u

// What an argument is by the table, and what narrows that for one call.
enum kind {
    SYSCALL_ARGUMENT_TYPES,
    ONE_OF,  // of the values beside it
    BITS_OF, // any of the bits beside it
    PATH_OWN,
    PATH_NEW,
    PATH_VICTIM,
    PATH_FOLDER,
    PATH_FOLDER_NEW,
    PATH_LINK,
    PATH_PROGRAM,
    WORD, // a futex
    PLAY_SIZE,
    TIMESPEC,
    TIMEVAL,
    MOMENT, // a timespec that lies in the past, or two
    ITIMERVAL,
    SIGNAL_SET,
    SIGNAL_ACTION,
    SIGNAL_INFO,
    SIGNAL_STACK,
    LIMIT,
    PRIORITY, // of sched_setscheduler
    ATTRIBUTES,
    CPU_MASK,
    POLL_SET,
    MASK_ARGUMENT, // pselect6's
    OFFSET_INOUT,
    CLONE_ARGUMENTS,
    NAME,
    THREAD_POINTER,
    NULL_OR_OUT,
    DECOY,
};

struct call {
    uint16_t number;
    const char *name;
    uint8_t kinds[ARGUMENT_LIMIT];
};

// How an argument is narrowed.
struct refinement {
    uint16_t number;
    uint8_t argument;
    uint8_t kind;
    uint8_t count;
    uint64_t values[12];
};

extern const struct call calls[];
extern const size_t call_count;
// NULL: as include/syscalls.def has it.
const struct refinement *call_refinement(size_t call, unsigned argument);
void calls_prepare(void);

struct tally {
    atomic_ulong tries, successes;
};

// A child, as child and supervisor see it.
struct slot {
    atomic_ulong progress;
    atomic_uint family_count;
    atomic_int family[FAMILY_LIMIT]; // processes that it made
    // The supervisor's.
    pid_t pid;
    uint32_t seed;
    unsigned long progress_seen;
    uint64_t seen_ns;
};

struct shared {
    struct tally tallies[CALL_LIMIT];
    struct slot slots[SLOT_LIMIT];
};

// One thread that makes calls.
struct fuzzer {
    struct shared *shared;
    struct slot *slot;
    uint64_t chance;
    unsigned thread;      // 0 to THREAD_LIMIT - 1
    unsigned depth;       // how many forks below the child
    unsigned long number; // of the call
    bool verbose;
    bool is_good; // the arguments of this call are all to be right
    int32_t self, decoy;
    size_t used; // of the thread's part of the arena, by this call
};

uint32_t random_below(struct fuzzer *fuzzer, uint32_t limit);
uint64_t random_word(struct fuzzer *fuzzer);
bool one_in(struct fuzzer *fuzzer, uint32_t chances);

// One argument; `size` in bytes from the thread's part of the arena, which holds for this call.
uint64_t make_argument(struct fuzzer *fuzzer, size_t call, unsigned argument);
uint64_t make_struct(struct fuzzer *fuzzer, enum kind kind);
uint64_t make_path(struct fuzzer *fuzzer, enum kind kind);
uint64_t make_bad_pointer(struct fuzzer *fuzzer);
void *take_room(struct fuzzer *fuzzer, size_t size);
// Changes what would end the run for nothing.
void make_harmless(size_t call, uint64_t arguments[ARGUMENT_LIMIT], int32_t self);

// A child's surroundings, made and, now and then, made whole again.
enum repair { REPAIR_FIRST, REPAIR_QUICK, REPAIR_FULL };
void world_make(struct fuzzer *fuzzer, enum repair repair);
void world_register(struct fuzzer *fuzzer, int pid);

// The calls that need another way than a plain one. False: `call` is none; otherwise it was made.
bool make_special(struct fuzzer *fuzzer, size_t call, const uint64_t arguments[ARGUMENT_LIMIT],
                  long *result);
// Takes a process of its own, so it is made less often.
bool call_is_dear(size_t call);
// In a child that a call made: a few calls, and the end.
_Noreturn void descend(struct fuzzer *fuzzer);
void make_calls(struct fuzzer *fuzzer, unsigned long count);
// Does not return.
_Noreturn void child_live(struct shared *shared, struct slot *slot, unsigned long count,
                          bool verbose);

// invoke.S. A call with its registers; where it returns 0 and `ends_at_zero`, the thread ends there
// without touching its stack.
long invoke(long number, const uint64_t arguments[ARGUMENT_LIMIT], bool ends_at_zero);
void invoke_restorer(void);
