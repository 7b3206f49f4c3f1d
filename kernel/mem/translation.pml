// TLB shootdown: translation.c, with ipi.c's calls and the order that vm/pages.c keeps (entry,
// flush, frame). One page of one address space: who flushes takes its frame away twice, then ends
// the space and frees its tables. Other CPUs run the program, go lazy, come back, run another one,
// and fill their TLBs whenever the tables are in CR3. Checked: no program reaches a freed frame, no
// CPU walks freed tables, nobody waits for ever.
//
// Mutants (make model sees each fail): -DFREED_EARLY frees the frame while CPUs are still called;
// -DGENERATION_FIRST reads the generation before the CPU says that it uses the tables;
// -DBIT_REMOVED_FOR_GOOD does not look again after it took a CPU's bit.

#define CPUS 2
#define FRAMES 2
#define LOADS 2 // how often each CPU comes to the program

byte entry = 1;           // the page's entry: number of its frame; 0: not present
bool freed[FRAMES + 1];   // frame_release()
bool tables_freed;        // page_table_destroy()
byte generation;          // translation.generation
bool in_mask[CPUS];           // translation.cpus
bool is_active[CPUS];        // cpu->translation_active == T; false: lazy, or another's
bool is_loaded[CPUS];        // cpu->translation_loaded == T
bool in_cr3[CPUS];        // what CR3 holds is T's root
byte seen[CPUS];          // cpu->translation_generation, of what is loaded
byte cached[CPUS];        // the TLB's frame for the page; 0: none
byte request[CPUS];       // 0: none; generation + 1: flush; LEAVE: leave_root
byte unanswered;
byte users = CPUS;        // threads that may still load the translation

#define LEAVE 255

// The CPU may walk the tables at any moment at which CR3 has them, also without need.
inline walk()
{
    atomic {
        in_cr3[me] && cached[me] == 0 && entry != 0 ->
        assert(!tables_freed);
        cached[me] = entry
    }
}

// The program reads its page: one instruction.
inline access()
{
    atomic {
        if
        :: cached[me] == 0 -> cached[me] = entry
        :: else
        fi;
        assert(in_cr3[me] && !freed[cached[me]])
    }
}

// translation_load(), interrupts off.
inline translation_load()
{
#ifdef GENERATION_FIRST
    now = generation;
#endif
    is_active[me] = true; // exchange
    if
    :: !in_mask[me] -> in_mask[me] = true
    :: else
    fi;
#ifndef GENERATION_FIRST
    now = generation;
#endif
    if
    :: is_loaded[me] && seen[me] == now // back from a kernel thread
    :: else -> // write_root()
        seen[me] = now;
        atomic { in_cr3[me] = true; cached[me] = 0 };
        is_loaded[me] = true
    fi;
    now = 0
}

// The switch to another program, whose translation has its own mask.
inline load_another()
{
    is_active[me] = false;
    seen[me] = 0;
    atomic { in_cr3[me] = false; cached[me] = 0 };
    is_loaded[me] = false
}

// ipi_serve() with serve_flush() and flush_active(), or leave_root(); interrupts were on.
inline serve()
{
    if
    :: request[me] == LEAVE ->
        if
        :: is_loaded[me] ->
            assert(!is_active[me]);
            atomic { in_cr3[me] = false; cached[me] = 0 };
            is_loaded[me] = false
        :: else
        fi
    :: request[me] != LEAVE && is_active[me] && seen[me] + 1 < request[me] ->
        if
        :: seen[me] + 2 == request[me] -> cached[me] = 0; seen[me]++ // invalidate_page()
        :: seen[me] = generation; cached[me] = 0                     // many pages: CR3
        fi
    :: else
    fi;
    request[me] = 0;
    unanswered--
}

proctype Cpu(byte me)
{
    byte now, turns;

    do
    :: turns < LOADS ->
        turns++;
        translation_load();
        do
        :: access()
        :: walk()
        :: request[me] != 0 -> serve()
        :: break // into the kernel, interrupts off
        od;
        is_active[me] = false; // translation_switch(cpu, NULL): lazy
        do
        :: walk()
        :: request[me] != 0 -> serve()
        :: break
        od;
        if
        :: load_another()
        :: skip
        fi
    :: else -> break
    od;
    users--;
endlazy:
    do
    :: walk()
    :: request[me] != 0 -> serve()
    od
}

// cpu_uses(): is CPU i to be called? Who has not even loaded it loses its bit.
inline cpu_uses()
{
    if
    :: is_active[i] -> uses = true
    :: !is_active[i] ->
        if
        :: is_loaded[i] -> uses = false
        :: !is_loaded[i] ->
            in_mask[i] = false;
#ifdef BIT_REMOVED_FOR_GOOD
            uses = false
#else
            uses = is_active[i];
            if
            :: uses || is_loaded[i] -> in_mask[i] = true
            :: else
            fi
#endif
        fi
    fi
}

// ipi_call(): what is posted is on its way; who calls waits for all answers.
inline call_cpu(what)
{
    atomic { unanswered++; request[i] = what }
}

// translation_flush(), of the entry that was changed before.
inline translation_flush()
{
    generation++;
    now = generation;
    i = 0;
    do
    :: i < CPUS ->
        uses = false;
        if
        :: in_mask[i] -> cpu_uses()
        :: else
        fi;
        if
        :: uses -> call_cpu(now + 1)
        :: else
        fi;
        i++
    :: else -> break
    od;
#ifdef FREED_EARLY
    freed[frame] = true;
#endif
    unanswered == 0
}

// translation_abandon(): nobody loads it any more; who still has it in CR3 leaves it.
inline translation_abandon()
{
    i = 0;
    do
    :: i < CPUS ->
        if
        :: in_mask[i] && is_loaded[i] -> call_cpu(LEAVE)
        :: else
        fi;
        i++
    :: else -> break
    od;
    unanswered == 0
}

// On a CPU of its own, which never had the tables: the caller's own flush is plain.
proctype Flusher()
{
    byte i, now, frame;
    bool uses;

    frame = 1;
    do
    :: frame <= FRAMES ->
        // pages.c and fault.c: another frame comes instead, or none.
        entry = (frame < FRAMES -> frame + 1 : 0);
        translation_flush();
        freed[frame] = true;
        frame++
    :: else -> break
    od;
    users == 0;
    translation_abandon();
    tables_freed = true
}

init
{
    atomic {
        run Cpu(0);
        run Cpu(1);
        run Flusher()
    }
}
