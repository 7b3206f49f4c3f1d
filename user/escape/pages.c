// Page faults: addresses that are not the program's, rights that a page does not give, rights that
// were taken away. For the kernel's half the error code says "present" whether or not something is
// mapped there, so that nobody can look for it. The kernel lies at KERNEL_IMAGE in boots with
// `nokaslr` only (test_escape.py has both).
#include "registers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define USER_LIMIT 0x7ffffffff000ul
#define KERNEL_HALF 0xffff800000000000ul
#define KERNEL_IMAGE 0xffffffff80000000ul // where it is linked

#define READ 4
#define WRITE 6
#define FETCH 0x14
#define PRESENT 1
#define FAULT_BELOW                                                                                \
    {                                                                                              \
        SIGSEGV, SEGV_MAPERR, 14, false, ADDRESS_ANY, WRITE | PRESENT                              \
    }
#define PAST_THE_END(error_code)                                                                   \
    {                                                                                              \
        SIGBUS, BUS_ADRERR, 14, false, ADDRESS_STATED, (error_code)                                \
    }

CODE(read_page, "", "movb (%rax), %al");
CODE(write_page, "", "movb $0x90, (%rax)");
CODE(add_page, "", "lock incb (%rax)");
CODE(jump_page, "", "jmp *%rax");
CODE(push_page, "movq %rax, %rsp", "pushq %rcx");
CODE(load_kernel_stack, "movq %rax, %rsp", "popq %rcx");

#define RETURN 0xc3
static const char constant[64] = "constant";
static unsigned char data[64] = { RETURN };

