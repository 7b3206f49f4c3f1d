// `selftest=NAME`: acts in kernel mode that a program cannot provoke, each against one protection.
// With the protection in place the machine panics with the reason, which the test waits for;
// without it the line "not protected" appears.
#include "boot/selftest.h"
#include "abi/process.h"
#include "boot/boot.h"
#include "debug/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/kernel_map.h"
#include "proc/process.h"
#include "sched/thread.h"
#include "vm/address_space.h"

#define USER_PAGE 0x10000000ull
#define RETURN_INSTRUCTION 0xc3u
#define NO_ADDRESS 0x8000000000000000ull // not canonical

// A page that programs may read, write and execute, in the running thread's space.
static void map_user_page(void)
{
    struct address_space *space = address_space_create();
    uint8_t code = RETURN_INSTRUCTION;

    kassert(space);
    int64_t mapped = address_space_map(space, USER_PAGE, PAGE_SIZE,
                                       PROTECTION_READ | PROTECTION_WRITE | PROTECTION_EXECUTE,
                                       MAP_AT_FIXED, NULL, 0);
    kassert(mapped == (int64_t)USER_PAGE);
    int error = address_space_write(space, USER_PAGE, &code, 1);
    kassert(error == 0);
    thread_set_translation(current_thread(), &space->translation);
}

static void read_user_memory(void)
{
    map_user_page();
    uint8_t value = *(volatile uint8_t *)USER_PAGE;
    log_error("selftest", "smap: not protected: the kernel read %#x from a user page", value);
}

static void execute_user_memory(void)
{
    map_user_page();
    ((void (*)(void))USER_PAGE)();
    log_error("selftest", "smep: not protected: the kernel executed a user page");
}

static void overflow_stack(void)
{
    volatile uint8_t *below =
        (volatile uint8_t *)(current_thread()->stack_top - KERNEL_STACK_PAGES * PAGE_SIZE - 8);

    // As a recursion would: the stack pointer itself goes below the stack, then something is
    // pushed.
    __asm__ volatile("movq %%rsp, %%rbx; movq %0, %%rsp; pushq $0; movq %%rbx, %%rsp"
                     :
                     : "r"(below)
                     : "rbx", "memory");
    log_error("selftest", "guard: not protected: the stack went below its last page");
}

// What lies behind the array is the canary; without one, a register that nobody misses any more.
never_inlined static void write_behind_array(size_t length)
{
    uint8_t array[sizeof(uint64_t)] = { 0 };
    volatile uint8_t *bytes = array;

    __asm__ volatile("" : "+r"(bytes)); // whose bytes these are is not for the compiler to know
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)~bytes[i];
}

static void overrun_array(void)
{
    write_behind_array(2 * sizeof(uint64_t));
    log_error("selftest", "canary: not protected: a function wrote behind its array and returned");
}

static void write_read_only(void)
{
    *(volatile uint8_t *)(uint64_t)boot_run_selftest = RETURN_INSTRUCTION;
    log_error("selftest", "wp: not protected: the kernel wrote its own text");
}

static void execute_kernel_data(void)
{
    static uint8_t code[16] = { RETURN_INSTRUCTION };

    ((void (*)(void))(uint64_t)code)();
    log_error("selftest", "nx: not protected: the kernel executed its own data");
}

static void follow_spoiled_pointer(void)
{
    uint8_t value = *(volatile uint8_t *)NO_ADDRESS;
    log_error("selftest", "pointer: not protected: the kernel read %#x", value);
}

// A shift by more than the type has bits, the amount unknown to the compiler.
static void shift_too_far(void)
{
    volatile uint32_t amount = 32;

    uint32_t value = 1u << amount;
    log_error("selftest", "undefined: not protected: 1 << 32 is %u", value);
}

static void panic_on_request(void)
{
    panic("asked for by selftest=panic");
}

void boot_run_selftest(const char *name)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } selftests[] = {
        { "smap", read_user_memory },
        { "smep", execute_user_memory },
        { "guard", overflow_stack },
        { "canary", overrun_array },
        { "wp", write_read_only },
        { "nx", execute_kernel_data },
        { "pointer", follow_spoiled_pointer },
        { "undefined", shift_too_far },
        { "panic", panic_on_request },
        { "panic-all", selftest_panic_everywhere },
        { "double-fault", selftest_double_fault },
        { "panic-in-panic", selftest_panic_in_panic },
        { "panic-argument", selftest_panic_argument },
        { "stopped-call", selftest_stopped_call },
        { "stopped-lock", selftest_stopped_lock },
        { "stopped-reschedule", selftest_stopped_reschedule },
        { "stopped-loop", selftest_stopped_loop },
        { "unwanted-cpus", selftest_unwanted_cpus },
        { "locks", selftest_locks },
        { "memory", selftest_memory },
    };

    for (size_t i = 0; i < ARRAY_SIZE(selftests); i++)
        if (strcmp(selftests[i].name, name) == 0) {
            selftests[i].run();
            process_shutdown(REBOOT_POWER_OFF);
        }
    log_warning("selftest", "there is no selftest \"%s\"", name);
}
