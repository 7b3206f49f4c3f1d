// Arguments: right ones by kind, and wrong ones. Which of them a seed takes never depends on what
// calls gave.
#include "callfuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM_SIZE 0x10000ul // of the arena, for each thread
#define NAME_ROOM 64u

uint64_t random_word(struct fuzzer *fuzzer)
{
    uint64_t word = fuzzer->chance += 0x9e3779b97f4a7c15u;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
}

uint32_t random_below(struct fuzzer *fuzzer, uint32_t limit)
{
    return (uint32_t)((random_word(fuzzer) >> 32) * limit >> 32);
}

bool one_in(struct fuzzer *fuzzer, uint32_t chances)
{
    return random_below(fuzzer, chances) == 0;
}

void *take_room(struct fuzzer *fuzzer, size_t size)
{
    uint64_t base = ARENA + fuzzer->thread * ROOM_SIZE;
    fuzzer->used = (fuzzer->used + 15) & ~15ul;
    if (fuzzer->used + size > ROOM_SIZE)
        fuzzer->used = 0;
    fuzzer->used += size;
    return (void *)(base + fuzzer->used - size);
}

uint64_t make_bad_pointer(struct fuzzer *fuzzer)
{
    static const uint64_t pointers[] = { 0,
                                         1,
                                         0x1000,
                                         ARENA_READ_ONLY,
                                         ARENA_READ_ONLY - 1,
                                         ARENA_READ_ONLY - 7,
                                         ARENA_FORBIDDEN,
                                         ARENA_FORBIDDEN - 3,
                                         PLAYGROUND - 8,
                                         0x7fffffffefff,
                                         0x7ffffffff000,
                                         0x800000000000,
                                         0xffff7fffffffffff,
                                         0xffff800000000000,
                                         0xffffffff80000000,
                                         0xfffffffffffff000,
                                         ~0ul };
    return pointers[random_below(fuzzer, COUNT_OF(pointers))];
}

static uint64_t make_extreme(struct fuzzer *fuzzer)
{
    static const uint64_t words[] = { -1ul,       -2ul,       -100ul,      0x7fffffff,
                                      0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
                                      1ul << 63,  1ul << 47,  0x3fffffff,  4097,
                                      77,         0x10001,    1ul << 22,   0x7fffffffffff000 };
    return words[random_below(fuzzer, COUNT_OF(words))];
}

uint64_t make_path(struct fuzzer *fuzzer, enum kind kind)
{
    static const char *const own[] = { "a", "b", "c", "d/e", "./a", "d/../b", "link", "fifo" };
    static const char *const others[] = { "/proc/self/status", "/proc/self/fd", PLACE_NULL,
                                          PLACE_ZERO,          PLACE_PROGRAM,   "/proc/self/maps",
                                          "/proc/uptime",      "/proc/live",    "/proc/self/fd/3",
                                          "/proc/self/task" };
    static const char *const folders[] = { ".", "d", "d/..", "/proc/self", "./d/." };
    static const char *const links[] = { "link", "loop", "/proc/self/exe", "/proc/self/cwd" };
    char *path = take_room(fuzzer, NAME_ROOM);
    const char *fixed = NULL;
    if (kind == PATH)
        fixed = one_in(fuzzer, 3) ? others[random_below(fuzzer, COUNT_OF(others))] : NULL;
    if (kind == PATH_FOLDER)
        fixed = folders[random_below(fuzzer, COUNT_OF(folders))];
    else if (kind == PATH_LINK)
        fixed = links[random_below(fuzzer, COUNT_OF(links))];
    else if (kind == PATH_PROGRAM)
        fixed = one_in(fuzzer, 3) ? "script" : PLACE_PROGRAM;
    else if (kind == PATH_NEW || kind == PATH_VICTIM)
        snprintf(path, NAME_ROOM, "n%u", (kind == PATH_NEW ? 12 : 0) + random_below(fuzzer, 30));
    else if (kind == PATH_FOLDER_NEW)
        snprintf(path, NAME_ROOM, "m%u", random_below(fuzzer, 12));
    else if (fixed == NULL)
        fixed = own[random_below(fuzzer, COUNT_OF(own))];
    if (fixed != NULL)
        strcpy(path, fixed);
    return (uint64_t)path;
}