static unsigned char *map_pages(size_t count, int protection)
{
    void *pages = mmap(NULL, count * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        fail("mmap");
    return pages;
}

static uint64_t no_access(void)
{
    return (uint64_t)map_pages(1, PROT_NONE);
}

static uint64_t read_only(void)
{
    return (uint64_t)map_pages(1, PROT_READ);
}

// Pages of the program come when they are touched first.
static uint64_t touched(const volatile void *address)
{
    (void)*(const volatile char *)address;
    return (uint64_t)address;
}

static uint64_t text(void)
{
    return touched(&map_pages);
}

static uint64_t constant_data(void)
{
    return touched(constant);
}

static uint64_t writable_data(void)
{
    return touched(data);
}

static uint64_t own_stack(void)
{
    return (uint64_t)__builtin_frame_address(0) & ~15ul;
}

static uint64_t heap(void)
{
    unsigned char *page = map_pages(1, PROT_READ | PROT_WRITE);
    page[0] = RETURN;
    return (uint64_t)page;
}

static uint64_t write_revoked(void)
{
    unsigned char *page = map_pages(1, PROT_READ | PROT_WRITE);
    memset(page, 1, PAGE);
    mprotect(page, PAGE, PROT_READ);
    return (uint64_t)page;
}

static uint64_t execute_revoked(void)
{
    unsigned char *page = map_pages(1, PROT_READ | PROT_WRITE);
    page[0] = RETURN;
    mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    ((void (*)(void))page)();
    mprotect(page, PAGE, PROT_READ);
    return (uint64_t)page;
}

static uint64_t all_revoked(void)
{
    unsigned char *page = map_pages(1, PROT_READ | PROT_WRITE);
    memset(page, 1, PAGE);
    mprotect(page, PAGE, PROT_NONE);
    return (uint64_t)page;
}

static uint64_t unmapped(void)
{
    unsigned char *pages = map_pages(3, PROT_READ | PROT_WRITE);
    memset(pages, 1, 3 * PAGE);
    munmap(pages + PAGE, PAGE);
    return (uint64_t)pages + PAGE;
}

static uint64_t behind_break(void)
{
    return ((uint64_t)sbrk(0) + 64 * PAGE) & ~(PAGE - 1);
}

static uint64_t past_the_file(void)
{
    int fd = open("/tmp/escape-file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1)
        fail("/tmp/escape-file");
    unsigned char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unlink("/tmp/escape-file");
    return (uint64_t)pages + PAGE;
}

static int __attribute__((noinline)) recurse(volatile int depth)
{
    volatile char frame[4096];
    frame[depth & 4095] = 1;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

static int stack_overflow(const struct attempt *attempt)
{
    return recurse(0);
}

// Everywhere in the kernel's half, a fault each that says the same.
static int kernel_half(const struct attempt *attempt)
{
    registers_prepare();
    for (uint64_t step = 0; step < 1024; step++) {
        // Slots of the top table first, then from where the image is linked on, page by page.
        uint64_t address = step < 256 ? KERNEL_HALF + (step << 39) + (step << 12)
                                      : KERNEL_IMAGE + (step - 256) * PAGE;
        registers_in.general[RAX] = address;
        struct seen seen = registers_try(code_read_page.start);
        if (seen.signal != SIGSEGV || seen.code != SEGV_MAPERR || seen.trap != 14 ||
            seen.error != (READ | PRESENT) || seen.address != address)
            return attempt_note("%#lx: signal %d code %d error %#x address %#lx", address,
                                seen.signal, seen.code, seen.error, seen.address);
    }
    return registers_compare(0);
}

#define AT(label, identifier, where, due, ...)                                                     \
    { .name = label, INSTRUCTION(identifier, .address = (where), __VA_ARGS__), .must = due },
#define ON(label, identifier, function, due, ...)                                                  \
    { .name = label, INSTRUCTION(identifier, .place = function, __VA_ARGS__), .must = due },

// clang-format off
static const struct attempt attempts[] = {
    AT("null-read", read_page, 1, NOT_MAPPED(READ))
    AT("null-write", write_page, 8, NOT_MAPPED(WRITE))
    AT("null-jump", jump_page, 1, NOT_MAPPED(FETCH), .jumps = true)
    AT("direct-map-read", read_page, KERNEL_HALF, NOT_MAPPED(READ | PRESENT))
    AT("direct-map-write", write_page, KERNEL_HALF + 0x1000, NOT_MAPPED(WRITE | PRESENT))
    AT("kernel-read", read_page, KERNEL_IMAGE, NOT_MAPPED(READ | PRESENT))
    AT("kernel-write", write_page, KERNEL_IMAGE, NOT_MAPPED(WRITE | PRESENT))
    { .name = "kernel-lock", // TCG may read first
      INSTRUCTION(add_page, .address = KERNEL_IMAGE), .must = NOT_MAPPED(WRITE | PRESENT),
      .otherwise = { { IN_TCG, KILLED(SIGSEGV) } } },
    AT("kernel-jump", jump_page, KERNEL_IMAGE, NOT_MAPPED(FETCH | PRESENT), .jumps = true)
    AT("kernel-push", push_page, KERNEL_IMAGE + 8, FAULT_BELOW, .changes = BIT(RSP))
    AT("kernel-pop", load_kernel_stack, KERNEL_IMAGE, NOT_MAPPED(READ | PRESENT), .changes = BIT(RSP))
    AT("top-read", read_page, -8ul, NOT_MAPPED(READ | PRESENT))
    AT("limit-read", read_page, USER_LIMIT, NOT_MAPPED(READ | PRESENT))
    AT("limit-jump", jump_page, USER_LIMIT, NOT_MAPPED(FETCH | PRESENT), .jumps = true)
    ON("text-write", write_page, text, NO_RIGHT(WRITE | PRESENT))
    ON("constant-write", write_page, constant_data, NO_RIGHT(WRITE | PRESENT))
    ON("data-execute", jump_page, writable_data, NO_RIGHT(FETCH | PRESENT), .jumps = true)
    ON("heap-execute", jump_page, heap, NO_RIGHT(FETCH | PRESENT), .jumps = true)
    ON("stack-execute", jump_page, own_stack, NO_RIGHT(FETCH | PRESENT), .jumps = true)
    ON("no-access-read", read_page, no_access, NO_RIGHT(READ))
    ON("no-access-write", write_page, no_access, NO_RIGHT(WRITE))
    ON("no-access-jump", jump_page, no_access, NO_RIGHT(FETCH), .jumps = true)
    ON("read-only-write", write_page, read_only, NO_RIGHT(WRITE))
    ON("revoked-write", write_page, write_revoked, NO_RIGHT(WRITE | PRESENT))
    ON("revoked-execute", jump_page, execute_revoked, NO_RIGHT(FETCH | PRESENT), .jumps = true)
    ON("revoked-read", read_page, all_revoked, NO_RIGHT(READ))
    ON("unmapped-read", read_page, unmapped, NOT_MAPPED(READ))
    ON("unmapped-write", write_page, unmapped, NOT_MAPPED(WRITE))
    ON("behind-break", write_page, behind_break, NOT_MAPPED(WRITE))
    ON("past-the-file-read", read_page, past_the_file, PAST_THE_END(READ))
    ON("past-the-file-write", write_page, past_the_file, PAST_THE_END(WRITE))
    { .name = "stack-overflow", .run = stack_overflow,
      .must = { SIGSEGV, SEGV_MAPERR, 14, false, ADDRESS_ANY, WRITE } },
    { .name = "kernel-half-everywhere", .run = kernel_half, .must = HARMLESS },
};
// clang-format on
GROUP(pages, "page faults", attempts);
