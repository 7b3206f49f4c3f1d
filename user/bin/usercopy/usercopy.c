// Shows row 7 of kernel/README.md: hands bad addresses to every system call that takes one and
// expects what Linux answers: -EFAULT, or the count of what was good.
// Runs unchanged on Linux. Exits 0 when all was right, 1 otherwise.
#include "usercopy.h"

#include <stdio.h>
#include <sys/mman.h>

struct places places;

static unsigned report_count, bad_count;

void report(const char *name, bool good, const char *detail)
{
    report_count++;
    bad_count += !good;
    if (good)
        printf("ok %s\n", name);
    else
        printf("BAD %s: %s\n", name, detail);
}

static char *map_pages(size_t count, int protection)
{
    char *pages = mmap(NULL, count * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        fail("mmap");
    return pages;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    places.good = map_pages(3, PROT_READ | PROT_WRITE);
    places.unmapped = places.good + 2 * PAGE;
    places.read_only = map_pages(1, PROT_READ);
    places.no_access = map_pages(1, PROT_NONE);
    if (munmap(places.unmapped, PAGE) != 0)
        fail("munmap");
    check_calls();
    check_edges();
    check_every_length();
    printf("usercopy: %u checks, %u bad\n", report_count, bad_count);
    return bad_count != 0;
}
