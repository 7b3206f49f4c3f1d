// Address spaces at their edges: where mappings may go, what is refused, stacks that grow, the
// break, limits; and the range check of user copies.
#include "abi/errno.h"
#include "allocations.h"
#include "cpu/frame.h"
#include "machine.h"
#include "test.h"
#include "threads.h"
#include "vm/region.h"
#include "vm/user_copy.h"
#include "vm_model.h"
#include "walk.h"

#define READ_WRITE (PROTECTION_READ | PROTECTION_WRITE)

// programs[0] of the model, but with the usual place for mappings.
static struct address_space *make_space(void)
{
    model_start();
    address_space_release(programs[0].space);
    programs[0].space = address_space_create();
    CHECK(programs[0].space != NULL);
    return programs[0].space;
}

static int64_t map(struct address_space *space, uint64_t hint, uint64_t length, uint32_t flags)
{
    return address_space_map(space, hint, length, READ_WRITE, flags, NULL, 0);
}

TEST(vm_placement)
{
    struct address_space *space = make_space();
    uint64_t top = space->mmap_top;

    CHECK_EQUAL(map(space, 0, 5000, 0), top - 2 * PAGE_SIZE);
    CHECK_EQUAL(map(space, 0, PAGE_SIZE, 0), top - 3 * PAGE_SIZE);
    CHECK_EQUAL(space->region_count, 1);
    // The last page below the canonical hole stays free.
    uint64_t last = USER_ADDRESS_LIMIT - PAGE_SIZE;
    CHECK_EQUAL(map(space, last, PAGE_SIZE, MAP_AT_FIXED), last);
    CHECK_EQUAL(map(space, last, 2 * PAGE_SIZE, MAP_AT_FIXED), -ENOMEM);
    CHECK_EQUAL(map(space, USER_ADDRESS_LIMIT, PAGE_SIZE, MAP_AT_FIXED), -ENOMEM);
    // Nothing near NULL.
    CHECK_EQUAL(map(space, 0x1000, PAGE_SIZE, MAP_AT_FIXED), -EPERM);
    CHECK_EQUAL(map(space, 0x1001, PAGE_SIZE, MAP_AT_FIXED), -EINVAL);
    CHECK_EQUAL(map(space, 0x1000, PAGE_SIZE, 0), LOWEST_USER_ADDRESS);
    int64_t anywhere = map(space, 0x9000000000000000, PAGE_SIZE, 0);
    CHECK(anywhere > 0 && (uint64_t)anywhere < USER_ADDRESS_LIMIT);
    model_end();
}

TEST(vm_lengths_that_wrap_or_cannot_be)
{
    struct address_space *space = make_space();
    static const uint64_t huge[] = { UINT64_MAX, -4095ull, -4096ull, 1ull << 47, 1ull << 44 };

    CHECK_EQUAL(map(space, 0, 0, 0), -EINVAL);
    for (size_t i = 0; i < ARRAY_SIZE(huge); i++)
        CHECK_EQUAL(map(space, 0, huge[i], 0), -ENOMEM);
    CHECK(address_space_map(space, 0, 1ull << 44, 0, 0, NULL, 0) >
          0); // allows nothing, costs nothing
    CHECK_EQUAL(address_space_unmap(space, 0x500000, PAGE_SIZE), 0);
    CHECK_EQUAL(address_space_unmap(space, 0x500000, 0), -EINVAL);
    CHECK_EQUAL(address_space_unmap(space, 0x500001, 1), -EINVAL);
    CHECK_EQUAL(address_space_unmap(space, USER_ADDRESS_LIMIT, PAGE_SIZE), -EINVAL);
    CHECK_EQUAL(address_space_unmap(space, -4096ull, PAGE_SIZE), -EINVAL);
    CHECK_EQUAL(address_space_protect(space, 0x500000, PAGE_SIZE, 1), -ENOMEM);
    CHECK_EQUAL(address_space_protect(space, 0x500000, UINT64_MAX, 1), -ENOMEM);
    CHECK_EQUAL(address_space_protect(space, -4096ull, PAGE_SIZE, 1), -ENOMEM);
    CHECK_EQUAL(address_space_protect(space, -4096ull, 0, 1), 0);
    model_end();
}

