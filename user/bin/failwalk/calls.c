// The calls whose arguments by type, as include/syscalls.def has them, are good enough: rows for
// every number that no other file has a row of.
#include "failwalk.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#include "syscall_arguments.h"

enum type { SYSCALL_ARGUMENT_TYPES };

#define ARGUMENTS 6u

struct call {
    const char *name;
    long number;
    enum type types[ARGUMENTS];
};

#define SYSCALL(call_number, call_name, ...)                                                       \
    { .name = #call_name, .number = (call_number), .types = { __VA_ARGS__ } },
static const struct call calls[] = {
#include "syscalls.def"
};
#undef SYSCALL

static const struct call *chosen;

static long value_of(enum type type, unsigned place)
{
    char *page = scene.places[place];
    switch (type) {
    case FD:
        return scene.file;
    case DIRFD:
        return AT_FDCWD;
    case PATH:
        return (long)OLD;
    case SIZE:
        return 256;
    case COUNT:
    case CLOCK:
        return 1;
    case VECTOR:
        *(struct iovec *)page = (struct iovec){ page + 512, 64 };
        return (long)page;
    case POLLS:
        *(struct pollfd *)page = (struct pollfd){ (int)scene.file, POLLIN, 0 };
        return (long)page;
    case BUFFER_IN:
    case BUFFER_OUT:
    case STRUCT_IN:
    case STRUCT_OUT:
    case ADDRESS:
        return (long)page;
    default:
        return 0;
    }
}

static long act_by_types(void)
{
    long values[ARGUMENTS];
    for (unsigned i = 0; i < ARGUMENTS; i++)
        values[i] = value_of(chosen->types[i], i);
    return CALL(chosen->number, values[0], values[1], values[2], values[3], values[4], values[5]);
}

// Rights already at the end of what they may be, groups there are none of: as Linux refuses them.
static int rightful_error(long number)
{
    switch (number) {
    case SYS_mount:
    case SYS_umount2:
        return EPERM;
    case SYS_reboot:
    case SYS_sched_setattr:
    case SYS_rseq:
        return EINVAL;
    default:
        return 0;
    }
}

bool call_row_of_rest(size_t index, const bool known[], struct row *row)
{
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        if (known[calls[i].number] || index-- > 0)
            continue;
        chosen = &calls[i];
        *row = (struct row){ chosen->name, chosen->number, NULL,
                             act_by_types, RETURNS,        rightful_error(chosen->number) };
        return true;
    }
    return false;
}
