// The switch and the change of CPUs: scheduler.c, wake.c, migrate.c, the idle loop of tick.c. Two
// CPUs, each with a queue and its lock, which crosses the switch, and whoever acts from a third.
// Threads compute, sleep, yield, wake each other, are started, get other masks. Checked: no thread
// runs on two CPUs, from a context that is not complete, or where it may not; who was told to leave
// has left when departure_wait() returns; when nothing happens
// any more, nobody waits whom an idle CPU may run, nobody is MOVING, nothing due is forgotten.
//
// Mutants (make model sees each fail): -DLOCK_PASSED_EARLY releases the queue's lock before the
// switch is over; -DKICK_WITHOUT_INTERRUPT leaves a halted CPU asleep; -DMASK_READ_ONCE enqueues a
// MOVING thread without another look at its mask; -DCLAIM_FORGOTTEN then leaves the CPU alone that
// was unmarked for it; -DIDLE_LOOKS_FIRST marks a CPU as idle after its last look at the queues;
// -DSTART_UNLOCKED gives a NEW thread its CPU without the lock; -DREST_NOT_OFFERED tells nobody of
// those who came to an idle CPU behind the one that it takes; -DDEPARTURE_UNLOCKED takes who is
// about to leave for gone.

#define CPUS 2
#define THREADS 2 // 1 and 2; 0 is the idle thread of each CPU
#define IDLE 0
#define NOWHERE 9
#ifndef STEPS
#define STEPS 1 // voluntary acts of all, beyond sleeping and the start: 2 takes minutes
#endif

mtype = { NEW, RUNNING, BLOCKED, RUNNABLE, MOVING };
mtype = { BY_BLOCK, BY_YIELD, BY_SLICE };

mtype state[THREADS + 1];    // thread->state; RUNNABLE: in the queue of its CPU
byte cpu_of[THREADS + 1];    // thread->cpu
byte mask[THREADS + 1];      // thread->affinity; a bit for each CPU
bool saved[THREADS + 1];     // its context is complete: in memory, and on no CPU
byte executing[THREADS + 1]; // how many CPUs run it
byte current[CPUS];          // cpu->current
bool runs[CPUS];             // run_queue.queue.running: picked, and perhaps current already
byte left[CPUS];             // run_queue.left; IDLE: none
bool lock[CPUS];             // run_queue.lock
bool due[CPUS];              // cpu->reschedule_due
bool interrupt[CPUS];        // the IPI, latched until it is taken
bool marked[CPUS];           // idle_cpus
bool started;                // somebody starts thread 2
byte leaves = NOWHERE;       // the CPU that thread_set_affinity() in Others() told a thread to leave
byte steps;

#define ALLOWED(thread, cpu) (mask[thread] & (1 << (cpu)))
#define WAITS(thread, cpu) (state[thread] == RUNNABLE && cpu_of[thread] == (cpu))
#define HAS_WAITING(cpu) (WAITS(1, cpu) || WAITS(2, cpu))
#define HAS_MOVABLE(cpu) ((WAITS(1, cpu) && mask[1] == 3) || (WAITS(2, cpu) && mask[2] == 3))
#define HAS_TO_SPARE(cpu) (HAS_MOVABLE(cpu) && runs[cpu])
#define LOAD(cpu) (WAITS(1, cpu) + WAITS(2, cpu) + runs[cpu])

inline acquire(queue) { atomic { !lock[queue] -> lock[queue] = true } }
inline release(queue) { lock[queue] = false }

inline send_interrupt(cpu)
{
#ifndef KICK_WITHOUT_INTERRUPT
    if
    :: cpu != me -> interrupt[cpu] = true
    :: else
    fi
#else
    skip
#endif
}

// scheduler.c, run_queue_kick().
inline run_queue_kick(queue)
{
    atomic {
        if
        :: due[queue]
        :: else -> due[queue] = true; send_interrupt(queue)
        fi
    }
}

// migrate.c, claim_idle(). NOWHERE: none.
inline claim_idle(thread)
{
    atomic {
        if
        :: marked[0] && ALLOWED(thread, 0) -> found = 0; marked[0] = false
        :: marked[1] && ALLOWED(thread, 1) -> found = 1; marked[1] = false
        :: else -> found = NOWHERE
        fi
    }
}

