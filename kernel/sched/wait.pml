// The sleep and wake-up protocol: wait.c, and the part of scheduler.c, wake.c and timer.c that it
// rests on. Two waiters (0 with a deadline and signals), a producer, a signal, a timer. Checked: no
// state in which somebody sleeps for ever (spin's invalid end states), nobody touches a waiter
// whose function has returned. Each thread's run-queue lock is its own here: finer than shared ones.
//
// Mutants (make model sees each fail): -DWAKE_LOST looks at the condition before wait_prepare();
// -DWAKE_ONE_INTERRUPTIBLE wakes one waiter where a signal may send that one away.

#define WAITERS 2
#define ITEMS 2
#define NOBODY 255

mtype = { RUNNING, BLOCKED };

mtype state[WAITERS] = RUNNING; // thread->state; RUNNABLE counts as RUNNING once it is picked
bool on_cpu[WAITERS] = true;    // cpu->current == thread
bool queued[WAITERS];           // waiter->thread != NULL
bool interruptible[WAITERS];    // thread->wait_interruptible
bool work[WAITERS];             // thread->work != 0
bool gone[WAITERS];             // the function whose stack has the waiter and the timer returned
bool queue_lock;                // wait_queue.lock
bool run_lock[WAITERS];         // run_queue.lock
byte items;                     // the condition: items > 0
bool armed, fired, callback_runs; // block_timer of waiter 0
byte finished;

inline acquire(lock) { atomic { !lock -> lock = true } }
inline release(lock) { lock = false }

// wake.c, wake_and_release(): the lock is held.
inline wake_and_release(thread, woken)
{
    if
    :: state[thread] != BLOCKED -> woken = false
    :: state[thread] == BLOCKED && on_cpu[thread] ->
        // Between wait_prepare() and the switch: compare-and-exchange, for it may find out itself.
        atomic {
            if
            :: state[thread] == BLOCKED -> state[thread] = RUNNING; woken = true
            :: else -> woken = false
            fi
        }
    :: state[thread] == BLOCKED && !on_cpu[thread] ->
        // run_queue_add(), and its CPU picks it.
        atomic { state[thread] = RUNNING; on_cpu[thread] = true; woken = true }
    fi;
    release(run_lock[thread])
}

inline thread_wake(thread, woken)
{
    acquire(run_lock[thread]);
    wake_and_release(thread, woken)
}

// wait.c, wait_wake(): whom it reached leaves the queue, with the last access.
inline wait_wake(count)
{
    acquire(queue_lock);
    i = 0;
    left = count;
    do
    :: i < WAITERS && left > 0 ->
        if
        :: queued[i] ->
            assert(!gone[i]);
            thread_wake(i, woken);
            if
            :: woken -> assert(!gone[i]); queued[i] = false; left--
            :: else
            fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0;
    left = 0;
    woken = false;
    release(queue_lock)
}

// wait.c, wait_prepare().
inline wait_prepare(me)
{
    acquire(queue_lock);
    queued[me] = true;
    interruptible[me] = (me == 0);
    state[me] = BLOCKED;
    release(queue_lock)
}

// scheduler.c, schedule(SWITCH_BLOCKED): stays when it was woken meanwhile; else it goes, and the
// lock is passed on. It runs again when somebody made it.
inline schedule(me)
{
    acquire(run_lock[me]);
    if
    :: state[me] == RUNNING -> release(run_lock[me])
    :: else ->
        on_cpu[me] = false;
        release(run_lock[me]);
        on_cpu[me]
    fi
}

// wait.c, block() and block_until(); result: 0 woken, 1 interrupted, 2 timed out.
inline wait_block(me, result)
{
    if
    :: me == 0 -> fired = false; armed = true // timer_arm()
    :: else
    fi;
    if
    :: interruptible[me] && work[me] -> state[me] = RUNNING
    :: else -> schedule(me)
    fi;
    if
    :: me == 0 -> armed = false; !callback_runs // timer_cancel()
    :: else
    fi;
    if
    :: interruptible[me] && work[me] -> result = 1
    :: else ->
        if
        :: me == 0 && fired -> result = 2
        :: else -> result = 0
        fi
    fi
}

// wait.c, wait_finish().
inline wait_finish(me)
{
    if
    :: queued[me] -> acquire(queue_lock); queued[me] = false; release(queue_lock)
    :: else
    fi;
    interruptible[me] = false;
    state[me] = RUNNING
}

// The condition, under a lock of its own.
inline take_item()
{
    atomic {
        if
        :: items > 0 -> items--; taken = true
        :: else
        fi
    }
}

proctype Waiter(byte me)
{
    byte result = 0;
    bool taken = false;

    do
    ::
#ifdef WAKE_LOST
        take_item();
        if
        :: taken -> break
        :: else
        fi;
        wait_prepare(me);
#else
        wait_prepare(me);
        take_item();
#endif
        if
        :: taken -> break
        :: else
        fi;
        wait_block(me, result);
        if
        :: result != 0 -> break
        :: else
        fi
    od;
    wait_finish(me);
    gone[me] = true;
    assert(!queued[me] && state[me] == RUNNING);
    finished++
}

// Whoever makes the condition true, then wakes; may look first whether anybody waits
// (wait_queue_has_waiters).
proctype Producer()
{
    byte made = 0, i, left;
    bool woken;

    do
    :: made < ITEMS ->
        items++;
        made++;
        if
        :: !queued[0] && !queued[1]
        ::
#ifdef WAKE_ONE_INTERRUPTIBLE
            wait_wake(1)
#else
            wait_wake(NOBODY)
#endif
        fi
    :: else -> break
    od
}

// wake.c, add_work_and_wake().
proctype Signal()
{
    bool woken;

    acquire(run_lock[0]);
    work[0] = true;
    if
    :: interruptible[0] -> wake_and_release(0, woken)
    :: else -> release(run_lock[0])
    fi
}

// timer.c, timer_expire_due(), and wait.c, wake_blocked(). It may expire as often as it is armed,
// or too late to matter.
proctype Timer()
{
    bool woken;

end:
    do
    :: atomic { armed -> armed = false; callback_runs = true };
        assert(!gone[0]);
        thread_wake(0, woken);
        assert(!gone[0]);
        fired = woken;
        callback_runs = false
    :: finished == WAITERS -> break
    od
}

init
{
    atomic {
        run Waiter(0);
        run Waiter(1);
        run Producer();
        run Signal();
        run Timer()
    }
}
