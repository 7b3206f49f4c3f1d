// execve: load an ELF program into a fresh address space, build the initial stack, and only then,
// past the point of no return, replace the old one.
#pragma once

#include "proc/process.h"

#define EXEC_STRINGS_LIMIT (128u * 1024u) // argv and envp together, bytes
#define EXEC_COUNT_LIMIT 4096u

// Arguments as kernel memory: `count` strings back to back, NUL-terminated each.
struct exec_strings {
    char *text;
    size_t size;
    uint32_t count;
};

void exec_strings_free(struct exec_strings *strings);
// Copies a NULL-terminated array of user strings. -EFAULT, -E2BIG, -ENOMEM.
must_check int exec_strings_from_user(struct exec_strings *strings, user_addr array);
must_check int exec_strings_from_kernel(struct exec_strings *strings, char *const array[]);
// Puts the `count` strings of `front` in the place of the first one (in front, when there is none).
// -E2BIG, -ENOMEM: nothing has changed.
must_check int exec_strings_replace_first(struct exec_strings *strings, const char *const front[],
                                          uint32_t count);
// Replaces the running process's program. On success the trap frame is ready for the new program
// and 0 is returned; on failure nothing has changed and -errno is returned. Also understands `#!`.
must_check int exec_program(const char *path, struct exec_strings *arguments,
                            struct exec_strings *environment);
// `direct=PROGRAM`: loads the program for ring 0, calls its entry as main(argc, argv, say), where
// say is a function that takes a line for the kernel's log, and returns its value through *result.
// No limits: it shares the kernel's mode. Interrupts are on afterwards, whatever it did. -errno.
must_check int exec_direct(const char *path, char *const argv[], int64_t *result);
