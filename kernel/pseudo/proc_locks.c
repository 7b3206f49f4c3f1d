// /proc/lock_stat: how often and how long threads and CPUs waited for locks, a line for each name
// that was waited for; in debug builds also who held one of a name the longest. Called through
// file.c.
#include "cpu/clock.h"
#include "cpu/lock_statistics.h"
#include "debug/symbols.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"

#define NAME_SIZE 32u
#define SYMBOL_SIZE 96u

// Of a name, so that a line has always as many.
static void copy_word(char word[NAME_SIZE], const char *name)
{
    (void)string_copy(word, name, NAME_SIZE);
    for (char *letter = word; *letter; letter++) {
        if (*letter == ' ')
            *letter = '-';
    }
}

static void print_lock(struct snapshot *text, const struct lock_statistics *lock)
{
    char word[NAME_SIZE];

    copy_word(word, lock->name);
    snapshot_print(text, "%-5s %4u %-24s %12llu %16llu %14llu\n",
                   lock->kind == LOCK_KIND_MUTEX ? "mutex" : "spin", lock->rank, word,
                   (unsigned long long)lock->waits,
                   (unsigned long long)clock_ticks_to_ns(lock->ticks),
                   (unsigned long long)clock_ticks_to_ns(lock->longest_ticks));
}

// Debug builds: the longest that a lock of the name was held, and by whom.
static void print_hold(struct snapshot *text, const struct lock_hold *hold)
{
    char word[NAME_SIZE], symbol[SYMBOL_SIZE];

    copy_word(word, hold->name);
    symbols_format_return(symbol, sizeof(symbol), hold->place);
    snapshot_print(text, "held  %-5s %-24s %16llu %s\n",
                   hold->kind == LOCK_KIND_MUTEX ? "mutex" : "spin", word,
                   (unsigned long long)clock_ticks_to_ns(hold->longest_ticks), symbol);
}

static void fill_lock_statistics(struct snapshot *text)
{
    struct lock_statistics lock;
    struct lock_hold hold;

    snapshot_print(text, "kind  rank %-24s %12s %16s %14s\n", "name", "waits", "waited-ns",
                   "longest-ns");
    for (uint32_t i = 0; lock_statistics_get(i, &lock); i++)
        print_lock(text, &lock);
    for (uint32_t i = 0; DEBUG_CHECKS && lock_hold_get(i, &hold); i++) {
        if (hold.name)
            print_hold(text, &hold);
    }
}

SNAPSHOT_FILE(lock_statistics, fill_lock_statistics);