static uint64_t make_bad_path(struct fuzzer *fuzzer)
{
    static const char *const paths[] = { "",
                                         "missing",
                                         "a/b",
                                         "loop",
                                         PLACE_NULL "/x",
                                         "/proc/self/fd/99",
                                         "d/missing/x",
                                         "d/../d//./missing/x" };
    uint32_t choice = random_below(fuzzer, COUNT_OF(paths) + 6);
    if (choice < COUNT_OF(paths))
        return (uint64_t)strcpy(take_room(fuzzer, NAME_ROOM), paths[choice]);
    if (choice > COUNT_OF(paths) + 1)
        return make_bad_pointer(fuzzer);
    size_t length = choice == COUNT_OF(paths) ? 256 : 5000;
    char *path = take_room(fuzzer, length + 1);
    memset(path, 'x', length);
    path[length] = '\0';
    return (uint64_t)path;
}

static uint64_t make_process(struct fuzzer *fuzzer, bool is_good)
{
    switch (random_below(fuzzer, 8)) {
    case 0:
    case 1:
    case 2:
        return (uint64_t)fuzzer->self;
    case 3:
    case 4:
        return (uint64_t)fuzzer->decoy;
    case 5: // somebody else's child
        return (uint64_t)fuzzer->shared->slots[random_below(fuzzer, 8)].pid;
    case 6:
        return is_good ? (uint64_t)fuzzer->self : make_extreme(fuzzer);
    default:
        return is_good ? (uint64_t)fuzzer->self : (uint64_t)-fuzzer->decoy;
    }
}

static uint64_t make_number(struct fuzzer *fuzzer, enum kind kind)
{
    static const uint8_t signals[] = { 0,      SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD,
                                       SIGURG, SIGCONT, SIGALRM, SIGIO,    36,
                                       35,     64,      SIGPIPE, SIGHUP };
    switch (kind) {
    case FD:
        return one_in(fuzzer, 4) ? random_below(fuzzer, 24)
                                 : FIRST_FIXED + random_below(fuzzer, 12);
    case DIRFD:
        return one_in(fuzzer, 4) ? 7 : (uint64_t)AT_FDCWD;
    case SIZE:
        return random_below(fuzzer, one_in(fuzzer, 8) ? 8192 : 600);
    case PLAY_SIZE:
        return 0x1000ul * (1 + random_below(fuzzer, 8));
    case COUNT:
        return random_below(fuzzer, 9);
    case OFFSET:
        return random_below(fuzzer, one_in(fuzzer, 8) ? 1u << 20 : 9000);
    case ADDRESS:
        return PLAYGROUND + 0x1000ul * random_below(fuzzer, PLAYGROUND_SIZE / 0x1000 - 16);
    case MODE:
        return random_below(fuzzer, 512) | 0600;
    case PID:
        return make_process(fuzzer, true);
    case SIGNAL:
        return signals[random_below(fuzzer, COUNT_OF(signals))];
    case CLOCK:
        return random_below(fuzzer, 8);
    case USER:
        return one_in(fuzzer, 2) ? 0 : (uint64_t)-1;
    case FLAGS:
        return 0;
    case DECOY:
        return (uint64_t)fuzzer->decoy;
    default:
        return random_below(fuzzer, 4);
    }
}

static uint64_t make_strings(struct fuzzer *fuzzer)
{
    uint32_t count = random_below(fuzzer, 5);
    uint64_t *strings = take_room(fuzzer, (count + 1) * sizeof(*strings));
    for (uint32_t i = 0; i < count; i++)
        strings[i] = make_path(fuzzer, PATH_OWN);
    strings[count] = 0;
    return (uint64_t)strings;
}

