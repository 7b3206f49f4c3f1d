// A wait in many queues (wait.c: wait_many_begin() and what follows, wake.c): the thread enters and
// looks while it is RUNNING, and may be preempted there. One thread, two queues, and for each who
// makes its condition true and wakes; another wakes for nothing. Checked: the thread does not sleep
// for ever (spin's invalid end states), and is woken through no waiter after it has returned.
//
// Mutants (make model sees each fail): -DNOT_NOTED forgets who was found awake; -DSTATE_READ_ONCE
// does not look again whether it sleeps by then; -DBEGINS_LATE forgets wake-ups after it has
// entered; -DENTERED_UNLOCKED trusts, with no lock, that its waiter is in the queue still.

#define QUEUES 2

mtype = { RUNNING, BLOCKED };

mtype state = RUNNING;   // thread->state; RUNNABLE counts as RUNNING
bool on_cpu = true;      // cpu->current == thread
bool run_lock;           // run_queue.lock
bool woken_awake;        // thread->woken_awake
bool queued[QUEUES];     // waiter->thread != NULL
bool queue_lock[QUEUES]; // wait_queue.lock
bool condition[QUEUES];
bool gone; // the function whose memory has the waiters has returned

inline acquire(lock) { atomic { !lock -> lock = true } }
inline release(lock) { lock = false }

// wake.c, thread_wake().
inline thread_wake(woken)
{
    acquire(run_lock);
    woken = (state == BLOCKED);
    if
    :: !woken ->
#ifndef NOT_NOTED
        woken_awake = true; // and a barrier
#endif
#ifndef STATE_READ_ONCE
        woken = (state == BLOCKED)
#endif
    :: else
    fi;
    if
    :: woken && on_cpu ->
        atomic {
            if
            :: state == BLOCKED -> state = RUNNING
            :: else -> woken = false
            fi
        }
    :: woken && !on_cpu -> atomic { state = RUNNING; on_cpu = true }
    :: !woken
    fi;
    release(run_lock)
}

// wait.c, wait_wake_all().
inline wait_wake(queue)
{
    acquire(queue_lock[queue]);
    if
    :: queued[queue] ->
        assert(!gone);
        thread_wake(woken);
        if
        :: woken -> assert(!gone); queued[queue] = false
        :: else
        fi
    :: else
    fi;
    release(queue_lock[queue])
}

inline wait_enter(queue)
{
#ifdef ENTERED_UNLOCKED
    if
    :: queued[queue]
    :: else -> acquire(queue_lock[queue]); queued[queue] = true; release(queue_lock[queue])
    fi
#else
    acquire(queue_lock[queue]);
    queued[queue] = true;
    release(queue_lock[queue])
#endif
}

inline wait_finish(queue)
{
    if
    :: queued[queue] ->
        acquire(queue_lock[queue]);
        queued[queue] = false;
        release(queue_lock[queue])
    :: else
    fi
}

// wait_many_block(), and schedule(SWITCH_BLOCKED) in it.
inline wait_many_block()
{
    state = BLOCKED; // and a barrier
    if
    :: woken_awake
    :: else ->
        acquire(run_lock);
        if
        :: state == RUNNING -> release(run_lock)
        :: else ->
            on_cpu = false;
            release(run_lock);
            on_cpu
        fi
    fi;
    state = RUNNING
}

proctype Waiter()
{
    do
    ::
#ifndef BEGINS_LATE
        woken_awake = false; // and a barrier
#endif
        wait_enter(0);
        wait_enter(1);
        if
        :: condition[0] -> break
        :: else
        fi;
        if
        :: condition[1] -> break
        :: else
        fi;
#ifdef BEGINS_LATE
        woken_awake = false;
#endif
        wait_many_block()
    od;
    wait_finish(0);
    wait_finish(1);
    gone = true
}

proctype Waker(byte queue; bool is_true)
{
    bool woken;

    condition[queue] = condition[queue] || is_true;
    wait_wake(queue)
}

init
{
    atomic {
        run Waiter();
        run Waker(0, false);
        if
        :: run Waker(0, true)
        :: run Waker(1, true)
        :: run Waker(0, true); run Waker(1, true)
        fi
    }
}
