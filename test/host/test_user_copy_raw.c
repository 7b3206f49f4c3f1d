// The instructions that touch user memory, on a page of this machine that ends at a bad one: every
// distance to it, every remainder, with leftovers in all registers. Built without SMAP's
// instructions; a signal handler does what the page fault handler does with the fix-ups.
#define _GNU_SOURCE // for REG_RIP
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "test.h"
#include "vm/user_copy_raw.h"

#define NEAR 40u // bytes before the bad page that are looked at
#define LONGEST 35u
#define WORD_UNKNOWN UINT64_MAX

bool host_user_copy_has_smap;

// Under these names in host.mk.
extern const char host_user_copy_raw[], host_user_zero_raw[], host_user_string_raw[],
    host_user_load32_raw[], host_user_load32_no_fault_raw[], host_user_compare_exchange32_raw[];
extern const struct user_copy_fixup_entry __start_user_copy_fixups[], __stop_user_copy_fixups[];

static uint32_t faults;

static void go_on_at_fixup(int signal, siginfo_t *info, void *argument)
{
    greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;

    faults++;
    for (const struct user_copy_fixup_entry *entry = __start_user_copy_fixups;
         entry < __stop_user_copy_fixups; entry++) {
        if (entry->instruction == (uint64_t)registers[REG_RIP]) {
            registers[REG_RIP] = (greg_t)entry->continuation;
            return;
        }
    }
    test_fail(__FILE__, __LINE__, "a fault at %#llx, which has no fix-up",
              (unsigned long long)registers[REG_RIP]);
}

// A page; the next one is bad. Its end is returned.
static unsigned char *make_page(void)
{
    struct sigaction action = { .sa_sigaction = go_on_at_fixup, .sa_flags = SA_SIGINFO };
    unsigned char *page =
        mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(page != MAP_FAILED);
    CHECK(mprotect(page + PAGE_SIZE, PAGE_SIZE, PROT_NONE) == 0);
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    return page + PAGE_SIZE;
}

// With leftovers in every register that the function may use without saying so.
static uint64_t call(const char *function, const void *a, uint64_t b, uint64_t c)
{
    register const char *target __asm__("r11") = function;
    uint64_t result = 0x5a5a5a5a5a5a5a5a;

    __asm__ volatile("movq $-1, %%rcx; movq $-1, %%r8; movq $-1, %%r9; movq $-1, %%r10;"
                     "call *%%r11"
                     : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(target)
                     :
                     : "rcx", "r8", "r9", "r10", "memory", "cc");
    return result;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void fill(unsigned char *bytes, size_t count, unsigned char first)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(first + i);
}

// `good` bytes at `user` before the bad page; `kernel` has all.
static void check_copy(unsigned char *user, unsigned char *kernel, size_t good, size_t length,
                       bool to_user)
{
    unsigned char *to = to_user ? user : kernel, *from = to_user ? kernel : user;
    size_t copied = length < good ? length : good, there = to_user ? good : NEAR;

    fill(user, good, 1);
    fill(kernel, NEAR, 101);
    CHECK_EQUAL(call(host_user_copy_raw, to, (uint64_t)from, length), difference(length, good));
    CHECK(memcmp(to, from, copied) == 0);
    for (size_t i = copied; i < there; i++)
        CHECK_EQUAL(to[i], (to_user ? 1 : 101) + i);
}

TEST(user_copy_raw_counts_to_the_byte)
{
    unsigned char *end = make_page(), kernel[NEAR + 8];

    for (uint32_t good = 0; good <= NEAR; good++)
        for (uint32_t length = 0; length <= LONGEST; length++)
            for (uint32_t offset = 0; offset < 8; offset++)
                for (int to_user = 0; to_user < 2; to_user++)
                    check_copy(end - good, kernel + offset, good, length, to_user);
    CHECK(faults > 0);
}

TEST_PROTECTION("zero-fixup", user_zero_raw_counts_to_the_byte)
{
    unsigned char *end = make_page();

    for (uint32_t good = 0; good <= NEAR; good++) {
        for (uint32_t length = 0; length <= LONGEST; length++) {
            unsigned char *user = end - good;
            fill(user, good, 1);
            CHECK_EQUAL(call(host_user_zero_raw, user, length, ~0ull), difference(length, good));
            for (uint32_t i = 0; i < good; i++)
                CHECK_EQUAL(user[i], i < length ? 0 : i + 1);
        }
    }
    CHECK(faults > 0);
}

// Byte by byte.
static uint64_t string_length(const unsigned char *user, size_t good, size_t room)
{
    for (size_t i = 0; i < room; i++) {
        if (i == good)
            return SIZE_MAX;
        if (user[i] == 0)
            return i;
    }
    return room;
}

// Its terminator is `length` bytes from its beginning, bytes with bit 7 set before it.
static void check_string(unsigned char *user, size_t good, size_t length, size_t room)
{
    unsigned char kernel[NEAR + 8];

    memset(kernel, 'k', sizeof(kernel));
    fill(user, good, 0xe0);
    if (length < good)
        user[length] = 0;
    uint64_t expected = string_length(user, good, room);
    CHECK_EQUAL(call(host_user_string_raw, kernel, (uint64_t)user, room), expected);
    if (expected != SIZE_MAX)
        CHECK(memcmp(kernel, user, expected + (expected < room)) == 0);
    for (size_t i = room; i < sizeof(kernel); i++)
        CHECK_EQUAL(kernel[i], 'k');
}

TEST_PROTECTION("string-fixup", user_string_raw_finds_the_first_terminator)
{
    unsigned char *end = make_page();

    for (uint32_t good = 0; good < 31; good++) // so that no byte but the terminator is 0
        for (uint32_t length = 0; length <= good; length++)
            for (uint32_t room = 0; room <= LONGEST; room++)
                check_string(end - good, good, length, room);
    CHECK(faults > 0);
}

TEST_PROTECTION("word-fixup", user_words_raw)
{
    unsigned char *end = make_page();
    uint32_t *word = (uint32_t *)end - 1;

    *word = 0xfedcba98;
    CHECK_EQUAL(call(host_user_load32_raw, word, ~0ull, ~0ull), 0xfedcba98);
    CHECK_EQUAL(call(host_user_load32_no_fault_raw, word, ~0ull, ~0ull), 0xfedcba98);
    CHECK_EQUAL(call(host_user_compare_exchange32_raw, word, 5, 6), 0xfedcba98);
    CHECK_EQUAL(*word, 0xfedcba98);
    CHECK_EQUAL(call(host_user_compare_exchange32_raw, word, 0xfedcba98, 7), 0xfedcba98);
    CHECK_EQUAL(*word, 7);
    CHECK_EQUAL(faults, 0);
    CHECK_EQUAL(call(host_user_load32_raw, end, 1, 2), WORD_UNKNOWN);
    CHECK_EQUAL(call(host_user_load32_no_fault_raw, end, 1, 2), WORD_UNKNOWN);
    CHECK_EQUAL(call(host_user_compare_exchange32_raw, end, 1, 2), WORD_UNKNOWN);
    CHECK_EQUAL(faults, 3);
}
