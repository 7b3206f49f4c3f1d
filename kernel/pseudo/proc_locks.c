// /proc/lock_stat: how often and how long threads and CPUs waited for locks, a line for each name
// that was waited for. Called through file.c.
#include "cpu/clock.h"
#include "cpu/lock_statistics.h"
#include "lib/string.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"

#define NAME_SIZE 32u

static void print_lock(struct snapshot *text, const struct lock_statistics *lock)
{
    char word[NAME_SIZE];

    (void)string_copy(word, lock->name, sizeof(word));
    for (char *letter = word; *letter; letter++) {
        if (*letter == ' ')
            *letter = '-'; // so that a line is always six words
    }
    snapshot_print(text, "%-5s %4u %-24s %12llu %16llu %14llu\n",
                   lock->kind == LOCK_KIND_MUTEX ? "mutex" : "spin", lock->rank, word,
                   (unsigned long long)lock->waits,
                   (unsigned long long)clock_ticks_to_ns(lock->ticks),
                   (unsigned long long)clock_ticks_to_ns(lock->longest_ticks));
}

static void fill_lock_statistics(struct snapshot *text)
{
    struct lock_statistics lock;

    snapshot_print(text, "kind  rank %-24s %12s %16s %14s\n", "name", "waits", "waited-ns",
                   "longest-ns");
    for (uint32_t i = 0; lock_statistics_get(i, &lock); i++)
        print_lock(text, &lock);
}

SNAPSHOT_FILE(lock_statistics, fill_lock_statistics);
