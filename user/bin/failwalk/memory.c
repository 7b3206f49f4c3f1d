// Rows of calls on memory, and of page faults, which enter the kernel without a call.
#include "failwalk.h"

#include <sys/mman.h>

#define SOME (16 * PAGE)
#define STACK_DEPTH (64 * PAGE) // beyond what a program gets at once

static char *area;

static char *map(size_t size, int protection, int flags, long file)
{
    long address = CALL(SYS_mmap, 0, size, protection, flags, file, 0);
    return address < 0 ? NULL : (char *)address;
}

static void map_anonymous(void)
{
    area = map(SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void map_touched(void)
{
    map_anonymous();
    for (size_t at = 0; at < SOME; at += PAGE)
        area[at] = 1;
}

static void map_shared(void)
{
    area = map(SOME, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static void map_file(void)
{
    area = map(FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, scene.file);
}

static void map_hole(void)
{
    long file = CALL(SYS_open, NEW, 0102, 0644); // read, write, create
    (void)CALL(SYS_ftruncate, file, SOME);
    area = map(SOME, PROT_READ | PROT_WRITE, MAP_SHARED, file);
}

// A page that the parent has as well, so that a store copies it.
static char own_page[2 * PAGE] __attribute__((aligned(4096))) = { 1 };

ACT(mmap_anonymous, SYS_mmap, 0, SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
ACT(mmap_shared, SYS_mmap, 0, SOME, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
ACT(mmap_file, SYS_mmap, 0, 2 * PAGE, PROT_READ, MAP_PRIVATE, scene.file, PAGE)
ACT(mmap_over, SYS_mmap, area + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
    0)
ACT(mmap_populate, SYS_mmap, 0, SOME, PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
ACT(munmap_middle, SYS_munmap, area + 4 * PAGE, PAGE)
ACT(munmap_all, SYS_munmap, area, SOME)
ACT(mprotect_middle, SYS_mprotect, area + 4 * PAGE, PAGE, PROT_READ)
ACT(mremap_longer, SYS_mremap, area, SOME, 2 * SOME, MREMAP_MAYMOVE)
ACT(mremap_part, SYS_mremap, area + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE)
ACT(mremap_shorter, SYS_mremap, area, SOME, PAGE, 0)
ACT(madvise_drop, SYS_madvise, area, SOME, MADV_DONTNEED)

static long act_brk_grow(void)
{
    long end = CALL(SYS_brk, 0);
    return CALL(SYS_brk, end + (long)SOME) >= end ? 0 : -ENOMEM; // the call tells by its result
}

static long act_fault_read(void)
{
    return *(volatile char *)area != 0 && 0;
}

static long act_fault_write(void)
{
    for (size_t at = 0; at < 3 * PAGE; at += PAGE)
        *(volatile char *)(area + at) = 1;
    return 0;
}

static long act_fault_copy(void)
{
    *(volatile char *)own_page = 2;
    return 0;
}

static long act_fault_stack(void)
{
    volatile char deep[STACK_DEPTH];
    __asm__ volatile("" : : "r"(deep) : "memory"); // one object, whatever the compiler thinks
    for (size_t at = STACK_DEPTH; at >= PAGE; at -= PAGE)
        deep[at - 1] = 1;
    return 0;
}

// The kernel's own access is the first.
ACT(read_fresh, SYS_pread64, scene.file, area, 3 * PAGE, 0)
ACT(write_fresh, SYS_write, scene.null, area, SOME)
ACT(uname_fresh, SYS_uname, area)

#define FAULT_ROW(how, which, prepare)                                                             \
    {                                                                                              \
        "fault " which, -1, prepare, act_fault_##how, RETURNS, 0                                   \
    }
const struct row memory_rows[] = {
    ROW(mmap, anonymous, NULL),
    ROW(mmap, shared, NULL),
    ROW(mmap, file, NULL),
    ROW(mmap, over, map_touched),
    ROW(mmap, populate, NULL),
    ROW(munmap, middle, map_touched),
    ROW(munmap, all, map_touched),
    ROW(mprotect, middle, map_touched),
    ROW(mremap, longer, map_touched),
    ROW(mremap, part, map_touched),
    ROW(mremap, shorter, map_touched),
    ROW(madvise, drop, map_touched),
    ROW(brk, grow, NULL),
    FAULT_ROW(read, "anonymous read", map_anonymous),
    FAULT_ROW(write, "anonymous write", map_anonymous),
    FAULT_ROW(write, "shared write", map_shared),
    FAULT_ROW(read, "file read", map_file),
    FAULT_ROW(write, "file copy", map_file),
    FAULT_ROW(write, "hole in a file", map_hole),
    FAULT_ROW(copy, "copy after fork", NULL),
    FAULT_ROW(stack, "stack grows", NULL),
    { "pread64 to fresh pages", SYS_pread64, map_anonymous, act_read_fresh, RETURNS, 0 },
    { "write from fresh pages", SYS_write, map_anonymous, act_write_fresh, RETURNS, 0 },
    { "uname to a fresh page", SYS_uname, map_anonymous, act_uname_fresh, RETURNS, 0 },
};
const size_t memory_row_count = COUNT_OF(memory_rows);
