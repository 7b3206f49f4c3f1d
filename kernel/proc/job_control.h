// Job control: which session a terminal controls, which of its process groups is in the foreground,
// and what background groups may do. For the terminals (pseudo/); errors as Linux.
#pragma once

#include "proc/process.h"
#include "proc/signal_queue.h"

// What job control keeps of a terminal; it changes while all processes are locked.
struct job_terminal {
    uint32_t session;          // that it controls; 0: none
    uint32_t foreground_group; // of that session; 0: none. The number stays taken while it is here
    struct list_node link;
    // The session's leader has ended: tells readers, then calls job_terminal_disconnect(). In the
    // ending thread, no lock held.
    void (*hang_up)(struct job_terminal *terminal, uint32_t session);
    // job_terminal_signals_wait() has become false. All are locked, maybe in an interrupt.
    void (*signals_sent)(void);
};

void job_terminal_add(struct job_terminal *terminal); // boot

// Is it the controlling terminal of the running process?
must_check bool job_terminal_is_own(const struct job_terminal *terminal);
// The running session leader takes a terminal that is free; nothing happens to anybody else. For
// opening it.
void job_terminal_open(struct job_terminal *terminal);
// TIOCSCTTY; `steals` takes it from another session. -EPERM.
must_check int job_terminal_acquire(struct job_terminal *terminal, bool steals);
// TIOCNOTTY. -ENOTTY.
must_check int job_terminal_give_up(struct job_terminal *terminal);
// May the running process do what only the foreground may? A background group is sent `signal`
// (SIGTTIN, SIGTTOU) and the call is made again later: -ERESTARTSYS. 0: go on. -EIO.
must_check int job_terminal_check(const struct job_terminal *terminal, uint32_t signal);
// TIOCSPGRP (but for the check above), TIOCGPGRP, TIOCGSID. -ENOTTY, -EINVAL, -ESRCH, -EPERM.
must_check int job_terminal_set_foreground(struct job_terminal *terminal, int32_t group);
must_check int64_t job_terminal_foreground(const struct job_terminal *terminal);
must_check int64_t job_terminal_session(const struct job_terminal *terminal);
// A set of signals (SIGNAL_BIT) to every process of the foreground group as it is now, from the
// kernel. Any context, also with a lock of rank LOCK_RANK_TERMINAL held. A large group has them
// within milliseconds, during which job_terminal_signals_wait(): what was typed behind the key that
// sent them must not be read before, or it could start a program that they then hit.
void job_terminal_signal(const struct job_terminal *terminal, uint64_t signals);
must_check bool job_terminal_signals_wait(void);
// The terminal is free again and its foreground group has SIGHUP, if it is still this session's.
// Same context.
void job_terminal_disconnect(struct job_terminal *terminal, uint32_t session);
// The foreground group of the session that the terminal controls; -1: it controls another, or none.
must_check int32_t job_terminal_group_of(const struct job_terminal *terminal, uint32_t session);
