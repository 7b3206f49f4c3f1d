// Illegal uses of memory: addresses that are not the program's, and rights that a page does not
// give. Invariant: each act dies at its first illegal access; getting past it returns 0.
#include "offend.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096ul

static int read_at(uintptr_t address)
{
    __asm__ volatile("movb (%0), %%al" : : "r"(address) : "rax", "memory");
    return 0;
}

static int write_at(uintptr_t address)
{
    __asm__ volatile("movb $0x90, (%0)" : : "r"(address) : "memory");
    return 0;
}

static int jump_to(uintptr_t address)
{
    __asm__ volatile("call *%0"
                     :
                     : "r"(address)
                     : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
    return 0;
}

static void *map_page(int protection)
{
    void *page = mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        fail("mmap");
    return page;
}

#define ADDRESS_ACT(name, action, address)                                                         \
    static int name(void)                                                                          \
    {                                                                                              \
        return action((uintptr_t)(address));                                                       \
    }

static const char read_only_text[] = "constant";
static char writable_data[64] = { (char)0xc3 }; // RET

ADDRESS_ACT(null_read, read_at, 0)
ADDRESS_ACT(null_write, write_at, 0)
ADDRESS_ACT(null_jump, jump_to, 0)
ADDRESS_ACT(direct_map_read, read_at, KERNEL_DIRECT_MAP)
ADDRESS_ACT(direct_map_write, write_at, KERNEL_DIRECT_MAP + 0x1000)
ADDRESS_ACT(kernel_read, read_at, KERNEL_IMAGE)
ADDRESS_ACT(kernel_write, write_at, KERNEL_IMAGE)
ADDRESS_ACT(kernel_jump, jump_to, KERNEL_IMAGE)
ADDRESS_ACT(top_read, read_at, -8)
ADDRESS_ACT(non_canonical_read, read_at, NON_CANONICAL)
ADDRESS_ACT(non_canonical_write, write_at, 0x0123456789abcdef)
ADDRESS_ACT(non_canonical_jump, jump_to, NON_CANONICAL)
ADDRESS_ACT(limit_read, read_at, USER_LIMIT)
ADDRESS_ACT(limit_jump, jump_to, USER_LIMIT)
ADDRESS_ACT(text_write, write_at, &map_page)
ADDRESS_ACT(constant_write, write_at, read_only_text)
ADDRESS_ACT(data_execute, jump_to, writable_data)
ADDRESS_ACT(no_access_read, read_at, map_page(PROT_NONE))
ADDRESS_ACT(read_only_write, write_at, map_page(PROT_READ))

// The last four bytes below 2^47 and four behind: half of it is not canonical.
static int straddle_read(void)
{
    __asm__ volatile("movq (%0), %%rax" : : "r"(NON_CANONICAL - 4) : "rax");
    return 0;
}

static int heap_execute(void)
{
    unsigned char *page = map_page(PROT_READ | PROT_WRITE);
    page[0] = 0xc3;
    return jump_to((uintptr_t)page);
}

static int stack_execute(void)
{
    volatile unsigned char code[16] = { 0xc3 };
    return jump_to((uintptr_t)code);
}

// Rights that were given and then taken away again.
static int revoked_write(void)
{
    char *page = map_page(PROT_READ | PROT_WRITE);
    memset(page, 1, PAGE);
    if (mprotect(page, PAGE, PROT_READ) != 0)
        return 1;
    return write_at((uintptr_t)page);
}

static int revoked_execute(void)
{
    unsigned char *page = map_page(PROT_READ | PROT_WRITE);
    page[0] = 0xc3;
    if (mprotect(page, PAGE, PROT_READ | PROT_EXEC) != 0)
        return 1;
    jump_to((uintptr_t)page);
    if (mprotect(page, PAGE, PROT_READ) != 0)
        return 1;
    return jump_to((uintptr_t)page);
}

static int unmapped_read(void)
{
    char *page = map_page(PROT_READ | PROT_WRITE);
    memset(page, 1, PAGE);
    if (munmap(page, PAGE) != 0)
        return 1;
    return read_at((uintptr_t)page);
}

static int behind_break(void)
{
    return write_at(0x600000000000);
}

static int __attribute__((noinline)) recurse(volatile int depth)
{
    volatile char frame[4096];
    frame[depth & 4095] = 1;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

static int stack_overflow(void)
{
    return recurse(0);
}

// The kernel must not use the program's stack pointer for anything.
static int stack_non_canonical(void)
{
    __asm__ volatile("movq %0, %%rsp; pushq %%rax" : : "r"(NON_CANONICAL + 0x1000) : "memory");
    __builtin_unreachable();
}

static int stack_in_kernel(void)
{
    __asm__ volatile("movq %0, %%rsp; pushq %%rax" : : "r"(KERNEL_IMAGE + 0x2000) : "memory");
    __builtin_unreachable();
}

const struct offence memory_offences[] = {
    { "null-read", null_read, SIGSEGV, 0 },
    { "null-write", null_write, SIGSEGV, 0 },
    { "null-jump", null_jump, SIGSEGV, 0 },
    { "direct-map-read", direct_map_read, SIGSEGV, 0 },
    { "direct-map-write", direct_map_write, SIGSEGV, 0 },
    { "kernel-read", kernel_read, SIGSEGV, 0 },
    { "kernel-write", kernel_write, SIGSEGV, 0 },
    { "kernel-jump", kernel_jump, SIGSEGV, 0 },
    { "top-read", top_read, SIGSEGV, 0 },
    { "non-canonical-read", non_canonical_read, SIGSEGV, 0 },
    { "non-canonical-write", non_canonical_write, SIGSEGV, 0 },
    { "non-canonical-jump", non_canonical_jump, SIGSEGV, 0 },
    { "limit-read", limit_read, SIGSEGV, 0 },
    { "limit-jump", limit_jump, SIGSEGV, 0 },
    { "straddle-read", straddle_read, SIGSEGV, 0 },
    { "text-write", text_write, SIGSEGV, 0 },
    { "constant-write", constant_write, SIGSEGV, 0 },
    { "data-execute", data_execute, SIGSEGV, 0 },
    { "heap-execute", heap_execute, SIGSEGV, 0 },
    { "stack-execute", stack_execute, SIGSEGV, 0 },
    { "no-access-read", no_access_read, SIGSEGV, 0 },
    { "read-only-write", read_only_write, SIGSEGV, 0 },
    { "revoked-write", revoked_write, SIGSEGV, 0 },
    { "revoked-execute", revoked_execute, SIGSEGV, 0 },
    { "unmapped-read", unmapped_read, SIGSEGV, 0 },
    { "behind-break", behind_break, SIGSEGV, 0 },
    { "stack-overflow", stack_overflow, SIGSEGV, 0 },
    { "stack-non-canonical", stack_non_canonical, SIGBUS, EMULATOR_KILLS },
    { "stack-in-kernel", stack_in_kernel, SIGSEGV, 0 },
};
const size_t memory_offence_count = COUNT_OF(memory_offences);
