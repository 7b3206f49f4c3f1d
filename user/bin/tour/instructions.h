// The instructions that the scenes are about (instructions.S): functions, and the addresses of the
// instructions in them, which the event ring names.
#pragma once

#include "shared.h"

int do_cli(void), do_in(void), do_out(void), do_hlt(void), do_load_cr3(void);
int do_lidt(void), do_wrmsr(void), do_sidt(void);
int write_zero(void *address);
int read_word(void *address);
void loop_until(uint64_t tsc);
void call_with_pattern(uint64_t first, struct register_image *after);
void hold_pattern(uint64_t first, struct register_image *after);

extern const char at_cli[], at_in[], at_out[], at_hlt[], at_load_cr3[], at_lidt[], at_wrmsr[],
    at_sidt[], at_write[], at_read_word[], loop_begin[], loop_end[], after_call[], hold_begin[],
    hold_end[];
