// How a panic behaves and what it knows of the layers above: they register, it calls.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

struct trap_frame;

// Seconds after which a panic restarts the machine (`panic=N`); 0 halts for good.
void panic_set_restart_seconds(uint32_t seconds);
// One line that says who was running ("process 12 (hello), thread 14"); called by the panic on the
// CPU that panics, must not take locks or fault.
typedef size_t (*panic_describe)(char *buffer, size_t size);
void panic_set_describer(panic_describe describe);

// panic_cpus.c. One CPU panics: true for the first that claims it, and for that one again.
bool panic_claim(const struct percpu *cpu);
// For the others: notes why, if they had a reason of their own, and comes to rest for good.
noreturn_function void panic_rest(const char *reason);
// By the CPU that panics: the others stop, or a moment has passed.
void panic_stop_others(void);
void panic_tell_others(void); // where they were

// Every NMI comes by here, on this CPU: counted, where it hit noted; while another CPU panics it
// does not return.
void panic_note_nmi(const struct trap_frame *frame);

// Prints a backtrace from the frame pointer on; every link is checked to lie in the kernel half and
// to grow.
void backtrace_print(uint64_t frame_pointer, uint64_t first_address);