// migrate.c, thread_place_new(): the lightest may be any, for loads are hints.
inline thread_place_new(thread)
{
    claim_idle(thread);
    if
    :: found != NOWHERE
    :: found == NOWHERE && ALLOWED(thread, 0) -> found = 0
    :: found == NOWHERE && ALLOWED(thread, 1) -> found = 1
    fi
}

// migrate.c, run_queue_offer_among().
inline run_queue_offer(thread)
{
    claim_idle(thread);
    if
    :: found != NOWHERE -> atomic { due[found] = true; send_interrupt(found) }
    :: else
    fi
}

// scheduler.c, run_queue_add(). Lock held.
inline run_queue_add(queue, thread)
{
    state[thread] = RUNNABLE;
    if
    :: !runs[queue] -> run_queue_kick(queue)
    :: runs[queue] ->
        if
        :: run_queue_kick(queue) // policy_should_preempt()
        :: skip
        fi;
        run_queue_offer(thread)
    fi
}

// migrate.c, thread_move_begin(): MOVING, and whose it is. Then only the mover touches it.
inline thread_move_begin(thread, target)
{
    atomic { assert(state[thread] != MOVING); state[thread] = MOVING; cpu_of[thread] = target }
}

// migrate.c, thread_move_end(). No lock held.
inline thread_move_end(thread)
{
    do
    ::  to = cpu_of[thread]; // nobody else changes it
        atomic { !lock[to] -> lock[to] = true; assert(state[thread] == MOVING && saved[thread]) }
        if
#ifdef MASK_READ_ONCE
        :: true -> break
#else
        :: ALLOWED(thread, to) -> break
        :: else ->
#ifndef CLAIM_FORGOTTEN
            run_queue_kick(to);
#endif
            thread_place_new(thread);
            atomic { cpu_of[thread] = found; lock[to] = false } // thread_move_begin()
#endif
        fi
    od;
    run_queue_add(to, thread);
    release(to)
}

// wake.c.
inline thread_queue_acquire(thread)
{
    do
    ::  from = cpu_of[thread];
        atomic {
            !lock[from] -> lock[from] = true;
            if
            :: cpu_of[thread] == from -> break
            :: else -> lock[from] = false
            fi
        }
    od
}

// To the CPU that was found: wake.c, start_elsewhere(), or this one; NOWHERE: it stays what it is.
// Releases the lock.
inline start_at_found(thread)
{
    if
    :: found == NOWHERE -> release(from)
    :: found == from -> run_queue_add(from, thread); release(from)
    :: else -> thread_move_begin(thread, found); release(from); thread_move_end(thread)
    fi
}

// These three end with start_at_found(). wake.c, thread_start().
inline thread_start(thread)
{
#ifdef START_UNLOCKED
    thread_place_new(thread);
    cpu_of[thread] = found;
    from = found;
    acquire(from)
#else
    thread_queue_acquire(thread);
    assert(state[thread] == NEW);
    thread_place_new(thread)
#endif
}

// wake.c, wake_and_release(), and migrate.c, thread_place_woken().
inline thread_wake(thread)
{
    thread_queue_acquire(thread);
    if
    :: state[thread] != BLOCKED -> found = NOWHERE
    :: state[thread] == BLOCKED && current[from] == thread ->
        state[thread] = RUNNING; // it has not left
        found = NOWHERE
    :: state[thread] == BLOCKED && current[from] != thread ->
        if
        :: ALLOWED(thread, from) && LOAD(from) == 0 -> found = from
        :: else ->
            claim_idle(thread);
            if
            :: found == NOWHERE && ALLOWED(thread, from) -> found = from
            :: found == NOWHERE && !ALLOWED(thread, from) -> thread_place_new(thread)
            :: found != NOWHERE
            fi
        fi
    fi
}

// migrate.c.
inline thread_set_affinity(thread, wanted)
{
    thread_queue_acquire(thread);
    mask[thread] = wanted;
    if
    :: state[thread] == RUNNABLE && !ALLOWED(thread, from) ->
        thread_place_new(thread)
    :: state[thread] == RUNNABLE && ALLOWED(thread, from) ->
        run_queue_offer(thread);
        found = NOWHERE
    :: state[thread] != RUNNABLE ->
        if
        :: !ALLOWED(thread, from) && current[from] == thread ->
            run_queue_kick(from); // tell_to_leave()
            if
            :: me == NOWHERE -> leaves = from
            :: else
            fi
        :: else
        fi;
        found = NOWHERE
    fi
}

