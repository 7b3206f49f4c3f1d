// What a thread let go of for the last time while it held the namespace mutex. To give up a file
// may sleep for long (a pipe's or a device's release), and everybody who opens a path would wait:
// so it is kept in a list of the thread's own and given up by the same thread, when the mutex is
// released.
#pragma once

#include "cpu/percpu.h"
#include "sched/thread.h"

struct late_release {
    struct late_release *next;
    void (*finish)(struct late_release *what); // held: as below; may sleep
};

// The last reference is gone: nobody else has `what`. Namespace mutex held, or about to be.
void late_release_add(struct late_release *what, void (*finish)(struct late_release *what));
void late_releases_finish_all(void);
// After each release of the namespace mutex, with no spinlock held, and no mutex but those of ranks
// below it (a directory is read with its file's position mutex held). May sleep.
static inline void late_releases_finish(void)
{
    if (unlikely(current_thread()->late_releases))
        late_releases_finish_all();
}
