// Where threads may run, by number. Called by the system calls.
#include "abi/errno.h"
#include "proc/inspect.h"
#include "proc/internal.h"
#include "sched/scheduler.h"

// The running thread keeps itself.
int thread_affinity_get(uint32_t tid, struct cpu_mask *mask)
{
    if (tid == 0) {
        thread_affinity(current_thread(), mask);
        return 0;
    }
    struct process *process = process_find_and_lock(tid);
    if (!process)
        return -ESRCH;
    const struct thread *thread = thread_find_locked(process, tid);
    if (thread)
        thread_affinity(thread, mask);
    process_unlock_and_release(process);
    return thread ? 0 : -ESRCH;
}

static int set_of_other(uint32_t tid, const struct cpu_mask *mask, struct departure *departure)
{
    struct process *process = process_find_and_lock(tid);
    if (!process)
        return -ESRCH;
    struct thread *thread = thread_find_locked(process, tid);
    int result = thread ? thread_set_affinity(thread, mask, departure) : -ESRCH;
    process_unlock_and_release(process);
    return result;
}

int thread_affinity_set(uint32_t tid, const struct cpu_mask *mask)
{
    struct departure departure = { 0 };
    if (tid == 0)
        return thread_set_affinity(current_thread(), mask, &departure);
    int result = set_of_other(tid, mask, &departure);
    departure_wait(&departure);
    return result;
}
