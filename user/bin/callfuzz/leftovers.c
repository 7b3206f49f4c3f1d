// What a round of children may not leave behind: processes, and objects in the kernel.
#include "supervise.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_TURNS 1000u
#define TURN_NS 5000000ull
#define COUNT_LIMIT 32u

// All that is counted one by one; caches and frames come and go in larger pieces.
static const char *const counted[] = { "threads", "processes", "address-spaces", "inodes",
                                       "files",   "pipes",     "kernel-stacks" };

static unsigned long remembered[COUNT_LIMIT];

static unsigned kill_strays(void)
{
    unsigned count = 0;
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        int pid = atoi(entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) || pid <= getpid() ||
            getsid(pid) == getsid(0))
            continue;
        count += kill(pid, SIGKILL) == 0;
    }
    if (processes != NULL)
        closedir(processes);
    return count;
}

void strays_end(void)
{
    for (unsigned turn = 0; kill_strays() > 0; turn++) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        if (turn == PATIENCE_TURNS) {
            printf("BAD callfuzz: processes that SIGKILL does not end\n");
            return;
        }
        sleep_ns(TURN_NS);
    }
}

// False: this kernel has no such file.
static bool read_counts(unsigned long counts[COUNT_LIMIT])
{
    char name[64];
    unsigned long value;
    FILE *file = fopen("/proc/live", "r");
    if (file == NULL)
        return false;
    while (fscanf(file, "%63s %lu", name, &value) == 2) {
        for (size_t i = 0; i < COUNT_OF(counted); i++) {
            if (strcmp(counted[i], name) == 0)
                counts[i] = value;
        }
    }
    fclose(file);
    return true;
}

void live_remember(void)
{
    (void)read_counts(remembered);
    (void)read_counts(remembered); // what the first reading made stays
}

bool live_came_back(void)
{
    unsigned long counts[COUNT_LIMIT] = { 0 };
    for (unsigned turn = 0; turn < PATIENCE_TURNS; turn++) {
        if (!read_counts(counts) ||
            memcmp(counts, remembered, COUNT_OF(counted) * sizeof(counts[0])) == 0)
            return true;
        sleep_ns(TURN_NS);
    }
    for (size_t i = 0; i < COUNT_OF(counted); i++) {
        if (counts[i] != remembered[i])
            printf("BAD callfuzz: %s: %lu before, %lu after\n", counted[i], remembered[i],
                   counts[i]);
    }
    return false;
}
