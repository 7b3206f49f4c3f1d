// The PS/2 keyboard. Invariant: no loop here depends on the controller to end.
#include "drivers/keyboard.h"

void keyboard_init(const char *keymap, uint32_t line, bool active_low, bool level_triggered)
{
}

void keyboard_set_reboot_receiver(void (*receiver)(void))
{
}

void keyboard_interrupt(void)
{
}
