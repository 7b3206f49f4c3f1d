// Signals: sending, actions, masks, waiting, frames, interval timers. State is in struct process
// (actions, what is pending for any thread) and struct thread_signals, guarded by its lock.
#pragma once

#include "proc/process.h"

// What went wrong, as siginfo and the mcontext will tell it.
struct fault_info {
    uint32_t signal;
    int32_t code;
    uint64_t address;
    uint64_t vector, error;
    const char *reason; // for the log, where the vector does not tell; may be NULL
};

// Sends a signal from the running process to itself, as kill would. Any context but interrupts.
void signal_send_self(uint32_t signal);
// kill(2)'s address forms: above 0 a process, 0 the caller's group, -1 all but init and the caller,
// below -1 a group. -ESRCH, -EINVAL, -EAGAIN (real-time); of several, 0 if one was sent. Takes
// process locks; passes preemption points.
must_check int signal_kill(int64_t pid, uint32_t signal);
// To a whole process, and to one thread (of process `pid`; 0: of any). A signal 0 tests for
// existence. -ESRCH, -EINVAL, -EAGAIN (real-time, no room in the queue).
must_check int signal_send_info(uint32_t pid, const struct abi_siginfo *info);
must_check int signal_send_thread(uint32_t pid, uint32_t tid, const struct abi_siginfo *info);
// A fault of the running thread's program that nothing could resolve: its handler runs, or the
// process ends with the signal, at the exit gate; then one log line says who, what, where.
void signal_fault(const struct trap_frame *frame, const struct fault_info *fault);
// A page that the running thread's program touched cannot be had: some process dies of it, logged,
// and this one waits for that. True: try again. False: it is to die itself, or (init alone) cannot
// be helped now. Interrupts on, no spinlock held; a mutex may be. out_of_memory.c
must_check bool process_wait_for_memory(uint64_t address);
// -ERESTART...: internal, for the exit gate; whoever returns it from a system call has left work
// there (thread_add_work), since only the gate turns it into a repetition or -EINTR.
bool signal_is_restart_code(int64_t result);
// The exit gate's part: acts on what is pending. Interrupts on; may not return (death).
void signal_exit_gate(struct trap_frame *frame);
const char *signal_name(uint32_t signal); // "SIGSEGV"

// The running process's actions and the running thread's masks; masks never hold SIGKILL and
// SIGSTOP. Either pointer of the first may be NULL.
must_check int signal_action(uint32_t signal, const struct abi_sigaction *new_action,
                             struct abi_sigaction *old_action);
uint64_t signal_mask(void);
void signal_set_mask(uint64_t mask);
// Until a handler has run or the call that needs it is over: the old mask comes back at the exit
// gate, or by the second.
void signal_set_temporary_mask(uint64_t mask);
void signal_restore_mask(void);
uint64_t signal_pending(void); // and blocked
// Sleeps until a signal must be acted upon. -ERESTARTNOHAND.
must_check int64_t signal_wait_any(void);
// Takes one of the set. Its number, -EAGAIN at the deadline (kernel clock), -EINTR.
must_check int64_t signal_wait_for(uint64_t set, uint64_t deadline_ns, struct abi_siginfo *info);

// sigaltstack: either pointer may be NULL. -EPERM (running on it), -EINVAL, -ENOMEM (too small).
must_check int signal_stack(uint64_t stack_pointer, const struct abi_signal_stack *new_stack,
                            struct abi_signal_stack *old_stack);
// Writes the frame and makes `frame` enter the handler; `mask` comes back with sigreturn. -EFAULT.
must_check int signal_frame_push(struct trap_frame *frame, const struct abi_siginfo *info,
                                 const struct abi_sigaction *action, uint64_t mask);
// rt_sigreturn: what the program left of its frame becomes its state, or SIGSEGV comes.
void signal_frame_return(struct trap_frame *frame);

// Interval timers of the running process, in ns; 0: none. -EINVAL for another number.
must_check int itimer_set(uint32_t which, uint64_t value_ns, uint64_t interval_ns,
                          uint64_t *old_value_ns, uint64_t *old_interval_ns);
must_check int itimer_get(uint32_t which, uint64_t *value_ns, uint64_t *interval_ns);
