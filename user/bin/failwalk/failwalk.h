// What the parts of failwalk share: what a row is, the scene that every try finds, raw calls.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "program.h"

#define PAGE 4096ul
#define FOLDER "/tmp/failwalk"
#define OLD FOLDER "/old"       // a file of FILE_PAGES pages
#define LINK FOLDER "/link"     // to OLD
#define BOX FOLDER "/box"       // an empty directory
#define SCRIPT FOLDER "/script" // runs `busybox true`
#define NEW FOLDER "/new"       // not there, nor is the next
#define NEW_BOX FOLDER "/newbox"
#define FILE_PAGES 3ul
#define PLACE_COUNT 6u // one for each argument

// How a try of a row may end besides by a result.
enum ending { RETURNS, ENDS, BECOMES_ANOTHER };

// A call, or something else that enters the kernel, with good arguments.
struct row {
    const char *name;
    long number;           // of the system call that it is a row of; -1: none
    void (*prepare)(void); // in the process of the try, before the plan is armed; may be NULL
    long (*act)(void);     // the result, or -errno
    enum ending ending;
    int error; // with which the call ends rightly where nothing fails; 0: it succeeds
};

// One file's rows.
struct row_group {
    const struct row *rows;
    const size_t *count;
};
extern const struct row file_rows[], name_rows[], memory_rows[], process_rows[], signal_rows[],
    wait_rows[];
extern const size_t file_row_count, name_row_count, memory_row_count, process_row_count,
    signal_row_count, wait_row_count;
// The index-th call that is not known, with arguments by type. False: there are not so many.
#define CALL_LIMIT 512u
bool call_row_of_rest(size_t index, const bool known[CALL_LIMIT], struct row *row);

// Made once, by main; descriptors are inherited by every try.
struct scene {
    long file, folder; // OLD, read and write; FOLDER
    long null;
    char *places[PLACE_COUNT]; // a page each, all present
};
extern struct scene scene;

// What a try tells its parent; a shared page.
struct outcome {
    bool done;
    long result;
};
extern struct outcome *outcome;

// From now on the n-th point of the running try fails, up to the end of the next call.
void plan_arm(void);
// The same of the points of a kind ("memory "), and with "+" of all behind it, too.
void plan_arm_as(const char *kind, const char *end);

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define CALL_PICK(n, a, b, c, d, e, f, ...)                                                        \
    call6((long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(...) CALL_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

// Defines the act of a row that is one call.
#define ACT(name, ...)                                                                             \
    static long act_##name(void)                                                                   \
    {                                                                                              \
        return CALL(__VA_ARGS__);                                                                  \
    }
// A row of the call that ends by a result of its own: act_CALL_HOW().
#define ROW(call, how, prepare)                                                                    \
    {                                                                                              \
#call " " #how, SYS_##call, prepare, act_##call##_##how, RETURNS, 0                        \
    }