// scheduler.c, enqueue_or_leave(), for the running thread; migrate.c, thread_place_lighter().
inline enqueue_or_leave(how)
{
    if
    :: !ALLOWED(old, me) -> thread_place_new(old)
    :: ALLOWED(old, me) && how == BY_SLICE && ALLOWED(old, 1 - me) && LOAD(1 - me) < LOAD(me) ->
        found = 1 - me
    :: else -> found = NOWHERE
    fi;
    if
    :: found != NOWHERE -> atomic { thread_move_begin(old, found); left[me] = old }
    :: else ->
        state[old] = RUNNABLE;
        if
        :: how == BY_YIELD && WAITS(1, me) && WAITS(2, me) -> run_queue_offer(old)
        :: else
        fi
    fi
}

// scheduler.c, take_next(): any, by policy_pick_next().
inline take_next()
{
    atomic {
        if
        :: WAITS(1, me) -> next = 1
        :: WAITS(2, me) -> next = 2
        :: else -> next = IDLE
        fi;
        if
        :: next != IDLE -> assert(ALLOWED(next, me)); state[next] = RUNNING
        :: else
        fi;
        runs[me] = (next != IDLE)
    }
}

// switch.S: what the CPU held is in memory; what the next one had is in the CPU.
inline switch_context()
{
    atomic {
        if
        :: old != IDLE -> executing[old]--; saved[old] = true
        :: else
        fi;
        if
        :: next != IDLE ->
            assert(saved[next]);
            saved[next] = false;
            executing[next]++;
            assert(executing[next] == 1)
        :: else
        fi
    }
}

// scheduler.c, switch_from().
inline switch_from(how)
{
    if
    :: old == IDLE -> marked[me] = false // idle_end()
    :: old != IDLE && how == BY_BLOCK
    :: old != IDLE && how != BY_BLOCK -> enqueue_or_leave(how)
    fi;
    take_next();
#ifndef REST_NOT_OFFERED
    if
    :: old == IDLE && HAS_MOVABLE(me) && marked[1 - me] -> // migrate.c, run_queue_offer_rest()
        atomic { marked[1 - me] = false; due[1 - me] = true; send_interrupt(1 - me) }
    :: else
    fi;
#endif
    current[me] = next;
#ifdef LOCK_PASSED_EARLY
    release(me);
#endif
    if
    :: old != next -> switch_context()
    :: else
    fi
}

// scheduler.c, schedule() and, on the next thread's stack, finish_switch().
inline schedule(how)
{
    atomic { !lock[me] -> lock[me] = true; old = current[me] }
    if
    :: how == BY_BLOCK && old != IDLE && state[old] == RUNNING // woken meanwhile
    :: else ->
        due[me] = false;
        if
        :: HAS_WAITING(me) || (old != IDLE && (state[old] != RUNNING || !ALLOWED(old, me))) ->
            switch_from(how)
        :: else
        fi
    fi;
    atomic { gone = left[me]; left[me] = IDLE; lock[me] = false }
    if
    :: gone != IDLE -> thread_move_end(gone) // see_off()
    :: else
    fi
}

// migrate.c, run_queue_steal() and take_over(), on a CPU that idles: a hint, then the lock.
inline steal()
{
    if
    :: HAS_TO_SPARE(1 - me) ->
        acquire(1 - me);
        atomic {
            if
            :: HAS_TO_SPARE(1 - me) && WAITS(1, 1 - me) && ALLOWED(1, me) -> old = 1
            :: HAS_TO_SPARE(1 - me) && WAITS(2, 1 - me) && ALLOWED(2, me) -> old = 2
            :: else -> old = IDLE
            fi
        }
        if
        :: old != IDLE -> thread_move_begin(old, me); release(1 - me); thread_move_end(old)
        :: else -> release(1 - me)
        fi
    :: else
    fi
}

