// The rows about page faults and mappings. Called through rows.c. Each sample faults in a mapping
// that is new, so that its page tables are part of the price, as they are of a program's.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "rows.h"

#define PAGE_SIZE 4096
#define WINDOW_SIZE 65536 // of the mmap rows
#define READ_WRITE (PROT_READ | PROT_WRITE)

static void write_pages(volatile char *memory, long count)
{
    for (long i = 0; i < count; i++)
        memory[i * PAGE_SIZE] = 1;
}

uint64_t fault_anonymous(long count)
{
    size_t size = (size_t)count * PAGE_SIZE;
    char *memory = mmap(NULL, size, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return row_failed("mmap");
    volatile char *page = memory;
    uint64_t cycles = TIMED(count, *page = 1, page += PAGE_SIZE);
    munmap(memory, size);
    return cycles;
}

static int file = -1;

void fault_file_prepare(const struct row *row)
{
    file = file_create();
}

static bool file_has(long page_count)
{
    static const char content[PAGE_SIZE] = { 1 };
    for (long have = lseek(file, 0, SEEK_END) / PAGE_SIZE; have < page_count; have++)
        if (write(file, content, PAGE_SIZE) != PAGE_SIZE)
            return false;
    return true;
}

static uint64_t fault_file(long count, int flags)
{
    size_t size = (size_t)count * PAGE_SIZE;
    if (!file_has(count))
        return row_failed("write");
    char *memory = mmap(NULL, size, PROT_READ, flags, file, 0);
    if (memory == MAP_FAILED)
        return row_failed("mmap");
    volatile char *page = memory;
    uint64_t cycles = TIMED(count, (void)*page, page += PAGE_SIZE);
    munmap(memory, size);
    return cycles;
}

uint64_t fault_file_shared(long count)
{
    return fault_file(count, MAP_SHARED);
}

uint64_t fault_file_private(long count)
{
    return fault_file(count, MAP_PRIVATE);
}

void fault_file_finish(void)
{
    close(file);
    file = -1;
}

static bool map_once(long pages_touched)
{
    char *memory =
        (char *)call6(SYS_mmap, 0, WINDOW_SIZE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((long)memory < 0)
        return false;
    write_pages(memory, pages_touched);
    return call2(SYS_munmap, (long)memory, WINDOW_SIZE) == 0;
}

static uint64_t time_maps(long count, long pages_touched)
{
    bool good = true;
    uint64_t cycles = TIMED(count, good &= map_once(pages_touched));
    return good ? cycles : row_failed("mmap or munmap");
}

uint64_t map_untouched(long count)
{
    return time_maps(count, 0);
}

uint64_t map_touched(long count)
{
    return time_maps(count, WINDOW_SIZE / PAGE_SIZE);
}
