// User copies: what is refused before an instruction touches memory, what is counted, strings at
// the edges of pages, and failures on request. A program's memory is two pages of the host's.
#include <string.h>
#include <sys/mman.h>

#include "abi/errno.h"
#include "debug/fail.h"
#include "test.h"
#include "threads.h"
#include "vm/user_atomic.h"
#include "vm/user_copy.h"

#define KERNEL_ADDRESS 0xffff800000001000ull

static struct fail_plan plan;
static char kernel[2 * PAGE_SIZE];

// Two pages, what follows them is bad.
static char *make_pages(void)
{
    char *pages =
        mmap(NULL, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(pages != MAP_FAILED);
    memset(pages, 'u', 2 * PAGE_SIZE);
    memset(kernel, 'k', sizeof(kernel));
    user_bad_start = (uint64_t)pages + 2 * PAGE_SIZE;
    user_bad_end = user_bad_start + PAGE_SIZE;
    return pages;
}

static user_addr at(const void *pointer)
{
    return user_addr_make((uint64_t)pointer);
}

static const struct range {
    uint64_t address, length;
} beyond[] = {
    { USER_ADDRESS_LIMIT - 8, 16 }, { USER_ADDRESS_LIMIT, 1 },    { USER_ADDRESS_LIMIT + 1, 8 },
    { KERNEL_ADDRESS, 8 },          { UINT64_MAX - 7, 16 },       { 0x1000, UINT64_MAX },
    { 0x800000000000, 1 },          { 4096, USER_ADDRESS_LIMIT },
};

TEST_PROTECTION("copy-range", user_copy_touches_nothing_beyond_the_limit)
{
    for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
        user_addr address = user_addr_make(beyond[i].address);
        CHECK_EQUAL(copy_from_user_partial(kernel, address, beyond[i].length), 0);
        CHECK_EQUAL(copy_to_user_partial(address, kernel, beyond[i].length), 0);
        CHECK_EQUAL(zero_user_partial(address, beyond[i].length), 0);
        CHECK_EQUAL(copy_from_user(kernel, address, beyond[i].length), -EFAULT);
        CHECK_EQUAL(copy_to_user(address, kernel, beyond[i].length), -EFAULT);
    }
    CHECK_EQUAL(copy_string_from_user(kernel, user_addr_make(USER_ADDRESS_LIMIT), 8), -EFAULT);
    CHECK_EQUAL(copy_string_from_user(kernel, user_addr_make(KERNEL_ADDRESS), 8), -EFAULT);
    CHECK_EQUAL(user_copies, 0);
}

// As on Linux: an address is asked for even when nothing is copied.
TEST(user_copy_of_nothing)
{
    user_addr limit = user_addr_make(USER_ADDRESS_LIMIT);
    user_addr behind = user_addr_make(USER_ADDRESS_LIMIT + 1);

    CHECK_EQUAL(copy_from_user(kernel, user_addr_make(0), 0), 0);
    CHECK_EQUAL(copy_from_user(kernel, limit, 0), 0);
    CHECK_EQUAL(copy_to_user(limit, kernel, 0), 0);
    CHECK_EQUAL(copy_from_user(kernel, behind, 0), -EFAULT);
    CHECK_EQUAL(copy_to_user(behind, kernel, 0), -EFAULT);
}

TEST(user_copy_counts_what_was_good)
{
    char *pages = make_pages();
    char *edge = pages + 2 * PAGE_SIZE - 6;

    memcpy(edge, "abcdef", 6);
    CHECK_EQUAL(copy_from_user(kernel, at(edge), 6), 0);
    CHECK(memcmp(kernel, "abcdefkk", 8) == 0);
    CHECK_EQUAL(copy_from_user(kernel, at(edge), 7), -EFAULT);
    CHECK_EQUAL(copy_from_user_partial(kernel, at(edge), 16), 6);
    CHECK_EQUAL(copy_to_user(at(edge), "uvwxyz", 6), 0);
    CHECK(memcmp(edge, "uvwxyz", 6) == 0);
    CHECK_EQUAL(copy_to_user(at(edge), "0123456789", 10), -EFAULT);
    CHECK_EQUAL(copy_to_user_partial(at(edge), "0123456789", 10), 6);
    CHECK(memcmp(edge, "012345", 6) == 0);
    CHECK_EQUAL(zero_user_partial(at(edge + 1), 8), 5);
    CHECK(memcmp(edge, "0\0\0\0\0", 6) == 0);
    CHECK_EQUAL(copy_from_user_partial(kernel, at(pages), 2 * PAGE_SIZE), 2 * PAGE_SIZE);
    CHECK(memcmp(kernel, pages, 2 * PAGE_SIZE) == 0);
}

// Whoever notes the way to a failure goes up the frames until one says that it is the last, as the
// kernel's entry does.
void run_as_first_frame(void (*run)(void));
__asm__("run_as_first_frame: pushq %rbp; xorl %ebp, %ebp; call *%rdi; popq %rbp; ret");

// The n-th copy is made by half. One of nothing is no point that could fail.
static void fail_copy(uint32_t n)
{
    boot_percpu.fail_plan = &plan;
    fail_plan_arm(1u << FAIL_COPY, n);
}

