// Panics that selftests provoke (panic_catch.h). Invariant: `catching` is set only while the act of
// panic_provoke() runs, whose stack frame is therefore still there to go back to.
#include "debug/panic_catch.h"

#include <stdatomic.h>

#include "cpu/interrupts.h"
#include "cpu/percpu.h"
#include "lib/format.h"

#define JUMP_WORDS 5u // the compiler's

struct catch
{
    void *jump[JUMP_WORDS];
    const struct percpu *cpu;
    char *message;
    size_t size;
};

static struct catch *_Atomic catching;

// In a function of its own: the compiler keeps nothing in registers across the jump but what is
// volatile, and there is nothing else.
never_inlined static bool run(struct catch *catch, void (*act)(void))
{
    if (__builtin_setjmp(catch->jump) != 0)
        return true;
    atomic_store(&catching, catch);
    act();
    atomic_store(&catching, NULL);
    return false;
}

bool panic_provoke(void (*act)(void), char *message, size_t size)
{
    struct percpu *cpu = this_cpu();
    struct catch catch = { .cpu = cpu, .message = message, .size = size };
    uint32_t held = cpu->held_lock_count, depth = cpu->interrupts_off_depth;
    bool were_on = interrupts_are_on();

    bool panicked = run(&catch, act);
    interrupts_disable_now();
    cpu->held_lock_count = held;
    cpu->interrupts_off_depth = depth;
    if (were_on)
        interrupts_enable_now();
    return panicked;
}

void panic_catch(const char *format, va_list arguments)
{
    struct catch *catch = atomic_load(&catching);

    if (!catch || catch->cpu != this_cpu())
        return;
    atomic_store(&catching, NULL);
    format_text_va(catch->message, catch->size, format, arguments);
    __builtin_longjmp(catch->jump, 1);
}
