// The classes of bad pointers and lengths: each is put in the place of an argument, and of a word
// that an argument points to, and args_verdict.c says whether what came of it may. Invariant:
// nothing around the buffer changes.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TRIES 3u
#define QUICK_STEP 5u // other classes for each call

static const struct class pointer_classes[] = {
    { "null", ELSEWHERE, 0, true },
    { "null-page", ELSEWHERE, 64, false },
    { "unmapped", AT_UNMAPPED, 0, false },
    { "no-access", AT_NO_ACCESS, 0, false },
    { "last-page", ELSEWHERE, 0x7fffffffe000, false },
    { "limit", ELSEWHERE, 0x7ffffffff000, false },
    { "last-byte", ELSEWHERE, 0x7fffffffffff, false },
    { "non-canonical", ELSEWHERE, 0x800000000000, false },
    { "sign-bit", ELSEWHERE, 0x8000000000000000, false },
    { "direct-map", ELSEWHERE, 0xffff800000001000, false },
    { "kernel", ELSEWHERE, 0xffffffff80001000, false },
    { "minus-4096", ELSEWHERE, -4096ul, false },
    { "minus-8", ELSEWHERE, -8ul, false },
    { "minus-1", ELSEWHERE, -1ul, false },
    { "edge-1", AT_EDGE, -1ul, false },
    { "edge-8", AT_EDGE, -8ul, true },
};
// Of what the kernel writes.
static const struct class output_classes[] = {
    { "read-only", AT_READ_ONLY, 0, false },
    { "border-1", AT_BORDER, -1ul, false },
    { "border-8", AT_BORDER, -8ul, true },
};
static const struct class length_classes[] = {
    { "none", ELSEWHERE, 0, true },
    { "one", ELSEWHERE, 1, true },
    { "beyond-the-page", ELSEWHERE, 3 * PAGE, true },
    { "2^31-1", ELSEWHERE, 0x7fffffff, true },
    { "2^31", ELSEWHERE, 0x80000000, true },
    { "2^32-1", ELSEWHERE, 0xffffffff, true },
    { "2^32", ELSEWHERE, 0x100000000, true },
    { "2^47", ELSEWHERE, 0x800000000000, true },
    { "2^63-1", ELSEWHERE, 0x7fffffffffffffff, true },
    { "2^63", ELSEWHERE, 0x8000000000000000, true },
    { "minus-4096", ELSEWHERE, -4096ul, true },
    { "minus-1", ELSEWHERE, -1ul, true },
};

// What is bad in good memory: entries of vectors and lists, and where one of two words is a
// pointer.
static const struct inner inners[] = {
    { 0, 0, VECTOR, 0, BUFFER_IN, "base-1" },
    { 0, 0, VECTOR, 8, SIZE, "length-1" },
    { 0, 0, VECTOR, 16, BUFFER_IN, "base-2" },
    { 0, 0, VECTOR, 24, SIZE, "length-2" },
    { 0, 0, STRINGS, 0, PATH, "word-1" },
    { 0, 0, STRINGS, 8, PATH, "word-2" },
    { SYS_pselect6, 5, STRUCT_IN, 0, STRUCT_IN, "set" },
    { SYS_pselect6, 5, STRUCT_IN, 8, SIZE, "size" },
};

static uint64_t class_value(const struct class *class)
{
    switch (class->place) {
    case AT_EDGE:
        return (uint64_t)arena.edge + class->offset;
    case AT_BORDER:
        return (uint64_t)arena.border + class->offset;
    case AT_READ_ONLY:
        return (uint64_t)arena.read_only;
    case AT_NO_ACCESS:
        return (uint64_t)arena.no_access;
    case AT_UNMAPPED:
        return (uint64_t)arena.unmapped;
    default:
        return class->offset;
    }
}

static void print_outcome(const struct row *row, const char *name, const struct outcome *outcome)
{
    if (!outcomes_are_printed)
        return;
    printf("raw: %s.%u %s%s%s ", row->call->name, row->index + 1,
           row->inner ? row->inner->name : "", row->inner ? ":" : "", name);
    if (outcome->returned)
        printf("%ld\n", outcome->value);
    else
        printf("status %#x\n", outcome->status);
}

