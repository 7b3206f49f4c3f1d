// What the jobs share: random numbers, patterns, children, complaints. The random numbers are
// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#include "stress.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

uint64_t random_next(struct slot *slot)
{
    return mix(atomic_fetch_add(&slot->state, 0x9e3779b97f4a7c15u));
}

uint32_t random_below(struct slot *slot, uint32_t limit)
{
    return (uint32_t)(random_next(slot) >> 32) % limit;
}

void pattern_fill(void *buffer, size_t size, uint64_t seed)
{
    uint8_t *bytes = buffer;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = mix(seed + i);
        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

bool pattern_is(const void *buffer, size_t size, uint64_t seed)
{
    const uint8_t *bytes = buffer;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = mix(seed + i);
        if (memcmp(bytes + i, &word, size - i < 8 ? size - i : 8) != 0)
            return false;
    }
    return true;
}

void advance(struct slot *slot)
{
    atomic_fetch_add(&slot->progress, 1);
}

bool goes_on(const struct slot *slot)
{
    return clock_ns() < slot->end_ns;
}

static void *do_nothing(void *argument)
{
    return argument;
}

bool threads_work(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
        return false;
    return pthread_join(thread, NULL) == 0;
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("shared memory");
    return memory;
}

pid_t job_fork(struct slot *slot, int (*body)(struct slot *, void *), void *argument)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    _exit(body(slot, argument));
}

bool job_wait(pid_t pid, int code)
{
    int status;
    while (waitpid(pid, &status, 0) != pid) {
        if (errno != EINTR)
            return false;
    }
    if (code < 0)
        return WIFSIGNALED(status) && WTERMSIG(status) == -code;
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

void job_complain(const struct slot *slot, const char *function, int line, const char *what)
{
    if (atomic_load(&slot->is_killed))
        return;
    dprintf(1, "BAD stress: %s, seed 0x%llx, pid %d: %s:%d: not so: %s (errno %d)\n",
            jobs[slot->job].name, (unsigned long long)slot->seed, getpid(), function, line, what,
            errno);
}

bool write_all(int fd, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t moved = write(fd, from, size);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return false;
        from += moved;
        size -= (size_t)moved;
    }
    return true;
}

bool read_all(int fd, void *bytes, size_t size)
{
    char *to = bytes;
    while (size > 0) {
        ssize_t moved = read(fd, to, size);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return false;
        to += moved;
        size -= (size_t)moved;
    }
    return true;
}
