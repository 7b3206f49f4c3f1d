// How assembly files name their functions, so that gdb and a panic's backtrace know them.
#pragma once

#define LOCAL_FUNCTION(name)                                                                       \
    .type name, @function;                                                                         \
    name:
#define FUNCTION(name)                                                                             \
    .globl name;                                                                                   \
    LOCAL_FUNCTION(name)
#define END(name) .size name, .- name
