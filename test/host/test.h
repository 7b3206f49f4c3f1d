// The test framework of the host tests: cases register themselves, each runs in a process of its
// own (framework.c), and the first failed check ends its case.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct test_case {
    const char *file;
    const char *name;
    const char *protection; // the protection in test/protections.txt that this case shows, or NULL
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);
__attribute__((noreturn, format(printf, 3, 4))) void test_fail(const char *file, int line,
                                                               const char *format, ...);

// TEST(area_what) { ... }   TEST_PROTECTION("zero", area_what) { ... }
#define TEST(case_name) TEST_CASE(NULL, case_name)
#define TEST_PROTECTION(protection_name, case_name) TEST_CASE(protection_name, case_name)
#define TEST_CASE(protection_name, case_name)                                                      \
    static void test_##case_name(void);                                                            \
    static struct test_case case_##case_name = { __FILE__, #case_name, protection_name,            \
                                                 test_##case_name, NULL };                         \
    __attribute__((constructor)) static void register_##case_name(void)                            \
    {                                                                                              \
        test_register(&case_##case_name);                                                          \
    }                                                                                              \
    static void test_##case_name(void)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                       \
    } while (0)

#define CHECK_EQUAL(actual, expected)                                                              \
    do {                                                                                           \
        uint64_t check_actual = (uint64_t)(actual), check_expected = (uint64_t)(expected);         \
        if (check_actual != check_expected)                                                        \
            test_fail(__FILE__, __LINE__, "%s is %llu (0x%llx), not %llu (0x%llx)", #actual,       \
                      (unsigned long long)check_actual, (unsigned long long)check_actual,          \
                      (unsigned long long)check_expected, (unsigned long long)check_expected);     \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *check_actual = (actual), *check_expected = (expected);                         \
        if (check_actual == NULL || __builtin_strcmp(check_actual, check_expected) != 0)           \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #actual,                     \
                      check_actual == NULL ? "(null)" : check_actual, check_expected);             \
    } while (0)

// Runs the statement, which must panic with a message that contains `part`. What panicked is left
// as it was: the case should end soon after.
#define CHECK_PANICS(statement, part)                                                              \
    do {                                                                                           \
        panic_expect();                                                                            \
        if (__builtin_setjmp(panic_jump) == 0) {                                                   \
            statement;                                                                             \
            test_fail(__FILE__, __LINE__, "no panic from: %s", #statement);                        \
        }                                                                                          \
        panic_check(__FILE__, __LINE__, part);                                                     \
    } while (0)

extern void *panic_jump[5];
void panic_expect(void);
void panic_check(const char *file, int line, const char *part);

// A reproducible stream of random numbers, the same in every run of a case.
uint64_t random_number(void);
static inline uint64_t random_below(uint64_t limit)
{
    return random_number() % limit;
}
