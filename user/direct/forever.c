// Shows row 2 of kernel/README.md: why limits are needed. Called in ring 0 by `direct=`, it turns
// interrupts off and never returns; nothing can stop it but the power switch.
#include "port.h"

long main(int argc, char **argv);

long main(int argc, char **argv)
{
    __asm__ volatile("cli");
    say("forever: I have the machine, and I keep it\n");
    for (;;)
        __asm__ volatile("pause");
}
