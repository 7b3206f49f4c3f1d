// Going idle with stores that arrive late, which switch.pml leaves out: tick.c, migrate.c. A CPU
// that is marked as idle is told to look, finds nothing, and goes idle again. What schedule() stores
// in reschedule_due then, false, comes after its locked instruction: others may see it later, at the
// latest with this CPU's next full barrier. Others let threads wait and claim the mark. Checked: in
// the end nobody waits while the CPU sleeps.
//
// Mutants (make model sees each fail): -DSTORE_ON_ITS_WAY has no barrier where the mark is set
// already; -DMARK_FIRST has one only after it has seen that; -DINTERRUPT_FIRST interrupts the CPU,
// then sets its flag.

#define OTHERS 2
#define THREADS 2 // that each of them lets wait

byte waiting;   // threads in queues that the CPU may take from
bool marked;    // its bit in idle_cpus
bool due;       // its reschedule_due, as others see it
bool clears;    // a `false` for that is on its way
bool interrupt; // latched until it is taken

// A locked instruction or a fence on the idle CPU; or the store arrives by itself.
inline barrier()
{
    d_step {
        if
        :: clears -> clears = false; due = false
        :: else
        fi
    }
}

// migrate.c.
inline idle_begin()
{
#if !defined(STORE_ON_ITS_WAY) && !defined(MARK_FIRST)
    barrier();
#endif
    if
    :: !marked -> atomic { barrier(); marked = true }
    :: marked ->
#ifdef MARK_FIRST
        barrier()
#else
        skip
#endif
    fi
}

// migrate.c, run_queue_steal(): whom it takes it enqueues here, and sets its own flag.
inline steal()
{
    if
    :: waiting > 0 -> atomic { barrier(); waiting--; due = true; taken = true }
    :: else
    fi
}

// What interrupts idle takes a lock, and is no reason to go round.
inline take_interrupt()
{
    atomic { interrupt -> interrupt = false; barrier() }
}

// scheduler.c: the lock is acquired, then the flag cleared. Whom it took runs, and leaves.
inline schedule()
{
    atomic { barrier(); clears = true }
    if
    :: taken ->
        atomic { barrier(); marked = false } // idle_end()
        taken = false;
        atomic { barrier(); clears = true }
    :: else
    fi
}

proctype Idle()
{
    bool taken;

    do
    ::  idle_begin();
        steal();
        // Interrupts go off: what came before that was taken.
        if
        :: take_interrupt()
        :: !interrupt
        fi;
        if
        :: due && !clears -> schedule() // its own store it sees at once
        :: else ->
endhalted:
            take_interrupt()
        fi
    od
}

proctype Memory()
{
end:
    do
    :: clears -> barrier()
    od
}

// scheduler.c, run_queue_add(), and migrate.c, run_queue_offer_among() and tell_idle().
proctype Other()
{
    byte made;
    bool found;

    do
    :: made < THREADS ->
        atomic { waiting++; made++ } // and a barrier
        atomic { found = marked; marked = false } // claim_idle()
        if
        :: found ->
#ifdef INTERRUPT_FIRST
            interrupt = true;
            due = true
#else
            due = true;
            interrupt = true
#endif
        :: else
        fi
    :: else -> break
    od
}

init
{
    byte i;

    atomic {
        due = true; // it has come out of schedule()
        clears = true;
        run Idle();
        run Memory();
        for (i : 1 .. OTHERS) {
            run Other()
        }
    }
    timeout -> assert(waiting == 0)
}
