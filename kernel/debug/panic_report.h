// How a panic behaves and what it knows of the layers above: they register, it calls.
#pragma once

#include "lib/types.h"

// Seconds after which a panic restarts the machine (`panic=N`); 0 halts for good.
void panic_set_restart_seconds(uint32_t seconds);
// One line that says who was running ("process 12 (hello), thread 14"); called by the panic on the
// CPU that panics, must not take locks or fault.
typedef size_t (*panic_describe)(char *buffer, size_t size);
void panic_set_describer(panic_describe describe);
// Prints a backtrace from the frame pointer on; every link is checked to lie in the kernel half and
// to grow.
void backtrace_print(uint64_t frame_pointer, uint64_t first_address);
