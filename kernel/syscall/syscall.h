// The system-call layer's door, and the shape of a handler. Handlers live in thin files by family:
// unpack, check, call down. They run in the caller's thread, interrupts on, no lock held; the
// contract is cpu/upcalls.h's. A handler that returns -ERESTART... has work pending for the exit
// gate, which turns that into a repetition or -EINTR.
#pragma once

#include "cpu/frame.h"
#include "cpu/upcalls.h"
#include "lib/types.h"

#define SYSCALL(number, name, ...) syscall_handler sys_##name;
#include "syscalls.def"
#undef SYSCALL
// What is in no line of that list: -ENOSYS, logged once per number.
syscall_handler sys_missing;

// HANDLERn(name, the n arguments) { body }
#define HANDLER0(name) HANDLER6(name, unused1, unused2, unused3, unused4, unused5, unused6)
#define HANDLER1(name, a) HANDLER6(name, a, unused2, unused3, unused4, unused5, unused6)
#define HANDLER2(name, a, b) HANDLER6(name, a, b, unused3, unused4, unused5, unused6)
#define HANDLER3(name, a, b, c) HANDLER6(name, a, b, c, unused4, unused5, unused6)
#define HANDLER4(name, a, b, c, d) HANDLER6(name, a, b, c, d, unused5, unused6)
#define HANDLER5(name, a, b, c, d, e) HANDLER6(name, a, b, c, d, e, unused6)
#define HANDLER6(name, a, b, c, d, e, f)                                                           \
    int64_t sys_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