static int judge(const struct row *row, const struct class *class, const struct outcome *outcome)
{
    bool loses = call_may_lose_memory(row->call->number);
    const char *inner = row->inner ? row->inner->name : "";
    print_outcome(row, class->name, outcome);
    if (!outcome->returned || outcome->status != 0) {
        bool may_be_null = class == pointer_classes && (row->inner || row->setup->optional);
        bool replaced = may_be_null && program_was_replaced(row->call, outcome->status);
        // What it would have said so in may be gone.
        bool lost = loses && (outcome->status == 0 || (WIFSIGNALED(outcome->status) &&
                                                       WTERMSIG(outcome->status) == SIGSEGV));
        return replaced || lost
                   ? 0
                   : attempt_note("%s %s: status %#x", inner, class->name, outcome->status);
    }
    if (!outcome->intact && !loses)
        return attempt_note("%s %s: memory around it changed", inner, class->name);
    if (!value_is_right(row, class, class_value(class), outcome->value))
        return attempt_note("%s %s: %ld, usually %ld", inner, class->name, outcome->value,
                            row->usual.value);
    return 0;
}

// Again where SIGALRM came into a call that does not block: this machine is slow.
static struct outcome run_case(const struct row *row, const struct bad *bad)
{
    struct outcome outcome;
    unsigned tries = 0;
    do {
        outcome = case_run(row->call, row->setup, bad);
    } while (outcome.returned && outcome.value == -EINTR && row->setup->refuses != EINTR &&
             ++tries < TRIES);
    return outcome;
}

// The last class's note stays, if there are several.
static int run_table(const struct row *row, const struct class *classes, size_t count)
{
    int result = 0;
    size_t step = sweeps_are_quick ? QUICK_STEP : 1;
    for (size_t i = row->call->number % step; i < count; i += step) {
        const struct bad bad = {
            .index = row->index,
            .is_inner = row->inner != NULL,
            .offset = row->inner ? row->inner->offset : 0,
            .value = class_value(&classes[i]),
        };
        struct outcome outcome = run_case(row, &bad);
        result |= judge(row, &classes[i], &outcome);
    }
    return result;
}

static int run_tables(const struct row *row)
{
    if (kind_is_length(row->kind))
        return run_table(row, length_classes, COUNT_OF(length_classes));
    int result = run_table(row, pointer_classes, COUNT_OF(pointer_classes));
    if (row->is_written)
        result |= run_table(row, output_classes, COUNT_OF(output_classes));
    return result;
}

static int run_inner(const struct row *outer)
{
    int result = 0;
    const struct call *call = outer->call;
    for (size_t i = 0; i < COUNT_OF(inners); i++) {
        struct row row = *outer;
        row.inner = &inners[i];
        row.kind = inners[i].kind;
        row.is_written =
            row.kind == BUFFER_IN && (call->number == SYS_readv || call->number == SYS_preadv);
        if (inners[i].in == outer->kind &&
            (inners[i].number == 0 ||
             (inners[i].number == call->number && inners[i].index == outer->index)))
            result |= run_tables(&row);
    }
    return result;
}

static int run_setup(const struct call *call, const struct setup *setup, unsigned index)
{
    uint8_t kind = call->kinds[index];
    struct row row = {
        .call = call,
        .setup = setup,
        .index = index,
        .kind = kind,
        .is_written = kind == BUFFER_OUT || kind == STRUCT_OUT || kind == STRUCT_INOUT ||
                      (setup->writes & ARGUMENT(index)),
    };
    row.usual = run_case(&row, &(const struct bad){ .index = ARGUMENT_COUNT });
    print_outcome(&row, "usual", &row.usual);
    if (!usual_is_right(&row))
        return attempt_note("with good arguments: %ld, status %#x", row.usual.value,
                            row.usual.status);
    int result = run_tables(&row);
    if (pointer_is_followed(call, setup, index) && !(setup->given & ARGUMENT(index)))
        result |= run_inner(&row);
    return result;
}

int classes_run(const struct call *call, unsigned index)
{
    int result = 0;
    const struct setup *setup;
    for (size_t i = 0; (setup = setup_at(call->number, i)) != NULL; i++)
        result |= run_setup(call, setup, index);
    return result;
}