TEST(vm_break)
{
    struct address_space *space = make_space();

    space->brk_start = space->brk_end = 0x600000;
    CHECK_EQUAL(address_space_set_break(space, 0), 0x600000);
    CHECK_EQUAL(address_space_set_break(space, 0x600010), 0x600010);
    CHECK_EQUAL(address_space_set_break(space, 0x605000), 0x605000);
    CHECK_EQUAL(address_space_set_break(space, 0x5fffff), 0x605000);
    CHECK_EQUAL(address_space_set_break(space, UINT64_MAX), 0x605000);
    CHECK_EQUAL(space->mapped_pages, 5);
    CHECK_EQUAL(address_space_set_break(space, 0x600000), 0x600000);
    CHECK_EQUAL(space->mapped_pages, 0);
    model_end();
}

TEST(vm_stack_grows_to_its_limit)
{
    struct address_space *space = make_space();
    uint64_t stack = 0x20000000, end = stack + 0x10000, limit = space->stack_limit;

    CHECK_EQUAL(map(space, stack, end - stack, MAP_AT_FIXED | MAP_GROWS_DOWN), stack);
    CHECK_EQUAL(address_space_fault(space, stack - MIB, PAGE_FAULT_WRITE), FAULT_RESOLVED);
    CHECK_EQUAL(region_find(space, stack)->start, stack - MIB);
    CHECK_EQUAL(address_space_fault(space, end - limit - 1, PAGE_FAULT_WRITE), FAULT_NO_MAPPING);
    CHECK_EQUAL(address_space_fault(space, end - limit, PAGE_FAULT_WRITE), FAULT_RESOLVED);
    // The guard gap below is kept free unless somebody insists.
    uint64_t below = end - limit - PAGE_SIZE;
    CHECK(map(space, below, PAGE_SIZE, 0) != (int64_t)below);
    below -= STACK_GUARD_BYTES;
    CHECK_EQUAL(map(space, below, PAGE_SIZE, 0), below);
    model_end();
}

TEST(vm_faults_that_nothing_answers)
{
    struct address_space *space = make_space();
    uint64_t start = 0x30000000;

    CHECK_EQUAL(map(space, start, PAGE_SIZE, MAP_AT_FIXED), start);
    CHECK_EQUAL(address_space_fault(space, start, PAGE_FAULT_FETCH), FAULT_DENIED);
    CHECK_EQUAL(address_space_fault(space, start + PAGE_SIZE, 0), FAULT_NO_MAPPING);
    CHECK_EQUAL(address_space_fault(space, USER_ADDRESS_LIMIT, PAGE_FAULT_WRITE), FAULT_NO_MAPPING);
    CHECK_EQUAL(address_space_fault(space, 0xffff800000000000, PAGE_FAULT_WRITE), FAULT_NO_MAPPING);
    CHECK_EQUAL(address_space_map(space, 0x31000000, 2 * PAGE_SIZE, PROTECTION_READ,
                                  MAP_AT_FIXED | MAP_IS_SHARED | MAP_NEVER_WRITABLE, model_file,
                                  MODEL_FILE_PAGES - 1),
                0x31000000);
    CHECK_EQUAL(address_space_protect(space, 0x31000000, PAGE_SIZE, READ_WRITE), -EACCES);
    CHECK_EQUAL(address_space_fault(space, 0x31000000, 0), FAULT_RESOLVED);
    CHECK_EQUAL(address_space_fault(space, 0x31001000, 0), FAULT_BUS);
    CHECK_EQUAL(address_space_fault(space, 0x31000000, PAGE_FAULT_RESERVED), FAULT_NO_MAPPING);
    allocations.fail_after = 0;
    CHECK_EQUAL(address_space_fault(space, start, PAGE_FAULT_WRITE), FAULT_NO_MEMORY);
    allocations.fail_after = ALLOCATIONS_NEVER_FAIL;
    CHECK_EQUAL(address_space_fault(space, start, PAGE_FAULT_WRITE), FAULT_RESOLVED);
    model_end();
}

TEST(vm_remap_moves_contents)
{
    struct address_space *space = make_space();
    uint64_t start = 0x31000000, value = 77, found = 0;

    CHECK_EQUAL(map(space, start, 2 * PAGE_SIZE, MAP_AT_FIXED), start);
    CHECK(address_space_map(space, start + 2 * PAGE_SIZE, PAGE_SIZE, PROTECTION_READ, MAP_AT_FIXED,
                            NULL, 0) > 0); // in the way
    CHECK_EQUAL(address_space_write(space, start + PAGE_SIZE, &value, sizeof(value)), 0);
    int64_t moved = address_space_remap(space, start, 2 * PAGE_SIZE, MIB, true, false, 0);
    CHECK(moved > 0 && moved != (int64_t)start);
    CHECK_EQUAL(address_space_read(space, (uint64_t)moved + PAGE_SIZE, &found, sizeof(found)), 0);
    CHECK_EQUAL(found, 77);
    CHECK_EQUAL(address_space_read(space, start, &found, sizeof(found)), -EFAULT);
    CHECK_EQUAL(address_space_remap(space, (uint64_t)moved, PAGE_SIZE, 0, true, false, 0), -EINVAL);
    CHECK_EQUAL(address_space_remap(space, 0x500000, PAGE_SIZE, MIB, true, false, 0), -EFAULT);
    model_end();
}

