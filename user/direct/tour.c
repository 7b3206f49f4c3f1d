// Shows MISSION row 2, Figure 6.1: direct execution without limits. Called in ring 0 by `direct=`,
// it does at will what ring 3 forbids (compare `offend`), and returns to the kernel by RET.
#include "port.h"

#define MSR_LSTAR 0xc0000082
#define KERNEL_TEXT ((const volatile uint8_t *)0xffffffff80001000)
#define RETURN_VALUE 42

long main(int argc, char **argv);

long main(int argc, char **argv)
{
    say("tour: called by the kernel, with the kernel's rights\n");
    say_value("tour: arguments", (uint64_t)argc);
    for (int i = 0; i < argc; i++) {
        say("tour: argument ");
        say(argv[i]);
        say("\n");
    }
    say_value("tour: ring (low bits of CS)", read_cs() & 3);
    __asm__ volatile("cli");
    say("tour: interrupts are off now, nobody can take the CPU from me\n");
    say_value("tour: page tables at", read_cr3());
    say_value("tour: paging and protection switches (CR0)", read_cr0());
    say_value("tour: where system calls would enter (LSTAR)", read_msr(MSR_LSTAR));
    say_value("tour: a byte of the kernel's code", *KERNEL_TEXT);
    __asm__ volatile("sti");
    say("tour: returning\n");
    return RETURN_VALUE;
}
