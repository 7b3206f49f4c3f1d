// Futexes: sleeping on a word of user memory until somebody says that it has changed; and robust
// lists, by which a thread's end tells of the locks it held. Addresses are the running process's.
#pragma once

#include "vm/futex_key.h"

#define FUTEX_ANY_BIT UINT32_MAX

void futex_init(void); // boot

// Sleeps while the word is `expected`, until a wake-up whose bits have one in common with `bits`,
// or the deadline (kernel clock). No wake-up that follows a change of the word is lost. `shared`:
// other processes may be meant too. 0, -EAGAIN (the word was something else), -ETIMEDOUT,
// -ERESTARTSYS (work for the exit gate), -EFAULT, -EINVAL.
must_check int futex_wait(user_addr word, uint32_t expected, uint32_t bits, uint64_t deadline_ns,
                          bool shared);
// Wakes up to `count` of those who wait, the first ones first; one, when it is negative (as an
// int) or 0. How many, -EFAULT, -EINVAL.
must_check int64_t futex_wake(user_addr word, uint32_t count, uint32_t bits, bool shared);
// The same in two steps. The key's end is futex_key_release(); -EFAULT, -EINVAL.
must_check int futex_take_key(struct futex_key *key, user_addr word, bool shared);
uint32_t futex_wake_key(const struct futex_key *key, uint32_t count, uint32_t bits);
// Wakes up to `wake_count`, and lets up to `move_count` of the others wait for the word `to`
// instead. `expected` (may be NULL): -EAGAIN when `from` is something else. How many of both.
must_check int64_t futex_requeue(user_addr from, user_addr to, uint32_t wake_count,
                                 uint32_t move_count, const uint32_t *expected, bool shared);
// FUTEX_WAKE_OP: changes the second word as `operation` says, wakes those of the first, and those
// of the second if what it was compares. How many; -ENOSYS for an unknown operation.
must_check int64_t futex_wake_operation(user_addr first, user_addr second, uint32_t first_count,
                                        uint32_t second_count, uint32_t operation, bool shared);

// The running thread leaves its memory: the locks in the list get FUTEX_OWNER_DIED, and who waits
// for one is woken.
void robust_list_leave(user_addr list);
// Where a thread's list is; 0: it has none. A tid of 0 is the running thread. -ESRCH.
must_check int robust_list_of(uint32_t tid, uint64_t *address);
