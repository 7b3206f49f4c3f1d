// What the programs share: time, CPU pinning, starting a program, and wait statuses in words.
// Linked into every C program; needs only the C library, so it works on Linux as well.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

uint64_t clock_ns(void); // CLOCK_MONOTONIC
void sleep_ns(uint64_t duration_ns);
// Exits with a message where the system refuses.
void pin_to_cpu(int cpu);
// execve with the current environment; exits 127 (no such file) or 126 when it cannot be executed.
_Noreturn void program_become(char *const argv[]);
// fork + execve with the current environment.
pid_t program_start(char *const argv[]);
// Forks, runs `body(argument)` in the child, which exits with its value. The child's pid.
pid_t child_start(int (*body)(void *), void *argument);
// Waits for this child, through interruptions; its wait status.
int child_wait(pid_t pid);
// Like child_wait; after `limit_ns` the child is killed and *timed_out set.
int child_wait_limited(pid_t pid, uint64_t limit_ns, bool *timed_out);
int child_run(int (*body)(void *), void *argument); // start and wait

// "exited 0", "killed by SIGSEGV".
const char *verdict_words(int status, char *buffer, size_t size);
const char *signal_word(int signal); // "SIGSEGV"
// "2s", "500ms", "30us" or plain milliseconds, in nanoseconds; exits with a message otherwise.
uint64_t duration_argument(const char *text);
long number_argument(const char *text);
// Prints the program's name, the message and errno's words to standard error; exits 1.
_Noreturn void fail(const char *message);

bool kernel_is_ringfence(void); // false on Linux
bool cpu_is_emulated(void);     // QEMU's TCG
bool cpu_is_amd(void);
// A bit of CPUID: leaf, subleaf 0, register 0..3 = EAX EBX ECX EDX.
bool cpuid_bit(uint32_t leaf, int register_index, int bit);
