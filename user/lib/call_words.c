// The names of the system calls, from the kernel's own table.
#include "rows.h"

#define SYSCALL(call_number, name, ...) [call_number] = #name,
static const char *const names[] = {
#include "syscalls.def"
};
#undef SYSCALL

const char *call_words(uint32_t number)
{
    return number < COUNT_OF(names) && names[number] ? names[number] : "a call that is not there";
}
