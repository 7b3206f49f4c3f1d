// Attacks on what all share: memory, processors, numbers, tables. Each runs in processes of its own
// beside a bystander that counts; afterwards the bystander must have kept its share and its memory,
// and /proc/live must be what it was.
#pragma once

#include "attempt.h"

#include <stdbool.h>

#define MIB (1ul << 20)

struct attack {
    int (*run)(
        void);  // in a process of its own, by name "hostile"; its exit status. 0: as it must be
    int signal; // that it must die of; 0: none
    unsigned seconds; // after which it, and all that it started, are killed; 0: it ends by itself
};
int attack_run(const struct attempt *attempt); // argument: struct attack

// What went wrong, for the attempt's line, from any of its processes. Returns 1.
#define attack_note attempt_note

// How many run at once, at most: what the bystander must share with.
void attack_competitors(unsigned count);
void signals_reset(void); // no handlers, no alternate stack
// A child by name "hostile"; -errno.
int attack_fork(void);
extern bool attack_is_quick;

#define ATTACK(label, function, ...)                                                               \
    {                                                                                              \
        .name = label, .run = attack_run, .argument = &(const struct attack)                       \
        {                                                                                          \
            .run = function, __VA_ARGS__                                                           \
        }                                                                                          \
    }
