// What may come of a bad argument: EFAULT where the call follows the pointer, unless a part of what
// it names is good; of a length that cannot be, an error; of what it does not follow, the same as
// usual. A call succeeds with good arguments, or args_setups.c says what it says instead, and why.
#include "args.h"
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER_LIMIT 0x7ffffffff000ul
#define ENTRY_SIZE 32 // of each entry of a vector
#define MOST (2 * PAGE)
#define VECTOR_MAX 1024u

bool program_was_replaced(const struct call *call, int status)
{
    return call->number == SYS_execve &&
           (WIFEXITED(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM));
}

bool call_may_lose_memory(uint16_t number)
{
    return number == SYS_munmap || number == SYS_mprotect || number == SYS_mremap ||
           number == SYS_mmap || number == SYS_brk || number == SYS_madvise || number == SYS_rseq;
}

bool pointer_is_followed(const struct call *call, const struct setup *setup, unsigned index)
{
    return kind_is_pointer(call->kinds[index]) && !setup_is_missing(setup) &&
           !((setup->unused | setup->places) & ARGUMENT(index));
}

// On a Linux on which the suite is not root.
static bool lacks_rights(const struct row *row)
{
    return !kernel_is_ringfence() && geteuid() != 0 && row->usual.value == -EPERM;
}

bool usual_is_right(const struct row *row)
{
    const struct setup *setup = row->setup;
    const struct outcome *usual = &row->usual;
    if (!usual->returned)
        return program_was_replaced(row->call, usual->status) && setup->refuses == 0;
    if (usual->status != 0 || !usual->intact)
        return false;
    if (setup_is_missing(setup))
        return usual->value == -setup->missing;
    if (lacks_rights(row))
        return true;
    if (setup->may_be_empty && usual->value == 0)
        return setup_may_be_empty(setup);
    return setup->refuses ? usual->value == -setup->refuses : usual->value >= 0;
}

static bool error_is_among(long value, const int *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value == -errors[i])
            return true;
    }
    return false;
}

static bool length_error_is_known(long value)
{
    static const int known[] = { EFAULT, EINVAL, ENOMEM, E2BIG, ERANGE, EFBIG, ENAMETOOLONG };
    return error_is_among(value, known, COUNT_OF(known));
}

// Of what could be read there, which is nothing that makes sense.
static bool content_error_is_known(long value)
{
    static const int known[] = { EBADF, EINVAL, EINTR, EOVERFLOW, E2BIG, EAGAIN };
    return error_is_among(value, known, COUNT_OF(known));
}

static bool place_error_is_known(long value)
{
    static const int known[] = { EFAULT, EINVAL, ENOMEM, EPERM, EEXIST };
    return error_is_among(value, known, COUNT_OF(known));
}

static bool is_as_usual(const struct row *row, long value)
{
    return row->usual.value < 0 ? value == row->usual.value : value >= 0;
}

static long least(unsigned long a, long b)
{
    return a < (unsigned long)b ? (long)a : b;
}

// Is it said how much was moved?
static bool moves_bytes(const struct row *row)
{
    uint8_t before = row->index > 0 ? row->call->kinds[row->index - 1] : NOTHING;
    return before == BUFFER_IN || before == BUFFER_OUT || row->call->number == SYS_sendfile;
}

// Of a success: not more than was asked for, and not less than a smaller length gives, as if the
// upper half were not there.
static bool length_is_right(const struct row *row, uint64_t length, long value)
{
    const struct setup *setup = row->setup;
    long usual = row->usual.value;
    if (setup->bits == 32 && !row->inner)
        length = (uint32_t)length;
    if (call_may_lose_memory(row->call->number) && row->call->number != SYS_rseq)
        return length < USER_LIMIT;
    if (row->inner && row->inner->in == VECTOR)
        return value >= ENTRY_SIZE + least(length, ENTRY_SIZE) &&
               value <= ENTRY_SIZE + least(length, (long)MOST);
    if (row->call->kinds[row->index - (row->index > 0)] == VECTOR && !row->inner)
        return length <= VECTOR_MAX && value == least(length * ENTRY_SIZE, usual);
    if (moves_bytes(row) && usual > 0) {
        long due = setup->clips && length < (uint64_t)usual ? 0 : least(length, usual);
        return value >= due && value <= least(length, (long)MOST);
    }
    return length <= MOST || setup->clips;
}

// Linux's mmap hands back an address that looks like an error.
static bool place_is_right(const struct row *row, uint64_t place, long value)
{
    if (value == (long)place && value < 0 && row->call->number == SYS_mmap)
        return !kernel_is_ringfence();
    return value < 0 ? place_error_is_known(value) : place < USER_LIMIT;
}

// Bytes of a buffer that lie before the bad ones: so many may be moved.
static bool part_is_right(const struct row *row, const struct class *class, long value)
{
    bool has_part = class->place == AT_EDGE || class->place == AT_BORDER;
    long before = row->inner && row->inner->offset >= sizeof(uint64_t[2]) ? ENTRY_SIZE : 0;
    long part = has_part ? -(long)class->offset : 0;
    if (row->kind != BUFFER_IN && row->kind != BUFFER_OUT)
        return false;
    return before + part > 0 && value >= before && value <= before + part;
}

static bool object_is_right(const struct row *row, const struct class *class, long value)
{
    uint8_t kind = row->kind;
    bool is_object = kind == STRUCT_IN || kind == STRUCT_OUT || kind == STRUCT_INOUT ||
                     kind == POLLS || kind == ADDRESS || kind == ANY;
    bool is_readable = class->place == AT_BORDER || class->place == AT_READ_ONLY;
    if (!is_object)
        return false;
    if (kind == STRUCT_IN && class->place == AT_EDGE && row->setup->refuses != 0 &&
        value == -row->setup->refuses)
        return true; // of a page's worth of options what is readable
    if (class->has_room && class->place != ELSEWHERE)
        return value >= 0 || content_error_is_known(value);
    return kind == STRUCT_INOUT && is_readable && content_error_is_known(value);
}

static bool null_is_right(const struct row *row, long value)
{
    bool is_optional = row->setup->optional & ARGUMENT(row->index);
    if (row->inner)
        return row->kind != BUFFER_IN && is_as_usual(row, value);
    return value == -EINVAL || (is_optional && (is_as_usual(row, value) || value == -EINTR));
}

bool value_is_right(const struct row *row, const struct class *class, uint64_t bad, long value)
{
    const struct setup *setup = row->setup;
    uint8_t bit = (uint8_t)ARGUMENT(row->index);
    bool is_empty = setup_may_be_empty(setup) && row->usual.value == 0;
    if (setup_is_missing(setup))
        return value == -setup->missing;
    if (lacks_rights(row))
        return value == -EPERM || value == -EFAULT || value == -EINVAL;
    if (kind_is_length(row->kind) && value < 0)
        return length_error_is_known(value) || (setup->refuses && value == -setup->refuses);
    if (kind_is_length(row->kind))
        return is_empty || length_is_right(row, bad, value);
    if (setup->unused & bit || is_empty)
        return is_as_usual(row, value) || value == -EFAULT || value == -EINVAL;
    if (setup->places & bit)
        return place_is_right(row, bad, value);
    if (value == -EFAULT || (bad == 0 && null_is_right(row, value)))
        return true;
    if (row->kind == ADDRESS && bad % 32 != 0 && value == -EINVAL)
        return true; // where it may not lie
    return part_is_right(row, class, value) || object_is_right(row, class, value);
}