// What anybody may do to any thread.
inline act()
{
    if
    :: atomic { steps < STEPS -> steps++; who = 1 }
    :: atomic { steps < STEPS -> steps++; who = 2 }
    :: atomic { !started -> started = true; who = IDLE }
    fi;
    if
    :: who == IDLE -> who = 2; thread_start(2)
    :: who != IDLE -> thread_wake(who)
    :: who != IDLE ->
        if
        :: wanted = 1
        :: wanted = 2
        :: wanted = 3
        fi;
        thread_set_affinity(who, wanted)
    fi;
    start_at_found(who);
    d_step { who = 0; wanted = 0; to = 0; from = 0; found = 0 } // fewer states
}

// What a CPU does is what its current thread does; it passes the gate before each act.
proctype Cpu(byte me)
{
    byte old, next, to, from, gone, found, who, wanted;
    mtype how; // 0: does not pass schedule()

    do
    ::  if
        :: current[me] != IDLE && due[me] -> // trap/exit_gate.c
            if
            :: how = BY_YIELD // its slice is not over
            :: how = BY_SLICE
            fi
        :: current[me] != IDLE && !due[me] -> // in user mode
            if
            :: atomic { steps < STEPS -> steps++; how = BY_YIELD }
            :: atomic { steps < STEPS -> steps++; how = BY_SLICE }
            :: act()
            :: state[current[me]] = BLOCKED; how = BY_BLOCK
            :: true ->
endcomputes:
                atomic { interrupt[me] -> interrupt[me] = false }
            fi
        // tick.c, scheduler_idle_loop(): looks with interrupts off, then halts until one comes.
        :: current[me] == IDLE ->
#ifdef IDLE_LOOKS_FIRST
            steal();
            marked[me] = true;
#else
            marked[me] = true; // idle_begin()
            steal();
#endif
            interrupt[me] = false;
            if
            :: HAS_WAITING(me) -> how = BY_BLOCK
            :: else ->
                if
                :: due[me] -> how = BY_BLOCK
                :: else ->
endhalted:
                    atomic { interrupt[me] -> interrupt[me] = false }
                fi
            fi
        fi;
        if
        :: how != 0 -> schedule(how)
        :: else
        fi;
        d_step { how = 0; old = 0; next = 0; to = 0; from = 0; gone = 0; found = 0 } // fewer states
    od
}

// migrate.c, for who is on neither CPU, so that his own passing schedule() need not be shown.
inline departure_wait()
{
    if
    :: leaves != NOWHERE ->
        !due[leaves];
#ifdef DEPARTURE_UNLOCKED
        atomic {
#else
        atomic { !lock[leaves] ->
#endif
            assert(current[leaves] == IDLE || ALLOWED(current[leaves], leaves) || due[leaves]);
            leaves = NOWHERE
        }
    :: else
    fi
}

proctype Others()
{
    byte to, from, found, who, wanted, me = NOWHERE;

end:
    do
    :: act(); departure_wait()
    od
}

#define IS_IDLE(cpu) (current[cpu] == IDLE)
#define IS_WELL(thread)                                                                            \
    (state[thread] == BLOCKED ||                                                                   \
     (state[thread] == RUNNING && current[cpu_of[thread]] == thread &&                             \
      ALLOWED(thread, cpu_of[thread])) ||                                                          \
     (state[thread] == RUNNABLE && ALLOWED(thread, cpu_of[thread]) && !IS_IDLE(cpu_of[thread]) &&  \
      !(IS_IDLE(1 - cpu_of[thread]) && ALLOWED(thread, 1 - cpu_of[thread]))))
#define IS_QUIET(cpu) (!lock[cpu] && !due[cpu] && left[cpu] == IDLE && marked[cpu] == IS_IDLE(cpu))

init
{
    atomic {
        state[1] = RUNNABLE;
        state[2] = NEW;
        saved[1] = true;
        saved[2] = true;
        mask[1] = 3;
        mask[2] = 3;
        due[0] = true;
        run Cpu(0);
        run Cpu(1);
        run Others()
    }
    // Nobody can do anything any more, but for threads that compute and CPUs that wait.
    timeout ->
    assert(IS_WELL(1) && IS_WELL(2));
    assert(IS_QUIET(0) && IS_QUIET(1))
}
