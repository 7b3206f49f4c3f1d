// The running thread's list of what waits for the end of a lock. Called by file.c, file_table.c and
// by whoever releases the namespace mutex. Invariant: only the thread itself touches its list, and
// it leaves the system call with an empty one.
#include "fs/late_release.h"

void late_release_add(struct late_release *what, void (*finish)(struct late_release *what))
{
    struct thread *thread = current_thread();

    what->finish = finish;
    what->next = thread->late_releases;
    thread->late_releases = what;
}

// What is given up may walk paths itself, and comes here then.
void late_releases_finish_all(void)
{
    struct thread *thread = current_thread();

    while (thread->late_releases) {
        struct late_release *what = thread->late_releases;
        thread->late_releases = what->next;
        what->finish(what);
    }
}
