// Lives and ends: fork, exec, vfork, trees of processes with copied memory, CPU affinity, /proc
// read while all that goes on.
#include "stress.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BROOD 6
#define TREE_PAGES 24
#define PAGE 4096u

static const char *self = "/proc/self/exe";

// `stress leaf A B`: exits with what the parent can work out.
int run_leaf(char **argv)
{
    unsigned long a = strtoul(argv[0], NULL, 10), b = strtoul(argv[1], NULL, 10);
    return (int)((a * 7 + b) % 251);
}

static void become_leaf(unsigned a, unsigned b)
{
    char first[16], second[16];
    snprintf(first, sizeof(first), "%u", a);
    snprintf(second, sizeof(second), "%u", b);
    char *const arguments[] = { "stress", "leaf", first, second, NULL };
    char *const environment[] = { "PATH=/bin", NULL };
    execve(self, arguments, environment);
    _exit(255);
}

// Several at once; some execute, some end at once, some are killed while they wait or compute.
int run_forks(struct slot *slot)
{
    while (goes_on(slot)) {
        pid_t children[BROOD];
        int codes[BROOD];
        for (unsigned i = 0; i < BROOD; i++) {
            unsigned kind = random_below(slot, 4), a = random_below(slot, 1000);
            codes[i] = kind < 2 ? (int)((a * 7 + i) % 251) : kind == 2 ? (int)(a % 100) : -9;
            children[i] = fork();
            CHECK(children[i] >= 0);
            if (children[i] != 0)
                continue;
            if (kind < 2)
                become_leaf(a, i);
            if (kind == 2)
                _exit((int)(a % 100));
            while (a % 2 == 0)
                pause();
            for (volatile unsigned spin = 0;; spin++)
                ;
        }
        for (unsigned i = 0; i < BROOD; i++) {
            if (codes[i] == -9)
                CHECK(kill(children[i], 9) == 0);
            CHECK(job_wait(children[i], codes[i]));
            atomic_fetch_add(&slot->amount, 1);
            advance(slot);
        }
    }
    return 0;
}

int run_vforks(struct slot *slot)
{
    while (goes_on(slot)) {
        volatile unsigned shared = random_below(slot, 1000);
        unsigned a = shared;
        pid_t pid = vfork();
        CHECK(pid >= 0);
        if (pid == 0) {
            shared = a + 1; // the parent sees it: it is its memory
            static char first[16], second[] = "3";
            snprintf(first, sizeof(first), "%u", a);
            char *const arguments[] = { "stress", "leaf", first, second, NULL };
            if (a % 4 != 0)
                execve(self, arguments, NULL);
            _exit((int)((a * 7 + 3) % 251));
        }
        CHECK(shared == a + 1);
        CHECK(job_wait(pid, (int)((a * 7 + 3) % 251)));
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    return 0;
}

static uint64_t tree_seed(unsigned owner, unsigned page)
{
    return owner * 1000ull + page;
}

// Every process of the tree writes some pages of its copy, and must see the others as its parent
// had them, whatever parent and siblings write meanwhile.
static int grow(struct slot *slot, uint8_t *pages, const unsigned *owners, unsigned depth,
                unsigned number)
{
    unsigned mine[TREE_PAGES];
    pid_t children[2];
    memcpy(mine, owners, sizeof(mine));
    for (unsigned i = 0; i < TREE_PAGES; i++) {
        if (random_below(slot, 2) == 0)
            continue;
        mine[i] = number;
        pattern_fill(pages + i * PAGE, PAGE, tree_seed(number, i));
    }
    for (unsigned i = 0; i < 2 && depth > 0; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0)
            _exit(grow(slot, pages, mine, depth - 1, number * 2 + i));
    }
    for (unsigned i = 0; i < TREE_PAGES; i++)
        CHECK(pattern_is(pages + i * PAGE, PAGE, tree_seed(mine[i], i)));
    advance(slot);
    atomic_fetch_add(&slot->amount, 1);
    for (unsigned i = 0; i < 2 && depth > 0; i++)
        CHECK(job_wait(children[i], 0));
    return 0;
}

int run_tree(struct slot *slot)
{
    unsigned owners[TREE_PAGES] = { 0 };
    while (goes_on(slot)) {
        uint8_t *pages = mmap(NULL, TREE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED);
        for (unsigned i = 0; i < TREE_PAGES; i++)
            pattern_fill(pages + i * PAGE, PAGE, tree_seed(0, i));
        if (grow(slot, pages, owners, 3, 1) != 0)
            return 1;
        CHECK(munmap(pages, TREE_PAGES * PAGE) == 0);
    }
    return 0;
}

// Goes from CPU to CPU; after each change it must run where it may.
int run_affinity(struct slot *slot)
{
    cpu_set_t all;
    CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
    while (goes_on(slot)) {
        cpu_set_t wanted, got;
        CPU_ZERO(&wanted);
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &all) && random_below(slot, 2) == 0)
                CPU_SET(cpu, &wanted);
        }
        if (CPU_COUNT(&wanted) == 0)
            continue;
        CHECK(sched_setaffinity(0, sizeof(wanted), &wanted) == 0);
        CHECK(sched_getaffinity(0, sizeof(got), &got) == 0 && CPU_EQUAL(&got, &wanted));
        for (unsigned i = random_below(slot, 50); i > 0; i--) {
            CHECK(CPU_ISSET((unsigned)sched_getcpu(), &wanted));
            if (i % 3 == 0)
                sched_yield();
            else if (i % 7 == 0)
                sleep_ns(random_below(slot, 300000));
        }
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    return 0;
}

static void read_whole(const char *path)
{
    char text[1024];
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
        ;
    if (fd >= 0)
        close(fd);
}

static void read_process(struct slot *slot, const char *pid)
{
    static const char *const names[] = { "stat", "status", "statm",   "maps",     "cmdline",
                                         "comm", "limits", "environ", "registers" };
    char path[80], target[80];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (random_below(slot, 2) == 0)
            continue;
        snprintf(path, sizeof(path), "/proc/%.16s/%s", pid, names[i]);
        read_whole(path);
    }
    for (int fd = 0; fd < 8; fd++) {
        snprintf(path, sizeof(path), "/proc/%.16s/fd/%d", pid, fd);
        if (readlink(path, target, sizeof(target)) > 0 && strncmp(target, "pipe:", 5) == 0)
            close(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }
    snprintf(path, sizeof(path), "/proc/%.16s/exe", pid);
    (void)!readlink(path, target, sizeof(target));
}

int run_proc(struct slot *slot)
{
    while (goes_on(slot)) {
        DIR *processes = opendir("/proc");
        struct dirent *entry;
        CHECK(processes != NULL);
        while ((entry = readdir(processes)) != NULL) {
            if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
                continue;
            read_process(slot, entry->d_name);
            atomic_fetch_add(&slot->amount, 1);
            advance(slot);
        }
        closedir(processes);
        read_whole("/proc/stat");
        read_whole("/proc/live");
        read_whole("/proc/interrupts");
    }
    return 0;
}
