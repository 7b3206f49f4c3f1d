// brk, mmap, munmap, mprotect, madvise, mremap: results and errors as Linux gives them.
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RW (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define LAST_PAGE ((char *)0x7fffffffe000)
#define FILE_A SCRATCH "/mapped"

// The raw call: the C library refuses some arguments by itself.
static long map(const void *address, size_t length, int protection, int flags, int fd, long offset)
{
    return syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

static bool test_map_arguments(void)
{
    char *page = (char *)map(NULL, PAGE, RW, ANONYMOUS, -1, 0);
    EXPECT(((uintptr_t)page & (PAGE - 1)) == 0);
    EXPECT_ERROR(map(NULL, 0, RW, ANONYMOUS, -1, 0), EINVAL);
    EXPECT_ERROR(map(page + 1, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    EXPECT_ERROR(map(NULL, PAGE, RW, ANONYMOUS, -1, 1), EINVAL);
    EXPECT_ERROR(map(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    EXPECT_ERROR(map(NULL, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF);
    EXPECT_ERROR(map(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    EXPECT_ERROR(map(NULL, -1ul, RW, ANONYMOUS, -1, 0), ENOMEM);
    EXPECT_ERROR(map(NULL, -4096ul, RW, ANONYMOUS, -1, 0), ENOMEM);
    EXPECT_ERROR(map(NULL, 1ul << 47, RW, ANONYMOUS, -1, 0), ENOMEM);
    EXPECT(map(page + 1, PAGE, RW, ANONYMOUS, -1, 0) > 0); // an unaligned hint is only a hint
    EXPECT(map((void *)0x900000000000, PAGE, RW, ANONYMOUS, -1, 0) > 0);
    EXPECT_ERROR(map((void *)0x900000000000, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    EXPECT_ERROR(map(page, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    EXPECT(map(page, PAGE, RW | 0x100, ANONYMOUS | MAP_FIXED, -1, 0) == (long)page);
    return true;
}

static bool test_last_page(void)
{
    EXPECT(map(LAST_PAGE, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0) == (long)LAST_PAGE);
    LAST_PAGE[PAGE - 1] = 1;
    EXPECT_ERROR(map(LAST_PAGE, 2 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    EXPECT_ERROR(map(LAST_PAGE + PAGE, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    EXPECT(LAST_PAGE[PAGE - 1] == 1 && munmap(LAST_PAGE, PAGE) == 0);
    return true;
}

static bool test_unmap(void)
{
    char *pages = (char *)map(NULL, 8 * PAGE, RW, ANONYMOUS, -1, 0);
    EXPECT(munmap(pages + 2 * PAGE, PAGE) == 0 && munmap(pages + 2 * PAGE, PAGE) == 0); // a hole
    EXPECT_ERROR(syscall(SYS_munmap, pages, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_munmap, pages + 1, PAGE), EINVAL);
    EXPECT_ERROR(syscall(SYS_munmap, 0x7ffffffff000, PAGE), EINVAL);
    EXPECT_ERROR(syscall(SYS_munmap, pages, -PAGE), EINVAL);
    EXPECT(munmap(pages, 8 * PAGE) == 0); // across the hole
    return true;
}

static bool test_protect(void)
{
    char *pages = (char *)map(NULL, 4 * PAGE, RW, ANONYMOUS, -1, 0);
    EXPECT(munmap(pages + 2 * PAGE, PAGE) == 0);
    EXPECT_ERROR(syscall(SYS_mprotect, pages, 4 * PAGE, PROT_READ), ENOMEM);
    EXPECT(syscall(SYS_mprotect, pages, 0, PROT_READ) == 0);
    EXPECT_ERROR(syscall(SYS_mprotect, pages + 1, PAGE, PROT_READ), EINVAL);
    EXPECT_ERROR(syscall(SYS_mprotect, pages, PAGE, 0x4000), EINVAL);
    EXPECT_ERROR(syscall(SYS_mprotect, 0x7ffffffff000, PAGE, PROT_READ), ENOMEM);
    EXPECT_ERROR(syscall(SYS_mprotect, pages, -PAGE, PROT_READ), ENOMEM);
    EXPECT(syscall(SYS_mprotect, pages, PAGE, PROT_READ) == 0);
    return true;
}

static bool test_break(void)
{
    char *start = (char *)syscall(SYS_brk, 0);
    EXPECT(syscall(SYS_brk, start + 100) == (long)start + 100);
    start[50] = 1;
    EXPECT(syscall(SYS_brk, start + 10 * PAGE) == (long)(start + 10 * PAGE) && start[50] == 1);
    EXPECT(syscall(SYS_brk, 0x1000) == (long)(start + 10 * PAGE)); // below its start
    EXPECT(syscall(SYS_brk, -PAGE) == (long)(start + 10 * PAGE));  // into the kernel
    EXPECT(syscall(SYS_brk, 1ul << 47) == (long)(start + 10 * PAGE));
    EXPECT(syscall(SYS_brk, start) == (long)start);
    return true;
}

static int read_byte(void *address)
{
    return *(volatile char *)address & 0;
}

static bool test_file_mapping(void)
{
    static char page_of_a[PAGE], page_of_b[PAGE];
    memset(page_of_a, 'a', PAGE);
    memset(page_of_b, 'b', PAGE);
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    EXPECT(write(fd, page_of_a, PAGE) == PAGE && write(fd, page_of_b, 100) == 100);
    char *map_private = (char *)map(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
    char *second = (char *)map(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
    EXPECT(map_private[0] == 'a' && map_private[PAGE] == 'b' && second[99] == 'b');
    EXPECT(second[100] == 0 && second[PAGE - 1] == 0); // the rest of the last page
    EXPECT(child_run(read_byte, map_private + 2 * PAGE) == SIGBUS ||
           child_run(read_byte, map_private + 2 * PAGE) == (SIGBUS | 0x80));
    map_private[0] = 'x'; // stays private
    EXPECT(pread(fd, page_of_b, 1, 0) == 1 && page_of_b[0] == 'a');
    EXPECT(close(fd) == 0 && map_private[1] == 'a' && map_private[0] == 'x');
    EXPECT(unlink(FILE_A) == 0 && map_private[PAGE - 1] == 'a'); // the mapping keeps the file
    EXPECT(munmap(map_private, 4 * PAGE) == 0 && munmap(second, PAGE) == 0);
    return true;
}

static int write_shared(void *page)
{
    *(volatile char *)page = 's';
    return 0;
}

static bool test_shared_memory(void)
{
    volatile char *page = (char *)map(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT((long)page > 0 && page[0] == 0);
    EXPECT(child_run(write_shared, (void *)page) == 0 && page[0] == 's');
    return munmap((void *)page, PAGE) == 0;
}

static bool test_advise(void)
{
    char *pages = (char *)map(NULL, 4 * PAGE, RW, ANONYMOUS, -1, 0);
    memset(pages, 7, 4 * PAGE);
    EXPECT(madvise(pages + PAGE, PAGE, MADV_DONTNEED) == 0);
    EXPECT(pages[0] == 7 && pages[PAGE] == 0 && pages[2 * PAGE] == 7);
    EXPECT_ERROR(madvise(pages + 1, PAGE, MADV_DONTNEED), EINVAL);
    EXPECT_ERROR(madvise(pages, PAGE, 9999), EINVAL);
    EXPECT(munmap(pages + PAGE, PAGE) == 0);
    EXPECT_ERROR(madvise(pages, 4 * PAGE, MADV_DONTNEED), ENOMEM);
    EXPECT_ERROR(madvise(pages, 4 * PAGE, MADV_NORMAL), ENOMEM);
    return true;
}

static bool test_remap(void)
{
    char *pages = (char *)map(NULL, 4 * PAGE, RW, ANONYMOUS, -1, 0);
    memset(pages, 9, 4 * PAGE);
    EXPECT(mremap(pages, 4 * PAGE, 2 * PAGE, 0) == pages);
    char *bigger = mremap(pages, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    EXPECT(bigger != MAP_FAILED && bigger[0] == 9 && bigger[2 * PAGE - 1] == 9);
    EXPECT(bigger[2 * PAGE] == 0 && bigger[64 * PAGE - 1] == 0);
    EXPECT_ERROR(syscall(SYS_mremap, bigger, PAGE, 0, 0, 0), EINVAL);
    EXPECT(munmap(bigger, 64 * PAGE) == 0);
    EXPECT_ERROR(syscall(SYS_mremap, bigger, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), EFAULT);
    return true;
}

const struct test memory_tests[] = {
    { "map-arguments", test_map_arguments },
    { "last-page", test_last_page },
    { "unmap", test_unmap },
    { "protect", test_protect },
    { "break", test_break },
    { "file-mapping", test_file_mapping },
    { "shared-memory", test_shared_memory },
    { "advise", test_advise },
    { "remap", test_remap },
};
const size_t memory_test_count = COUNT_OF(memory_tests);