static uint64_t make_vector(struct fuzzer *fuzzer)
{
    uint64_t *vector = take_room(fuzzer, 16 * 16);
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t length = random_below(fuzzer, 400);
        vector[2 * i] = (uint64_t)take_room(fuzzer, length);
        vector[2 * i + 1] = length;
        if (!fuzzer->is_good && one_in(fuzzer, 8))
            vector[2 * i] = make_bad_pointer(fuzzer);
        if (!fuzzer->is_good && one_in(fuzzer, 16))
            vector[2 * i + 1] = make_extreme(fuzzer);
    }
    return (uint64_t)vector;
}

static uint64_t choose_value(struct fuzzer *fuzzer, const struct refinement *refinement)
{
    if (refinement->kind == ONE_OF)
        return refinement->values[random_below(fuzzer, refinement->count)];
    uint64_t bits = 0;
    for (unsigned i = 0; i < refinement->count; i++)
        bits |= one_in(fuzzer, 2) ? refinement->values[i] : 0;
    return bits;
}

static uint64_t make_good(struct fuzzer *fuzzer, enum kind kind)
{
    switch (kind) {
    case PATH:
    case PATH_OWN:
    case PATH_NEW:
    case PATH_VICTIM:
    case PATH_FOLDER:
    case PATH_FOLDER_NEW:
    case PATH_LINK:
    case PATH_PROGRAM:
        return make_path(fuzzer, kind);
    case BUFFER_IN:
    case BUFFER_OUT:
        return (uint64_t)take_room(fuzzer, 8300) + random_below(fuzzer, 64);
    case STRUCT_IN:
    case STRUCT_OUT:
    case STRUCT_INOUT:
        return (uint64_t)take_room(fuzzer, 1024);
    case NULL_OR_OUT:
        return one_in(fuzzer, 2) ? 0 : (uint64_t)take_room(fuzzer, 1024);
    case VECTOR:
        return make_vector(fuzzer);
    case STRINGS:
        return make_strings(fuzzer);
    case POLLS:
    case WORD:
    case TIMESPEC ... THREAD_POINTER:
        return make_struct(fuzzer, kind);
    default:
        return make_number(fuzzer, kind);
    }
}

static bool is_pointer(enum kind kind)
{
    return kind == BUFFER_IN || kind == BUFFER_OUT || (kind >= STRUCT_IN && kind <= POLLS) ||
           (kind >= TIMESPEC && kind <= NULL_OR_OUT) || kind == WORD;
}

static uint64_t make_bad(struct fuzzer *fuzzer, enum kind kind)
{
    if (kind == PATH || (kind >= PATH_OWN && kind <= PATH_PROGRAM))
        return make_bad_path(fuzzer);
    if (kind == PID)
        return make_process(fuzzer, false);
    if (kind == ADDRESS && one_in(fuzzer, 2))
        return PLAYGROUND + random_below(fuzzer, PLAYGROUND_SIZE);
    if (is_pointer(kind) || kind == ADDRESS)
        return make_bad_pointer(fuzzer);
    return one_in(fuzzer, 3) ? random_below(fuzzer, 256) : make_extreme(fuzzer);
}

uint64_t make_argument(struct fuzzer *fuzzer, size_t call, unsigned argument)
{
    const struct refinement *refinement = call_refinement(call, argument);
    enum kind kind = refinement != NULL ? refinement->kind : calls[call].kinds[argument];
    if (kind == NOTHING)
        return fuzzer->is_good ? 0 : random_word(fuzzer);
    if (!fuzzer->is_good && one_in(fuzzer, 3))
        return make_bad(fuzzer, kind);
    if (kind == ONE_OF || kind == BITS_OF)
        return choose_value(fuzzer, refinement);
    return make_good(fuzzer, kind);
}
