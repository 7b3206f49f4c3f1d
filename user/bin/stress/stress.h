// Jobs that stress the kernel from many sides at once, each of which knows what must come out. A
// job runs in a process of its own, with as many children and threads as it likes, until its time
// is up.
#pragma once

#include "program.h"

#include <errno.h>
#include <stdatomic.h>

#define MILLISECONDS 1000000ull

// One running job; shared by all its processes and with the supervisor.
struct slot {
    atomic_ullong progress; // grows while anything is got done; the supervisor looks at it
    atomic_ullong amount;   // of the job's own unit, for the report
    atomic_bool is_killed;  // the supervisor may kill it at any moment: nobody will look at its end
    pid_t pid;
    unsigned job;
    uint64_t seed;       // of the random numbers
    atomic_ullong state; // of them; all processes of a job draw from one row
    uint64_t end_ns, progress_seen, seen_ns;
    char folder[32]; // of its own, empty; removed by the supervisor
};

struct job {
    const char *name;
    int (*run)(struct slot *slot); // 0, or after a complaint 1
    bool is_killable;              // nothing of it stays when its process group is killed
};
extern const struct job jobs[];
extern const size_t job_count;

uint64_t random_next(struct slot *slot);
uint32_t random_below(struct slot *slot, uint32_t limit);
// Fills with bytes that follow from the seed; and looks whether they are those.
void pattern_fill(void *buffer, size_t size, uint64_t seed);
bool pattern_is(const void *buffer, size_t size, uint64_t seed);
// Something was done. To be called at least every few seconds.
void advance(struct slot *slot);
bool goes_on(const struct slot *slot);
// Can this kernel make threads (pthread_create)?
bool threads_work(void);
// A page or more, shared with children.
void *shared_memory(size_t size);
// Forks: `body` in the child, which exits with its value. -1 and errno when there is no room.
pid_t job_fork(struct slot *slot, int (*body)(struct slot *, void *), void *argument);
// Waits for the child; true when it exited with `code`. A child that was to be killed: `code` is
// the signal, negative.
bool job_wait(pid_t pid, int code);
void job_complain(const struct slot *slot, const char *function, int line, const char *what);
// Writes all / reads exactly; false at an error or the end.
bool write_all(int fd, const void *bytes, size_t size);
bool read_all(int fd, void *bytes, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            job_complain(slot, __func__, __LINE__, #condition);                                    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

int run_forks(struct slot *slot);
int run_tree(struct slot *slot);
int run_leaf(char **argv); // what run_forks executes
int run_vforks(struct slot *slot);
int run_ring(struct slot *slot);
int run_bulk(struct slot *slot);
int run_fifo(struct slot *slot);
int run_poll(struct slot *slot);
int run_files(struct slot *slot);
int run_names(struct slot *slot);
int run_maps(struct slot *slot);
int run_sharing(struct slot *slot);
int run_faults(struct slot *slot);
int run_signals(struct slot *slot);
int run_queue(struct slot *slot);
int run_stops(struct slot *slot);
int run_timers(struct slot *slot);
int run_futex(struct slot *slot);
int run_wakes(struct slot *slot);
int run_affinity(struct slot *slot);
int run_proc(struct slot *slot);
int run_threads(struct slot *slot);
int run_mutexes(struct slot *slot);
int run_thread_maps(struct slot *slot);
int run_revoke(struct slot *slot);
int run_thread_ends(struct slot *slot);