static void fail_copies(void)
{
    char *pages = make_pages();

    fail_copy(2);
    CHECK_EQUAL(copy_from_user_partial(kernel, at(pages), 64), 64);
    CHECK_EQUAL(copy_from_user_partial(kernel, at(pages), 64), 32);
    CHECK_EQUAL(copy_from_user_partial(kernel, at(pages), 64), 64);
    fail_copy(1);
    CHECK_EQUAL(copy_to_user_partial(at(pages), kernel, 0), 0);
    CHECK_EQUAL(fail_plan_remaining(), 1);
    memset(kernel, 'K', 64);
    CHECK_EQUAL(copy_to_user_partial(at(pages), kernel, 64), 32);
    CHECK(pages[31] == 'K' && pages[32] == 'u');
    fail_copy(1);
    CHECK_EQUAL(zero_user_partial(at(pages), 64), 32);
    CHECK(pages[31] == '\0' && pages[32] == 'u');
    fail_copy(1);
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages), 64), -EFAULT);
    CHECK(kernel[0] == 'K');
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages), 64), 0);
}

TEST(user_copy_fails_on_request)
{
    if (DEBUG_CHECKS)
        run_as_first_frame(fail_copies);
}

TEST(user_copy_strings_in_one_page)
{
    char *pages = make_pages();

    strcpy(pages + 10, "word");
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages + 10), 100), 4);
    CHECK_TEXT(kernel, "word");
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages + 10), 5), 4);
    CHECK_EQUAL(user_copies, 2); // nothing is copied twice
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages + 10), 4), -ENAMETOOLONG);
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages + 10), 0), -ENAMETOOLONG);
    memcpy(pages + 2 * PAGE_SIZE - 5, "last", 5);
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages + 2 * PAGE_SIZE - 5), 100), 4);
    CHECK_TEXT(kernel, "last");
}

TEST(user_copy_strings_across_pages)
{
    char *pages = make_pages();
    char *border = pages + PAGE_SIZE;

    memcpy(border - 4, "before, behind", 15);
    CHECK_EQUAL(copy_string_from_user(kernel, at(border - 4), 100), 14);
    CHECK_TEXT(kernel, "before, behind");
    CHECK_EQUAL(copy_string_from_user(kernel, at(border - 4), 15), 14);
    CHECK_EQUAL(copy_string_from_user(kernel, at(border - 4), 14), -ENAMETOOLONG);
    CHECK_EQUAL(copy_string_from_user(kernel, at(border - 4), 4), -ENAMETOOLONG);
    memcpy(border - 4, "page", 5); // its terminator is the next one's first byte
    CHECK_EQUAL(copy_string_from_user(kernel, at(border - 4), 100), 4);
    CHECK_TEXT(kernel, "page");
    memset(pages, 'u', 2 * PAGE_SIZE);
    CHECK_EQUAL(copy_string_from_user(kernel, at(border - 4), 2 * PAGE_SIZE), -EFAULT);
    CHECK_EQUAL(copy_string_from_user(kernel, at(pages + 2 * PAGE_SIZE), 100), -EFAULT);
}

// One word, and whether the next access of it faults.
TEST(user_atomic_words)
{
    char *pages = make_pages();
    uint32_t *word = (uint32_t *)pages, value = 0;
    user_addr bad = at(pages + 2 * PAGE_SIZE);

    *word = UINT32_MAX; // all ones are a value, too
    CHECK(user_load32(&value, at(word)) == 0 && value == UINT32_MAX);
    *word = 5;
    CHECK(user_load32(&value, at(word)) == 0 && value == 5);
    *word = 6;
    CHECK(user_load32_no_fault(&value, at(word)) == 0 && value == 6);
    CHECK(user_compare_exchange32(at(word), 5, 7, &value) == 0 && value == 6 && *word == 6);
    CHECK(user_compare_exchange32(at(word), 6, 7, &value) == 0 && value == 6 && *word == 7);
    CHECK_EQUAL(user_load32(&value, bad), -EFAULT);
    CHECK_EQUAL(user_load32_no_fault(&value, bad), -EFAULT);
    CHECK_EQUAL(user_compare_exchange32(bad, 1, 2, &value), -EFAULT);
    CHECK_EQUAL(value, 6);
}

TEST_PROTECTION("copy-range", user_atomic_touches_nothing_beyond_the_limit)
{
    static const uint64_t addresses[] = { USER_ADDRESS_LIMIT, KERNEL_ADDRESS, UINT64_MAX - 3 };
    uint32_t value = 1;

    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        user_addr address = user_addr_make(addresses[i]);
        CHECK_EQUAL(user_load32(&value, address), -EFAULT);
        CHECK_EQUAL(user_load32_no_fault(&value, address), -EFAULT);
        CHECK_EQUAL(user_compare_exchange32(address, 1, 2, &value), -EFAULT);
    }
    CHECK(user_copies == 0 && value == 1);
}

static void fail_words(void)
{
    uint32_t *word = (uint32_t *)make_pages(), value = 0;

    *word = 5;
    fail_copy(1);
    CHECK_EQUAL(user_load32(&value, at(word)), -EFAULT);
    fail_copy(1);
    CHECK_EQUAL(user_load32_no_fault(&value, at(word)), -EFAULT);
    fail_copy(1);
    CHECK_EQUAL(user_compare_exchange32(at(word), 5, 7, &value), -EFAULT);
    CHECK(user_copies == 0 && *word == 5);
}

TEST(user_atomic_fails_on_request)
{
    if (DEBUG_CHECKS)
        run_as_first_frame(fail_words);
}

// Faults of one instruction alone must not bring memory in.
TEST(user_atomic_knows_its_instruction)
{
    extern const char user_load32_no_fault_instruction[];
    uint64_t rip = (uint64_t)user_load32_no_fault_instruction;

    CHECK(user_atomic_must_not_fault(rip));
    CHECK(!user_atomic_must_not_fault(rip + 1) && !user_atomic_must_not_fault(0));
}
