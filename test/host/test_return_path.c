// The return decision, condition by condition: the emulator hides what a wrong answer does (it
// delivers SYSRET's fault in ring 3, Intel CPUs in ring 0 on the user's stack).
#include "test.h"
#include "trap/return_path.h"

// What SYSCALL leaves when nothing was changed since.
static struct trap_frame clean_frame(void)
{
    return (struct trap_frame){ .vector = VECTOR_SYSCALL,
                                .rip = 0x401000,
                                .rcx = 0x401000,
                                .rflags = RFLAGS_FIXED | RFLAGS_IF,
                                .r11 = RFLAGS_FIXED | RFLAGS_IF,
                                .cs = SELECTOR_USER_CODE,
                                .ss = SELECTOR_USER_DATA,
                                .rsp = 0x7fffffffe000 };
}

static enum return_path choose_at(uint64_t rip)
{
    struct trap_frame frame = clean_frame();

    frame.rip = frame.rcx = rip;
    return return_path_choose(&frame);
}

static enum return_path choose_with_flags(uint64_t flags)
{
    struct trap_frame frame = clean_frame();

    frame.rflags = frame.r11 = flags | RFLAGS_FIXED;
    return return_path_choose(&frame);
}

TEST(return_path_sysret_for_a_clean_frame)
{
    struct trap_frame frame = clean_frame();

    CHECK_EQUAL(return_path_choose(&frame), RETURN_BY_SYSRET);
    CHECK_EQUAL(choose_at(0), RETURN_BY_SYSRET);
    CHECK_EQUAL(choose_at(USER_ADDRESS_LIMIT - 1), RETURN_BY_SYSRET);
    CHECK_EQUAL(choose_with_flags(RFLAGS_IF | RFLAGS_CF | RFLAGS_ZF | RFLAGS_DF | RFLAGS_OF |
                                  RFLAGS_NT | RFLAGS_AC | RFLAGS_ID),
                RETURN_BY_SYSRET);
    frame.rsp = UINT64_MAX; // SYSRET leaves RSP alone, whatever it is
    CHECK_EQUAL(return_path_choose(&frame), RETURN_BY_SYSRET);
}

TEST(return_path_interrupts_leave_by_iretq)
{
    struct trap_frame frame = clean_frame();

    for (frame.vector = 0; frame.vector < VECTOR_SYSCALL; frame.vector++)
        CHECK_EQUAL(return_path_choose(&frame), RETURN_IRETQ_NOT_SYSCALL);
}

TEST_PROTECTION("sysret", return_path_addresses_beyond_the_limit)
{
    static const uint64_t beyond[] = {
        USER_ADDRESS_LIMIT, 0x7fffffffffff,     0x800000000000,     0x8000000000000000,
        0xffff7fffffffffff, 0xffff800000000000, 0xffffffff80000000, UINT64_MAX,
    };

    for (size_t i = 0; i < ARRAY_SIZE(beyond); i++)
        CHECK_EQUAL(choose_at(beyond[i]), RETURN_IRETQ_RIP_BEYOND_LIMIT);
    for (unsigned bit = 47; bit < 64; bit++)
        CHECK_EQUAL(choose_at(0x401000 | 1ull << bit), RETURN_IRETQ_RIP_BEYOND_LIMIT);
}

TEST_PROTECTION("sysret", return_path_rip_must_be_in_rcx)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        struct trap_frame frame = clean_frame();
        frame.rcx ^= 1ull << bit;
        CHECK_EQUAL(return_path_choose(&frame), RETURN_IRETQ_RIP_NOT_RCX);
    }
}

TEST_PROTECTION("sysret", return_path_flags_must_be_in_r11)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        struct trap_frame frame = clean_frame();
        frame.r11 ^= 1ull << bit;
        CHECK_EQUAL(return_path_choose(&frame), RETURN_IRETQ_FLAGS_NOT_R11);
    }
}

TEST_PROTECTION("sysret", return_path_flags_that_sysret_cannot_restore)
{
    CHECK_EQUAL(choose_with_flags(RFLAGS_IF | RFLAGS_TF), RETURN_IRETQ_FLAGS_SPECIAL);
    CHECK_EQUAL(choose_with_flags(RFLAGS_IF | RFLAGS_RF), RETURN_IRETQ_FLAGS_SPECIAL);
}

TEST_PROTECTION("sysret", return_path_selectors)
{
    static const uint64_t code[] = { 0, 0x23, 0x2b, 0x30, 0x37, 0x8, 0x10033, UINT64_MAX };
    static const uint64_t stack[] = { 0, 0x23, 0x28, 0x33, 0x10, 0x1002b, UINT64_MAX };

    for (size_t i = 0; i < ARRAY_SIZE(code); i++) {
        struct trap_frame frame = clean_frame();
        frame.cs = code[i];
        CHECK_EQUAL(return_path_choose(&frame), RETURN_IRETQ_SELECTORS);
    }
    for (size_t i = 0; i < ARRAY_SIZE(stack); i++) {
        struct trap_frame frame = clean_frame();
        frame.ss = stack[i];
        CHECK_EQUAL(return_path_choose(&frame), RETURN_IRETQ_SELECTORS);
    }
}
