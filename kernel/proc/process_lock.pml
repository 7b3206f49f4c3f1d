// The locks of processes: process_lock.c. Two CPUs that deal with one process each time (of two; by
// process_lock(), or by process_tree_hold() and the lock of a parent) and two that want all. Checked:
// who has a process's lock is alone with that process, who has all is alone; nobody waits in a
// circle or for ever (spin's invalid end states); in one's turn one always gets in.
//
// Mutants (make model sees each fail): -DLOOKED_FIRST looks whether somebody holds all before the
// own flag is set; -DCPU_LEFT_OUT does not wait for one CPU; -DLOCK_KEPT waits for the turn with the
// process's lock held; -DFLAG_KEPT waits for it with the flag set.

#define ONE 2        // CPUs that deal with one process at a time: 0 and 1
#define ALL 2        // and those that want all: 2 and 3
#define PROCESSES 2
#define ROUNDS 2     // of each of the first kind

bool process_lock[PROCESSES]; // process->lock
bool all_lock, all_held;
bool flag[ONE]; // cpu->deals_with_process
byte inside[PROCESSES], holders; // who deals with a process; with any
byte all_inside;

inline acquire(lock) { atomic { !lock -> lock = true } }
inline release(lock) { lock = false }

// enter()
inline enter(entered)
{
    assert(!flag[me]);
#ifdef LOOKED_FIRST
    entered = !all_held;
    flag[me] = true
#else
    flag[me] = true;
    entered = !all_held
#endif
}

// enter_in_turn(): `has`: with a process's lock, that waits for its turn too.
inline enter_in_turn(has)
{
#ifndef FLAG_KEPT
    flag[me] = false;
#endif
#ifndef LOCK_KEPT
    if
    :: has -> release(process_lock[which])
    :: else
    fi;
#endif
    acquire(all_lock);
#ifndef LOCK_KEPT
    if
    :: has -> acquire(process_lock[which])
    :: else
    fi;
#endif
#ifdef FLAG_KEPT
    flag[me] = false;
#endif
    enter(entered);
    assert(entered);
    release(all_lock)
}

// What the lock is for: nobody else is there.
inline deal()
{
    inside[which]++;
    holders++;
    assert(inside[which] == 1 && all_inside == 0);
    inside[which]--;
    holders--
}

proctype One(byte me)
{
    byte which, round;
    bool entered;

    do
    :: round < ROUNDS ->
        round++;
        if
        :: which = 0
        :: which = 1
        fi;
        if
        :: true -> // process_lock(), process_unlock()
            acquire(process_lock[which]);
            enter(entered);
            if
            :: entered
            :: else -> enter_in_turn(true)
            fi;
            deal();
            flag[me] = false; // leave()
            release(process_lock[which])
        :: true -> // process_lock_parent(), process_unlock_parent()
            enter(entered);
            if
            :: entered
            :: else -> enter_in_turn(false)
            fi;
            assert(all_inside == 0);
            acquire(process_lock[which]);
            deal();
            release(process_lock[which]);
            flag[me] = false
        fi;
        which = 0;
        entered = false
    :: else -> break
    od
}

// process_lock_all(), process_unlock_all()
proctype All()
{
    byte cpu;

    acquire(all_lock);
    all_held = true;
#ifdef CPU_LEFT_OUT
    cpu = 1;
#endif
    do
    :: cpu < ONE -> !flag[cpu]; cpu++
    :: else -> break
    od;
    all_inside++;
    assert(all_inside == 1 && holders == 0);
    all_inside--;
    all_held = false;
    release(all_lock)
}

init
{
    atomic { run One(0); run One(1); run All(); run All() }
}
