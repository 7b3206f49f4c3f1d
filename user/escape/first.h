// Where first.S lies and what it writes. Shared with assembly.
#pragma once

#define FIRST_CODE 0x400000
#define FIRST_DATA 0x500000
#define FIRST_FILLED 0x123 // bytes of the data page that come from the file
#define FIRST_VECTORS 256  // behind the general registers
#define FIRST_FOUND_SIZE 2048
#define FIRST_STACK_SIZE 0x10000
