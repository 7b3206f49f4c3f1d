// The argument types of syscalls.def, for enumerations: each user adds what it tells apart besides.
// NOTHING is 0, so it stands in a table where a call has no more arguments.
#pragma once

#define SYSCALL_ARGUMENT_TYPES                                                                     \
    NOTHING, FD, DIRFD, PATH, BUFFER_IN, BUFFER_OUT, SIZE, COUNT, OFFSET, STRUCT_IN, STRUCT_OUT,   \
        STRUCT_INOUT, VECTOR, STRINGS, POLLS, ADDRESS, INT, FLAGS, COMMAND, MODE, PID, SIGNAL,     \
        CLOCK, USER, ANY
