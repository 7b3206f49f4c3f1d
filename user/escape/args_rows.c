// The rows of group `arguments`: one for each pointer and length of the system-call table, one for
// each call that has a pointer, except those that would take the memory away for good.
#include "args.h"
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define NAME_SIZE 32u
#define REVOKED ARGUMENT_COUNT

#define SYSCALL(call_number, call_name, ...)                                                       \
    { #call_name, call_number, sizeof((uint8_t[]){ NOTHING, ##__VA_ARGS__ }) - 1, { __VA_ARGS__ } },
static const struct call calls[] = {
#include "syscalls.def"
};
#undef SYSCALL

const struct call *call_at(size_t index)
{
    return index < COUNT_OF(calls) ? &calls[index] : NULL;
}

bool kind_is_pointer(uint8_t kind)
{
    return kind == PATH || kind == BUFFER_IN || kind == BUFFER_OUT || kind == STRUCT_IN ||
           kind == STRUCT_OUT || kind == STRUCT_INOUT || kind == VECTOR || kind == STRINGS ||
           kind == POLLS || kind == ADDRESS || kind == ANY;
}

bool kind_is_length(uint8_t kind)
{
    return kind == SIZE || kind == COUNT;
}

// Whether its memory may go away in mid-call: not where the call itself makes, moves or unmaps it,
// or where the thread dies of it afterwards (rseq).
#define IS_REVOCABLE(number)                                                                       \
    ((number) != SYS_munmap && (number) != SYS_mmap && (number) != SYS_mremap &&                   \
     (number) != SYS_mprotect && (number) != SYS_madvise && (number) != SYS_rseq)

// How many rows: counted by the compiler, since a group is a constant.
#define IS_ROW(kind) ((kind) == SIZE || (kind) == COUNT || IS_POINTER(kind))
#define IS_POINTER(kind)                                                                           \
    ((kind) == PATH || (kind) == BUFFER_IN || (kind) == BUFFER_OUT ||                              \
     ((kind) >= STRUCT_IN && (kind) <= ADDRESS) || (kind) == ANY)
#define ROWS_OF(number, unused, a, b, c, d, e, f, ...)                                             \
    (IS_ROW(a) + IS_ROW(b) + IS_ROW(c) + IS_ROW(d) + IS_ROW(e) + IS_ROW(f) +                       \
     IS_REVOCABLE(number) * (IS_POINTER(a) || IS_POINTER(b) || IS_POINTER(c) || IS_POINTER(d) ||   \
                             IS_POINTER(e) || IS_POINTER(f)))
#define SYSCALL(number, name, ...)                                                                 \
    +ROWS_OF(number, NOTHING, ##__VA_ARGS__, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
enum {
    ROW_COUNT = 0
#include "syscalls.def"
};
#undef SYSCALL

static int run_row(const struct attempt *attempt)
{
    const struct call *call = attempt->argument;
    outcomes_are_printed = getenv("ESCAPE_RAW") != NULL;
    arena_make();
    return attempt->number == REVOKED ? revoke_run(call)
                                      : classes_run(call, (unsigned)attempt->number);
}

static char names[ROW_COUNT][NAME_SIZE];
static struct attempt rows[ROW_COUNT];

static void add_row(size_t *count, const struct call *call, unsigned index)
{
    struct attempt row = {
        .name = names[*count], .run = run_row, .argument = call, .number = index
    }; // harmless
    if (index == REVOKED)
        snprintf(names[*count], NAME_SIZE, "%s.revoked", call->name);
    else
        snprintf(names[*count], NAME_SIZE, "%s.%u", call->name, index + 1);
    memcpy(&rows[(*count)++], &row, sizeof(row));
}

__attribute__((constructor)) static void make_rows(void)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        bool has_pointer = false;
        for (unsigned k = 0; k < calls[i].count; k++) {
            bool is_pointer = kind_is_pointer(calls[i].kinds[k]);
            has_pointer |= is_pointer;
            if (is_pointer || kind_is_length(calls[i].kinds[k]))
                add_row(&count, &calls[i], k);
        }
        if (has_pointer && IS_REVOCABLE(calls[i].number))
            add_row(&count, &calls[i], REVOKED);
    }
    if (count != ROW_COUNT)
        abort();
}

GROUP(arguments, "every pointer and length of every system call, bad in every way", rows);
