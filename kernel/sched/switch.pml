// The switch and the change of CPUs: scheduler.c, wake.c, migrate.c, the idle loop of tick.c. Two
// CPUs, each with a queue and its lock, which crosses the switch; threads that sleep, yield, wake
// each other, are moved. Checked: no thread runs on two CPUs or from a context that is not
// complete; when nothing happens any more, nobody who could run is left, and no thread is MOVING.
//
// Mutants (make model sees each fail): -DLOCK_PASSED_EARLY releases the queue's lock before the
// switch is over; -DKICK_WITHOUT_INTERRUPT leaves a halted CPU asleep.

#define CPUS 2
#define THREADS 2 // 1 and 2; 0 is the idle thread of each CPU
#define IDLE 0
#define STEPS 5 // voluntary acts of all threads together

mtype = { RUNNING, BLOCKED, RUNNABLE, MOVING };
mtype = { BY_BLOCK, BY_YIELD };

mtype state[THREADS + 1];      // thread->state; RUNNABLE: in the queue of its CPU
byte cpu_of[THREADS + 1];      // thread->cpu
bool saved[THREADS + 1];       // its context is complete: in memory, and on no CPU
byte executing[THREADS + 1];   // how many CPUs run it
byte current[CPUS];            // cpu->current
byte left[CPUS];               // run_queue.left; IDLE: none
bool lock[CPUS];               // run_queue.lock
bool due[CPUS];                // cpu->reschedule_due
bool interrupt[CPUS];          // the IPI, latched until it is taken
byte steps;

inline acquire(queue) { atomic { !lock[queue] -> lock[queue] = true } }
inline release(queue) { lock[queue] = false }

// scheduler.c, run_queue_add() and run_queue_kick(). Lock held.
inline run_queue_add(queue, thread)
{
    state[thread] = RUNNABLE;
    if
    :: current[queue] == IDLE && !due[queue] ->
        due[queue] = true;
#ifndef KICK_WITHOUT_INTERRUPT
        interrupt[queue] = (queue != me)
#endif
    :: else
    fi
}

// migrate.c, thread_move_begin(): MOVING, and whose it is. Then only the mover touches it.
inline thread_move_begin(thread, to)
{
    assert(state[thread] != MOVING);
    state[thread] = MOVING;
    cpu_of[thread] = to
}

// migrate.c, thread_move_end(). No lock held.
inline thread_move_end(thread)
{
    to = cpu_of[thread];
    acquire(to);
    assert(state[thread] == MOVING && saved[thread]);
    run_queue_add(to, thread);
    release(to)
}

// wake.c: thread_queue_acquire() and wake_and_release().
inline thread_wake(thread)
{
    do
    ::  from = cpu_of[thread];
        acquire(from);
        if
        :: cpu_of[thread] == from -> break
        :: else -> release(from)
        fi
    od;
    if
    :: state[thread] != BLOCKED -> release(from)
    :: state[thread] == BLOCKED && current[from] == thread ->
        state[thread] = RUNNING; // it has not left
        release(from)
    :: state[thread] == BLOCKED && current[from] != thread ->
        if
        :: run_queue_add(from, thread); release(from)
        :: thread_move_begin(thread, 1 - from); release(from); thread_move_end(thread)
        fi
    fi
}

// scheduler.c, retire_current(): who yields stays in the queue or leaves for the other one.
inline retire_current(how)
{
    if
    :: old == IDLE || how == BY_BLOCK
    :: old != IDLE && how == BY_YIELD -> state[old] = RUNNABLE
    :: old != IDLE && how == BY_YIELD -> thread_move_begin(old, 1 - me); left[me] = old
    fi
}

// policy_pick_next(): any.
inline take_next()
{
    atomic {
        if
        :: state[1] == RUNNABLE && cpu_of[1] == me -> next = 1
        :: state[2] == RUNNABLE && cpu_of[2] == me -> next = 2
        :: else -> next = IDLE
        fi;
        if
        :: next != IDLE -> state[next] = RUNNING
        :: else
        fi
    }
}

// switch.S: what the CPU held is in memory; what the next one had is in the CPU.
inline switch_context()
{
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

// scheduler.c, schedule(), switch_from() and, on the next thread's stack, finish_switch().
inline schedule(how)
{
    acquire(me);
    old = current[me];
    if
    :: how == BY_BLOCK && old != IDLE && state[old] == RUNNING -> release(me) // woken meanwhile
    :: else ->
        due[me] = false;
        retire_current(how);
        take_next();
        current[me] = next;
#ifdef LOCK_PASSED_EARLY
        release(me);
#endif
        if
        :: old != next -> switch_context()
        :: else
        fi;
        gone = left[me];
        left[me] = IDLE;
#ifndef LOCK_PASSED_EARLY
        release(me);
#endif
        if
        :: gone != IDLE -> thread_move_end(gone) // see_off()
        :: else
        fi;
        gone = IDLE
    fi
}

// migrate.c, run_queue_steal() and take_over(), on a CPU that idles.
inline steal()
{
    acquire(1 - me);
    atomic {
        stolen = IDLE;
        if
        :: current[1 - me] != IDLE && state[1] == RUNNABLE && cpu_of[1] == 1 - me -> stolen = 1
        :: current[1 - me] != IDLE && state[2] == RUNNABLE && cpu_of[2] == 1 - me -> stolen = 2
        :: else
        fi
    }
    if
    :: stolen != IDLE -> thread_move_begin(stolen, me); release(1 - me); thread_move_end(stolen)
    :: else -> release(1 - me)
    fi
}

#define HAS_WAITING                                                                                \
    ((state[1] == RUNNABLE && cpu_of[1] == me) || (state[2] == RUNNABLE && cpu_of[2] == me))

// Fewer states: what the last act left in variables is nothing.
inline forget() { d_step { old = 0; next = 0; to = 0; from = 0; gone = 0; stolen = 0 } }

// What a CPU does is what its current thread does: in the end each sleeps for good.
proctype Cpu(byte me)
{
    byte old, next, to, from, gone, stolen;

end:
    do
    :: current[me] != IDLE && steps < STEPS -> steps++; schedule(BY_YIELD); forget()
    :: current[me] != IDLE && steps < STEPS -> steps++;
        if
        :: thread_wake(1)
        :: thread_wake(2)
        fi;
        forget()
    :: current[me] != IDLE -> state[current[me]] = BLOCKED; schedule(BY_BLOCK); forget()
    // tick.c, scheduler_idle_loop(): looks with interrupts off, then halts until one comes.
    :: current[me] == IDLE ->
        if
        :: steal()
        :: skip
        fi;
        forget();
        if
        :: HAS_WAITING || due[me] -> schedule(BY_BLOCK); forget()
        :: else ->
endhalted:
            atomic { interrupt[me] -> interrupt[me] = false }
        fi
    od
}

init
{
    byte i;
    atomic {
        i = 1;
        do
        :: i <= THREADS -> state[i] = RUNNABLE; saved[i] = true; cpu_of[i] = i % CPUS; i++
        :: else -> break
        od;
        due[0] = true;
        due[1] = true;
        run Cpu(0);
        run Cpu(1)
    }
    // Nobody can do anything any more: then nobody is left who should.
    timeout ->
    assert(state[1] == BLOCKED && state[2] == BLOCKED);
    assert(saved[1] && saved[2] && left[0] == IDLE && left[1] == IDLE)
}
