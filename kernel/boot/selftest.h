// What selftest= names, for selftest.c (first those of selftest_cpus.c). Each ends in a panic that
// its test awaits, or says in the log what it saw.
#pragma once

void selftest_stopped_call(void);
void selftest_stopped_lock(void);
void selftest_stopped_reschedule(void);
void selftest_stopped_loop(void);
void selftest_panic_everywhere(void);
void selftest_unwanted_cpus(void);
// selftest_locks.c
void selftest_locks(void);
// selftest_memory.c
void selftest_memory(void);
// selftest_panic.c
void selftest_double_fault(void);
void selftest_panic_in_panic(void);
void selftest_panic_argument(void);