TEST_PROTECTION("limits", vm_limits_of_pages_and_regions)
{
    struct address_space *space = make_space();
    uint64_t address = 0x50000000;
    int64_t result;

    space->limit_pages = 1;
    CHECK_EQUAL(map(space, 0, 2 * PAGE_SIZE, 0), -ENOMEM);
    CHECK(map(space, 0, PAGE_SIZE, 0) > 0);
    space->limit_pages = UINT64_MAX;
    space->data_limit_pages = 2;
    int64_t text = address_space_map(space, 0, 9 * PAGE_SIZE, PROTECTION_READ, 0, NULL, 0);
    CHECK(text > 0); // what nobody may write is no data
    CHECK(map(space, 0, 2 * PAGE_SIZE, MAP_IS_SHARED) > 0);
    CHECK(map(space, 0, 2 * PAGE_SIZE, MAP_GROWS_DOWN) > 0);
    CHECK_EQUAL(map(space, 0, 2 * PAGE_SIZE, 0), -ENOMEM); // one is there
    CHECK_EQUAL(address_space_protect(space, text, 2 * PAGE_SIZE, READ_WRITE), -ENOMEM);
    CHECK_EQUAL(address_space_protect(space, text, PAGE_SIZE, READ_WRITE), 0);
    CHECK_EQUAL(address_space_protect(space, text, PAGE_SIZE, READ_WRITE), 0);
    CHECK_EQUAL(map(space, 0, PAGE_SIZE, 0), -ENOMEM);
    CHECK_EQUAL(address_space_remap(space, text, PAGE_SIZE, 2 * PAGE_SIZE, true, false, 0),
                -ENOMEM);
    space->data_limit_pages = UINT64_MAX;
    while ((result = map(space, address, PAGE_SIZE, MAP_AT_FIXED)) > 0)
        address += 2 * PAGE_SIZE;
    CHECK_EQUAL(result, -ENOMEM);
    CHECK_EQUAL(space->region_count, REGION_LIMIT);
    CHECK_EQUAL(address_space_unmap(space, 0x50000000, PAGE_SIZE), 0);
    CHECK_EQUAL(map(space, address, PAGE_SIZE, MAP_AT_FIXED), address);
    model_end();
}

TEST_PROTECTION("nx", vm_data_is_not_executable)
{
    struct address_space *space = make_space();
    int64_t start = map(space, 0, PAGE_SIZE, 0);
    uint64_t value = 0;

    CHECK_EQUAL(address_space_write(space, (uint64_t)start, &value, sizeof(value)), 0);
    CHECK(!walk_tables(space->translation.root, (uint64_t)start).executable);
    model_end();
}

TEST_PROTECTION("copy-range", vm_user_copies_stay_in_the_user_half)
{
    static const struct {
        uint64_t address, length;
    } bad[] = { { USER_ADDRESS_LIMIT, 1 },
                { USER_ADDRESS_LIMIT - 4, 8 },
                { 0xffff800000000000, 8 },
                { UINT64_MAX - 3, 8 },
                { 0x1000, UINT64_MAX } };
    char buffer[8];

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        user_addr address = { bad[i].address };
        user_copies = 0;
        user_bad_end = UINT64_MAX; // a copy that comes through moves nothing
        CHECK_EQUAL(copy_from_user(buffer, address, bad[i].length), -EFAULT);
        CHECK_EQUAL(copy_to_user(address, buffer, bad[i].length), -EFAULT);
        CHECK_EQUAL(copy_from_user_partial(buffer, address, bad[i].length), 0);
        CHECK_EQUAL(copy_to_user_partial(address, buffer, bad[i].length), 0);
        CHECK_EQUAL(zero_user_partial(address, bad[i].length), 0);
        CHECK_EQUAL(user_copies, 0);
    }
}
