// What the process layer keeps of a thread besides its signals; nothing in sched/ looks at it.
// Where no lock is named, the thread itself reads and writes, or its creator before it starts.
#pragma once

#include "lib/list.h"
#include "lib/types.h"

struct thread_identity {
    uint32_t tid; // what programs call it; of a process's first thread the pid. The process lock
    struct list_node number_link; // in its bucket of thread numbers; a first thread is in none
    uint64_t start_ns;
    user_addr set_child_tid;   // the new thread writes its tid there
    user_addr clear_child_tid; // zeroed, and a waiter woken, when it leaves the address space
    user_addr robust_list;     // the head of the mutexes that it tells of when it dies
};
