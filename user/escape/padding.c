// Compares what the kernel wrote with a structure that is put together from its fields alone. The
// buffer is painted twice, in different colours: what kept both was not written.
#include "padding.h"

#include "registers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM 4096u
#define RED_ZONE 128u
#define KERNEL_HALF 0xffff800000000000ul
#define KERNEL_END 0xffffffffffff0000ul // small negative numbers are not addresses
#define LEGACY_FIELDS 464u
#define EXTENDED_MAGIC_OFFSET 464u

static const int paints[2] = { 0xa5, 0x5a };
static unsigned char images[2][ROOM] __attribute__((aligned(64)));

static bool was_written(size_t at)
{
    return images[0][at] != paints[0] || images[1][at] != paints[1];
}

static bool is_field(const struct copied *copied, size_t at)
{
    if (copied->fields[0].size == 0)
        return at < copied->size;
    for (size_t i = 0; i < COUNT_OF(copied->fields); i++)
        if (at >= copied->fields[i].offset &&
            at < (size_t)copied->fields[i].offset + copied->fields[i].size)
            return true;
    return false;
}

// No field is an address of the kernel's.
static int expect_no_address(void)
{
    const uint64_t *words = (const void *)images[0];
    for (size_t i = 0; i < ROOM / sizeof(*words); i++)
        if (words[i] >= KERNEL_HALF && words[i] < KERNEL_END)
            return attempt_note("an address of the kernel's at %zu: %#lx", i * 8, words[i]);
    return 0;
}

int run_copied(const struct attempt *attempt)
{
    const struct copied *copied = attempt->argument;
    for (unsigned i = 0; i < 2; i++) {
        memset(images[i], paints[i], ROOM);
        long result = copied->call(images[i]);
        if (result == -ENOSYS) {
            attempt_note("not here");
            return 0;
        }
        if (result < 0)
            return attempt_note("it fails: errno %ld", -result);
    }
    bool any = false;
    for (size_t i = 0; i < ROOM; i++) {
        if (!was_written(i))
            continue;
        any = true;
        if (i >= copied->size)
            return attempt_note("written behind the end, at %zu", i);
        if (!is_field(copied, i) && (images[0][i] != 0 || images[1][i] != 0))
            return attempt_note("no field, but %#x, at %zu", images[0][i], i);
    }
    return any ? expect_no_address() : attempt_note("nothing was written");
}

// Records: number, next, length, type, name, zero; what makes the length even is nobody's.
int run_dirents(const struct attempt *attempt)
{
    long length = 0;
    for (unsigned i = 0; i < 2; i++) {
        int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        memset(images[i], paints[i], ROOM);
        length = syscall(SYS_getdents64, fd, images[i], ROOM - 512);
        close(fd);
        if (length <= 0)
            return attempt_note("it fails: errno %d", errno);
    }
    for (size_t at = (size_t)length; at < ROOM; at++)
        if (was_written(at))
            return attempt_note("written behind the end, at %zu", at);
    for (size_t at = 0; at < (size_t)length;) {
        const struct dirent *entry = (const void *)(images[0] + at);
        size_t used = offsetof(struct dirent, d_name) + strlen(entry->d_name) + 1;
        for (size_t i = used; i < entry->d_reclen; i++)
            if (was_written(at + i) && (images[0][at + i] != 0 || images[1][at + i] != 0))
                return attempt_note("behind %s: %#x", entry->d_name, images[0][at + i]);
        at += entry->d_reclen;
    }
    return 0;
}

CODE(fault_for_frame, "", "ud2");
extern const char registers_back[];

// The handler is registers_back: the frame stays as it was written.
static int take_frame(unsigned i, uint64_t *stack)
{
    registers_prepare();
    memset(registers_stack, paints[i], sizeof(registers_stack));
    registers_run(code_fault_for_frame.start);
    memcpy(images[i], registers_stack + REGISTERS_STACK_SIZE / 2 - ROOM, ROOM);
    *stack =
        registers_out.general[RSP] - (uint64_t)(registers_stack + REGISTERS_STACK_SIZE / 2 - ROOM);
    for (size_t at = 0; at < REGISTERS_STACK_SIZE; at++)
        if ((at < REGISTERS_STACK_SIZE / 2 - ROOM || at >= REGISTERS_STACK_SIZE / 2 - RED_ZONE) &&
            registers_stack[at] != paints[i])
            return attempt_note("written outside the frame, at RSP%+ld",
                                (long)at - (long)REGISTERS_STACK_SIZE / 2);
    return *stack < ROOM ? 0 : attempt_note("RSP in the handler is elsewhere");
}

#define FRAME(member)                                                                              \
    {                                                                                              \
        8 + offsetof(ucontext_t, member), sizeof(((ucontext_t *)NULL)->member)                     \
    }
#define INFO(offset, length)                                                                       \
    {                                                                                              \
        312 + (offset), (length)                                                                   \
    }

// What belongs to a frame of this signal: return address, context, siginfo of a fault, FXSAVE image
// with the words that describe the rest.
static const struct copied frame_parts = {
    .size = ROOM,
    .fields = { { 0, 8 },
                FRAME(uc_flags),
                FRAME(uc_link),
                FRAME(uc_stack.ss_sp),
                FRAME(uc_stack.ss_flags),
                FRAME(uc_stack.ss_size),
                FRAME(uc_mcontext.gregs),
                FRAME(uc_mcontext.fpregs),
                { 8 + 296, 8 },
                INFO(0, 12),
                INFO(16, 8) },
};

static bool is_vector_part(size_t at, size_t size)
{
    bool described = at >= EXTENDED_MAGIC_OFFSET && at < EXTENDED_MAGIC_OFFSET + 20;
    bool header = at >= 512 && at < 520;
    bool end = size != 512 && at >= size && at < size + 4;
    return at < LEGACY_FIELDS || described || header || (at >= 576 && at < size) || end;
}

static int judge_frame(int flags)
{
    struct sigaction action = { .sa_flags = SA_NODEFER | flags };
    uint64_t stack[2];
    action.sa_handler = (void (*)(int))(uintptr_t)registers_back;
    sigaction(SIGILL, &action, NULL);
    if (take_frame(0, &stack[0]) || take_frame(1, &stack[1]) || stack[0] != stack[1])
        return 1;
    const unsigned char *frame = images[0] + stack[0];
    uint64_t base = (uint64_t)(registers_stack + REGISTERS_STACK_SIZE / 2 - ROOM);
    size_t vectors = *(const uint64_t *)(frame + 8 + 40 + 184) - base;
    if (vectors >= ROOM - 512)
        return attempt_note("FPU state is elsewhere");
    bool extended = *(const uint32_t *)(images[0] + vectors + EXTENDED_MAGIC_OFFSET) == 0x46505853;
    size_t size = extended ? *(const uint32_t *)(images[0] + vectors + 480) : 512;
    for (size_t at = 0; at < ROOM; at++) {
        bool part = at >= vectors    ? is_vector_part(at - vectors, size)
                    : at >= stack[0] ? is_field(&frame_parts, at - stack[0])
                                     : false;
        if (was_written(at) && !part && (images[0][at] != 0 || images[1][at] != 0))
            return attempt_note("no field, but %#x, at frame%+ld", images[0][at],
                                (long)at - (long)stack[0]);
    }
    return expect_no_address();
}

int run_signal_frame(const struct attempt *attempt)
{
    return judge_frame(0) || judge_frame(SA_SIGINFO);
}
