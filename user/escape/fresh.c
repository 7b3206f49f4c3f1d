// Fresh memory is zero, whatever way it comes, though a process that filled all it could get with
// DIRT has just ended.
#include "attempt.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define MEBIBYTE (1ul << 20)
#define DIRTY_SIZE ((sweeps_are_quick ? 8 : 40) * MEBIBYTE)
#define FRESH_SIZE ((sweeps_are_quick ? 4 : 20) * MEBIBYTE)
#define DIRT 0xee

static const char file_path[] = "/tmp/escape-fresh";

static void *map(size_t size, int flags)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

static int new_file(void)
{
    int fd = open(file_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(file_path);
    unlink(file_path);
    return fd;
}

// Memory, a file, a pipe, a deep stack.
static int fill_all(void *unused)
{
    char *memory = map(DIRTY_SIZE, MAP_PRIVATE);
    int ends[2], fd = new_file();
    memset(memory, DIRT, DIRTY_SIZE);
    for (unsigned i = 0; i < 8; i++)
        if (write(fd, memory, MEBIBYTE) != MEBIBYTE)
            return 1;
    if (pipe(ends) != 0 || write(ends[1], memory, 65536) != 65536)
        return 1;
    volatile char deep[512 * 1024];
    for (size_t i = 0; i < sizeof(deep); i++)
        deep[i] = (char)DIRT;
    return 0;
}

static int leave_dirt(void)
{
    return child_run(fill_all, NULL) == 0 ? 0 : attempt_note("nothing was made dirty");
}

static int expect_zero(const void *memory, size_t size)
{
    const uint64_t *words = memory;
    for (size_t i = 0; i < size / sizeof(*words); i++)
        if (words[i] != 0)
            return attempt_note("%#lx at %#zx of %#zx", words[i], i * sizeof(*words), size);
    return 0;
}

static int private_memory(const struct attempt *attempt)
{
    return leave_dirt() || expect_zero(map(FRESH_SIZE, MAP_PRIVATE), FRESH_SIZE);
}

static int shared_memory(const struct attempt *attempt)
{
    return leave_dirt() || expect_zero(map(FRESH_SIZE, MAP_SHARED), FRESH_SIZE);
}

// The C library's sbrk() moves nothing. The break then.
static char *move_break(long distance)
{
    char *now = (char *)syscall(SYS_brk, 0);
    return distance == 0 ? now : (char *)syscall(SYS_brk, now + distance);
}

// Written pages are not read before, so they come another way.
static int written_memory(const struct attempt *attempt)
{
    if (leave_dirt())
        return 1;
    unsigned char *memory = map(FRESH_SIZE, MAP_PRIVATE);
    for (size_t i = 0; i < FRESH_SIZE; i += PAGE)
        memory[i] = 1;
    for (size_t i = 0; i < FRESH_SIZE; i += PAGE)
        memory[i] = 0;
    return expect_zero(memory, FRESH_SIZE);
}

static int program_break(const struct attempt *attempt)
{
    if (leave_dirt())
        return 1;
    char *start = move_break(0);
    if (move_break(4 * MEBIBYTE) != start + 4 * MEBIBYTE)
        return attempt_note("no break");
    return expect_zero(start + -(uintptr_t)start % 8, 4 * MEBIBYTE - 8);
}

static int shrunk_and_grown_break(const struct attempt *attempt)
{
    char *start = move_break(0), *first = start + -(uintptr_t)start % PAGE; // the part page stays
    memset(start, DIRT, (size_t)(move_break(MEBIBYTE) - start));
    if (move_break(-(long)MEBIBYTE) != start || move_break(MEBIBYTE) != start + MEBIBYTE)
        return attempt_note("no break");
    return expect_zero(first, MEBIBYTE - PAGE);
}

static int bss(const struct attempt *attempt)
{
    static uint64_t untouched[MEBIBYTE / 8];
    return leave_dirt() || expect_zero(untouched, sizeof(untouched));
}

static int stack(const struct attempt *attempt)
{
    if (leave_dirt())
        return 1;
    uintptr_t bottom = ((uintptr_t)__builtin_frame_address(0) & ~(PAGE - 1)) - 256 * 1024;
    for (size_t i = 1; i <= MEBIBYTE / PAGE; i++)
        if (expect_zero((void *)(bottom - i * PAGE), PAGE))
            return 1;
    return 0;
}

static int grown_mapping(const struct attempt *attempt)
{
    char *memory = map(PAGE, MAP_PRIVATE);
    memset(memory, 1, PAGE);
    if (leave_dirt())
        return 1;
    memory = mremap(memory, PAGE, FRESH_SIZE, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED)
        return attempt_note("no mremap");
    return expect_zero(memory + PAGE, FRESH_SIZE - PAGE);
}

// What was unmapped comes back empty, and so does what MADV_DONTNEED gave away.
static int mapped_again(const struct attempt *attempt)
{
    char *memory = map(MEBIBYTE, MAP_PRIVATE);
    memset(memory, DIRT, MEBIBYTE);
    if (madvise(memory, MEBIBYTE, MADV_DONTNEED) != 0 || expect_zero(memory, MEBIBYTE))
        return 1;
    memset(memory, DIRT, MEBIBYTE);
    munmap(memory, MEBIBYTE);
    char *again = mmap(memory, MEBIBYTE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return again != memory || expect_zero(again, MEBIBYTE);
}

// Frames that were page tables: pages far apart need many, which are given back.
static int after_page_tables(const struct attempt *attempt)
{
    for (uint64_t i = 0; i < 256; i++) {
        char *page = mmap((void *)(0x100000000000 + (i << 30)), PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (page == MAP_FAILED)
            return attempt_note("no page");
        memset(page, DIRT, PAGE);
    }
    munmap((void *)0x100000000000, 256ul << 30);
    return expect_zero(map(FRESH_SIZE, MAP_PRIVATE), FRESH_SIZE);
}

static int file_hole(const struct attempt *attempt)
{
    static uint64_t buffer[MEBIBYTE / 8];
    if (leave_dirt())
        return 1;
    int fd = new_file();
    if (ftruncate(fd, 4 * MEBIBYTE) != 0 || pwrite(fd, "x", 1, 6 * MEBIBYTE) != 1)
        return attempt_note("no hole");
    for (off_t at = 0; at < (off_t)(6 * MEBIBYTE); at += (off_t)MEBIBYTE)
        if (pread(fd, buffer, MEBIBYTE, at) != MEBIBYTE || expect_zero(buffer, MEBIBYTE))
            return 1;
    void *mapped = mmap(NULL, 6 * MEBIBYTE, PROT_READ, MAP_SHARED, fd, 0);
    return mapped == MAP_FAILED || expect_zero(mapped, 6 * MEBIBYTE);
}

// Behind the end of a file in its last page; and what was cut off does not come back.
static int file_tail(const struct attempt *attempt)
{
    static char buffer[PAGE] __attribute__((aligned(8)));
    if (leave_dirt())
        return 1;
    int fd = new_file();
    if (write(fd, "12345678", 8) != 8)
        return attempt_note("no file");
    char *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    char *copied = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED || copied == MAP_FAILED)
        return attempt_note("no mapping");
    copied[0] = 'x';
    if (expect_zero(mapped + 8, PAGE - 8) || expect_zero(copied + 8, PAGE - 8))
        return 1;
    memset(buffer, DIRT, PAGE);
    if (pwrite(fd, buffer, PAGE, 0) != PAGE || ftruncate(fd, 16) != 0 || ftruncate(fd, PAGE) != 0 ||
        pread(fd, buffer, PAGE, 0) != PAGE)
        return attempt_note("not cut off");
    return expect_zero(buffer + 16, PAGE - 16);
}

// A pipe's page holds more than was written.
static int pipe_page(const struct attempt *attempt)
{
    static unsigned char buffer[PAGE];
    int ends[2];
    if (leave_dirt() || pipe(ends) != 0 || write(ends[1], "x", 1) != 1)
        return attempt_note("no pipe");
    memset(buffer, 0x5a, PAGE);
    if (read(ends[0], buffer, PAGE) != 1)
        return attempt_note("more than was written");
    for (size_t i = 1; i < PAGE; i++)
        if (buffer[i] != 0x5a)
            return attempt_note("%#x at %zu", buffer[i], i);
    return 0;
}

static const struct attempt attempts[] = {
    { .name = "private", .run = private_memory, .must = HARMLESS },
    { .name = "written", .run = written_memory, .must = HARMLESS },
    { .name = "shared", .run = shared_memory, .must = HARMLESS },
    { .name = "break", .run = program_break, .must = HARMLESS },
    { .name = "break-again", .run = shrunk_and_grown_break, .must = HARMLESS },
    { .name = "bss", .run = bss, .must = HARMLESS },
    { .name = "stack", .run = stack, .must = HARMLESS },
    { .name = "grown", .run = grown_mapping, .must = HARMLESS },
    { .name = "mapped-again", .run = mapped_again, .must = HARMLESS },
    { .name = "page-tables", .run = after_page_tables, .must = HARMLESS },
    { .name = "file-hole", .run = file_hole, .must = HARMLESS },
    { .name = "file-tail", .run = file_tail, .must = HARMLESS },
    { .name = "pipe", .run = pipe_page, .must = HARMLESS },
};
GROUP(fresh, "fresh memory is zero", attempts);
