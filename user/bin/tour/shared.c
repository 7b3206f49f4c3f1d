// The page between the tour and its children.
#include "shared.h"

#include <string.h>
#include <sys/mman.h>

#include "program.h"

void shared_create(void)
{
    void *page = mmap((void *)SHARED_PAGE, 4096, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page == MAP_FAILED)
        fail("the shared page");
}

void shared_clear(void)
{
    memset((void *)SHARED_PAGE, 0, sizeof(struct shared_page));
}

bool pattern_holds(const uint64_t *general, uint64_t first, unsigned mask)
{
    for (unsigned number = 0; number < REGISTER_COUNT; number++)
        if ((mask >> number & 1) && general[number] != pattern_of(first, number))
            return false;
    return true;
}

bool pattern_vectors_hold(const struct register_image *image, uint64_t first)
{
    for (unsigned number = 0; number < REGISTER_COUNT; number++)
        if (image->vectors[number][0] != pattern_of(first, number) ||
            image->vectors[number][1] != pattern_of(first, number))
            return false;
    return true;
}
