// Reads the kernel's own counters: /proc/interrupts on any system, /proc/latency and
// /proc/lock_stat where they are. Called by jobs.c with no other process at work.
#include "counts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 65536

static const char *const names[COUNT_KINDS] = { "RES", "CAL", "TLB", "migrations" };
static char text[TEXT_SIZE];

// The whole file in `text`; empty when there is none.
static void read_text(const char *path)
{
    size_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t count = 1; file >= 0 && count > 0; length += count > 0 ? (size_t)count : 0)
        count = read(file, text + length, TEXT_SIZE - 1 - length);
    text[length] = '\0';
    if (file >= 0)
        close(file);
}

// What all CPUs counted, in the line of /proc/interrupts that begins with this label.
static int64_t sum_columns(const char *label)
{
    char wanted[16];
    snprintf(wanted, sizeof(wanted), "%s:", label);
    const char *line = strstr(text, wanted);
    if (!line)
        return -1;
    char *at = (char *)line + strlen(wanted), *end;
    int64_t sum = 0;
    for (;; at = end) {
        long count = strtol(at, &end, 10);
        if (end == at)
            return sum;
        sum += count;
    }
}

static int64_t migrations(void)
{
    static const char label[] = "# migrations ";
    const char *line = strstr(text, label);
    return line ? strtol(line + strlen(label), NULL, 10) : -1;
}

static unsigned read_locks(struct lock_count *locks)
{
    unsigned count = 0;
    for (char *line = strtok(text, "\n"); line && count < LOCK_KINDS_LIMIT;
         line = strtok(NULL, "\n")) {
        struct lock_count *lock = &locks[count];
        unsigned long long waits, waited_ns;
        if (sscanf(line, "%7s %*u %31s %llu %llu", lock->kind, lock->name, &waits, &waited_ns) != 4)
            continue; // the heading
        lock->waits = waits;
        lock->waited_ns = waited_ns;
        count++;
    }
    return count;
}

void counts_read(struct counts *counts)
{
    read_text("/proc/interrupts");
    for (unsigned kind = COUNT_RES; kind <= COUNT_TLB; kind++)
        counts->kinds[kind] = sum_columns(names[kind]);
    read_text("/proc/latency");
    counts->kinds[COUNT_MIGRATIONS] = migrations();
    read_text("/proc/lock_stat");
    counts->lock_count = read_locks(counts->locks);
}

void counts_print(const struct counts *before, const struct counts *after)
{
    for (unsigned kind = 0; kind < COUNT_KINDS; kind++)
        if (before->kinds[kind] >= 0 && after->kinds[kind] >= 0)
            printf(" %s %lld", names[kind], (long long)(after->kinds[kind] - before->kinds[kind]));
}

// Entries stay where they are, new ones come at the end.
void counts_print_locks(const char *row, const struct counts *before, const struct counts *after)
{
    static const struct lock_count none;
    for (unsigned i = 0; i < after->lock_count; i++) {
        const struct lock_count *then = i < before->lock_count ? &before->locks[i] : &none;
        const struct lock_count *now = &after->locks[i];
        if (now->waits != then->waits)
            printf("%s waits %s %s %llu ns %llu\n", row, now->kind, now->name,
                   (unsigned long long)(now->waits - then->waits),
                   (unsigned long long)(now->waited_ns - then->waited_ns));
    }
}
