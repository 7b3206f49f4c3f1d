// Scene 10: what three processes hold, and that all of it comes back whichever way they end. The
// kernel's own counts in /proc/live are compared.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "shared.h"

#define PAGE 4096ul
#define PAGES 32
#define CHILDREN 3
#define ALARM_SECONDS 10
#define LOOK_LIMIT 500
#define LOOK_PAUSE_NS 5000000u

static const char *const names[] = {
    "processes",    "threads",          "address-spaces",    "files",      "pipes", "kernel-stacks",
    "frames-stack", "frames-anonymous", "frames-page-table", "frames-pipe"
};
#define COUNTED COUNT_OF(names)
#define ADDRESS_SPACES 2

struct counts {
    long of[COUNTED];
};

static struct counts count_live(void)
{
    struct counts counts = { { 0 } };
    char text[4096], *place = NULL;
    size_t length = 0;
    ssize_t got;
    int fd = open("/proc/live", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(fd);
    for (char *line = strtok_r(text, "\n", &place); line; line = strtok_r(NULL, "\n", &place))
        for (size_t i = 0; i < COUNTED; i++)
            if (strncmp(line, names[i], strlen(names[i])) == 0 && line[strlen(names[i])] == ' ')
                counts.of[i] = atol(line + strlen(names[i]));
    return counts;
}

// Takes memory and pipes, says so, and waits for the word to end.
static bool hold_things(void)
{
    static char bytes[PAGE];
    int ends[2];
    alarm(ALARM_SECONDS);
    char *memory =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    memset(memory, 1, PAGES * PAGE);
    for (int i = 0; i < 2; i++)
        if (pipe(ends) != 0 || write(ends[1], bytes, sizeof(bytes)) != sizeof(bytes))
            return false;
    atomic_fetch_add(&shared->ready, 1);
    while (atomic_load(&shared->release) == 0)
        sleep_ns(LOOK_PAUSE_NS); // yields would fill the event ring
    return true;
}

static int end_by_return(void *unused)
{
    return hold_things() ? 7 : 1;
}

static int end_by_fault(void *unused)
{
    if (hold_things())
        __asm__ volatile("ud2");
    return 1;
}

static int end_by_kill(void *unused)
{
    if (hold_things())
        pause();
    return 1;
}

static bool counts_equal(const struct counts *a, const struct counts *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

struct ends {
    struct counts before, alive, dead, after;
    int statuses[CHILDREN];
};

static void wait_until_ready(void)
{
    for (int i = 0; i < LOOK_LIMIT && atomic_load(&shared->ready) < CHILDREN; i++)
        sleep_ns(LOOK_PAUSE_NS);
}

// Dead, but nobody has asked how they ended: zombies. The kernel does not stop while it is counted,
// so only counts that do not change any more belong together.
static void wait_until_dead(struct ends *ends)
{
    struct counts last = ends->alive;
    for (int i = 0; i < LOOK_LIMIT; i++) {
        ends->dead = count_live();
        if (ends->dead.of[ADDRESS_SPACES] == ends->before.of[ADDRESS_SPACES] &&
            counts_equal(&ends->dead, &last))
            return;
        last = ends->dead;
        sleep_ns(LOOK_PAUSE_NS);
    }
}

static void run_three(struct ends *ends)
{
    static int (*const bodies[CHILDREN])(void *) = { end_by_return, end_by_fault, end_by_kill };
    pid_t pids[CHILDREN];
    shared_clear();
    ends->before = count_live();
    for (int i = 0; i < CHILDREN; i++)
        pids[i] = child_start(bodies[i], NULL);
    wait_until_ready();
    ends->alive = count_live();
    atomic_store(&shared->release, 1);
    kill(pids[2], SIGKILL);
    wait_until_dead(ends);
    for (int i = 0; i < CHILDREN; i++)
        ends->statuses[i] = child_wait(pids[i]);
    ends->after = count_live();
}

static void show_counts(const struct ends *ends)
{
    gap();
    note("%-20s%10s%14s%14s%14s", "the kernel counts", "before", "three live", "three dead",
         "collected");
    for (size_t i = 0; i < COUNTED; i++)
        printf("  %-20s%10ld%14ld%14ld%14ld\n", names[i], ends->before.of[i], ends->alive.of[i],
               ends->dead.of[i], ends->after.of[i]);
    note("(frames-stack: the kernel keeps some stacks of the dead for the next ones)");
    gap();
}

static void judge_counts(const struct ends *ends)
{
    const long *before = ends->before.of, *alive = ends->alive.of, *dead = ends->dead.of;
    expect(alive[0] == before[0] + CHILDREN && alive[3] >= before[3] + 4L * CHILDREN &&
               alive[7] >= before[7] + (long)PAGES * CHILDREN,
           "alive, each held %d pages of memory and two pipes", PAGES);
    expect(dead[0] == before[0] + CHILDREN && dead[2] == before[2] && dead[7] == before[7],
           "dead, they were no more than entries in the process list: zombies");
    expect(counts_equal(&ends->before, &ends->after), "collected, every count is what it was");
}

void show_exit(void)
{
    struct ends ends;
    run_three(&ends); // once for the tour's own memory: what fork makes it copy is copied now
    run_three(&ends);
    show_counts(&ends);
    judge_counts(&ends);
    expect(WIFEXITED(ends.statuses[0]) && WEXITSTATUS(ends.statuses[0]) == 7,
           "the first returned 7, and its parent knows");
    expect(WIFSIGNALED(ends.statuses[1]) && WTERMSIG(ends.statuses[1]) == SIGILL,
           "the second ran into an undefined instruction: SIGILL");
    expect(WIFSIGNALED(ends.statuses[2]) && WTERMSIG(ends.statuses[2]) == SIGKILL,
           "the third was killed: SIGKILL");
}
