// The classes of bad pointers and lengths, and what may come of each: EFAULT where the call got as
// far as its memory, its own refusal where it did not, and never anything around the buffer.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define QUICK_STEP 5u // other classes for each call

struct class
{
    const char *name;
    enum { ELSEWHERE, AT_EDGE, AT_BORDER, AT_READ_ONLY, AT_NO_ACCESS, AT_UNMAPPED } place;
    uint64_t offset;
    bool may_do; // a small object has room there
};

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

// Calls whose arguments are addresses, not buffers: whatever they say of them is right, and a
// process that unmaps itself is on its own.
static bool may_lose_memory(uint16_t number)
{
    return number == SYS_munmap || number == SYS_mprotect || number == SYS_mremap ||
           number == SYS_mmap || number == SYS_brk || number == SYS_madvise || number == SYS_rseq;
}

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

// The kernel looks at it, but nothing depends on whether it can: as on Linux.
static bool is_not_needed(const struct call *call, unsigned index)
{
    switch (call->number) {
    case SYS_clone: // tids are stored if they can be; a stack is the child's problem
    case SYS_set_robust_list:
    case SYS_set_tid_address:
    case SYS_futex: // the second word only counts for some commands
    case SYS_mount:
    case SYS_getgroups: // there are none
    case SYS_syslog:    // nothing was said
        return true;
    case SYS_rt_sigtimedwait: // no signal came
    case SYS_nanosleep:       // nobody interrupted it
        return index == 1;
    case SYS_clock_nanosleep:
        return index == 3;
    case SYS_prctl:
    case SYS_ioctl:
    case SYS_fcntl:
    case SYS_reboot:
        return true;
    default:
        return false;
    }
}

static bool length_error_is_known(long error)
{
    static const int known[] = { EFAULT, EINVAL, ENOMEM,       E2BIG,     ERANGE,
                                 EFBIG,  EBADF,  ENAMETOOLONG, EOVERFLOW, EPERM };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (error == -known[i])
            return true;
    }
    return false;
}

// Of what could be read there, which is nothing that makes sense.
static bool content_error_is_known(const struct class *class, long error)
{
    if (error == -EINVAL || error == -EINTR) // without a time-out it blocks
        return class->may_do || class->place == AT_BORDER || class->place == AT_READ_ONLY;
    bool is_readable =
        class->offset == -8ul || class->place == AT_BORDER || class->place == AT_READ_ONLY;
    return is_readable &&
           (error == -EBADF || error == -EOVERFLOW || error == -E2BIG || error == -EAGAIN);
}

static bool value_is_right(const struct call *call, unsigned index, const struct class *class,
                           long usual, long value)
{
    uint8_t kind = call->kinds[index];
    if (value == usual && usual < 0)
        return true;
    if (kind == ADDRESS)
        return value >= 0 || value == -EFAULT || value == -EINVAL || value == -ENOMEM ||
               value == -EPERM || value == -EEXIST || value == -EAGAIN;
    if (kind_is_length(kind))
        return value >= 0 || length_error_is_known(value);
    if (value == -EFAULT)
        return true;
    bool counts = kind == BUFFER_IN || kind == BUFFER_OUT || kind == POLLS || kind == VECTOR;
    if (class->place == AT_EDGE || class->place == AT_BORDER)
        counts = counts && value >= 0 && value < usual; // of what was good
    else
        counts = false;
    if (value < 0)
        return content_error_is_known(class, value) ||
               ((kind == ANY || is_not_needed(call, index)) && value == -EINVAL);
    return counts || class->may_do || kind == ANY || is_not_needed(call, index);
}

static int judge(const struct call *call, unsigned index, const struct class *class,
                 const struct outcome *usual, const struct outcome *outcome)
{
    bool loses = may_lose_memory(call->number);
    if (outcomes_are_printed) {
        if (outcome->returned)
            printf("raw: %s.%u %s %ld\n", call->name, index + 1, class->name, outcome->value);
        else
            printf("raw: %s.%u %s status %#x\n", call->name, index + 1, class->name,
                   outcome->status);
    }
    if (!outcome->returned || outcome->status != 0) {
        bool replaced = call->number == SYS_execve && WIFEXITED(outcome->status) && class->may_do;
        bool lost = loses && WIFSIGNALED(outcome->status) && WTERMSIG(outcome->status) == SIGSEGV;
        return replaced || lost ? 0 : attempt_note("%s: status %#x", class->name, outcome->status);
    }
    if (!outcome->intact && !loses)
        return attempt_note("%s: memory around it changed", class->name);
    if (!value_is_right(call, index, class, usual->returned ? usual->value : 0, outcome->value))
        return attempt_note("%s: %ld, usually %ld", class->name, outcome->value, usual->value);
    return 0;
}

struct row {
    const struct call *call;
    const struct setup *setup;
    unsigned index;
    struct outcome usual;
};

// The last class's note stays, if there are several.
static int run_table(const struct row *row, const struct class *classes, size_t count)
{
    int result = 0;
    size_t step = sweeps_are_quick ? QUICK_STEP : 1;
    for (size_t i = row->call->number % step; i < count; i += step) {
        struct outcome outcome =
            case_run(row->call, row->setup, row->index, class_value(&classes[i]));
        result |= judge(row->call, row->index, &classes[i], &row->usual, &outcome);
    }
    return result;
}

static int run_setup(const struct row *row)
{
    uint8_t kind = row->call->kinds[row->index];
    bool is_output = kind == BUFFER_OUT || kind == STRUCT_OUT || kind == STRUCT_INOUT;
    if (outcomes_are_printed)
        printf("raw: %s.%u usual %ld\n", row->call->name, row->index + 1, row->usual.value);
    if (kind_is_length(kind))
        return run_table(row, length_classes, COUNT_OF(length_classes));
    int result = run_table(row, pointer_classes, COUNT_OF(pointer_classes));
    if (is_output)
        result |= run_table(row, output_classes, COUNT_OF(output_classes));
    return result;
}

int classes_run(const struct call *call, unsigned index)
{
    int result = 0;
    struct row row = { .call = call, .index = index };
    for (size_t i = 0; (row.setup = setup_at(call->number, i)) != NULL; i++) {
        row.usual = case_run(call, row.setup, ARGUMENT_COUNT, 0);
        result |= run_setup(&row);
    }
    return result;
}
