// Numbers that assembly shares with C. Checked against their C names in tables.c.
#pragma once

#define MSR_GS_BASE_NUMBER 0xc0000101
#define USER_CODE_SELECTOR 0x33
#define USER_DATA_SELECTOR 0x2b
#define SYSCALL_VECTOR 256
#define NMI_VECTOR 2
