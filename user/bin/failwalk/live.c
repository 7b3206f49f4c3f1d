// Reads /proc/live, /proc/fail and /proc/fail_trail, without any memory of the C library's.
#include "live.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_TURNS 300u
#define SETTLE_STEP_NS 10000000ull

static size_t read_text(const char *path, char *text, size_t size)
{
    size_t length = 0;
    ssize_t count = 1;
    int file = open(path, O_RDONLY);
    while (count > 0 && length < size - 1) {
        count = read(file, text + length, size - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    }
    close(file);
    text[length] = '\0';
    return length;
}

// What lies ready in the kernel, for nobody yet, comes and goes.
static bool is_kept_ready(const char *name)
{
    return strcmp(name, "frames-free") == 0 || strcmp(name, "frames-cache") == 0 ||
           strcmp(name, "frames-stack") == 0 || strcmp(name, "frames-total") == 0;
}

void live_read(struct live *live)
{
    static char text[8192];
    memset(live, 0xff, sizeof(*live)); // its own pages are there before they are counted
    (void)read_text("/proc/live", text, sizeof(text));
    live->count = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        char *space = strchr(line, ' ');
        if (space == NULL || live->count == LIVE_LIMIT)
            continue;
        *space = '\0';
        if (is_kept_ready(line))
            continue;
        snprintf(live->entries[live->count].name, LIVE_NAME_SIZE, "%s", line);
        live->entries[live->count++].value = atol(space + 1);
    }
}

// Less than before is nothing left behind: somebody was still on his way out.
static bool has_not_grown(const struct live *before, const struct live *now, char *difference,
                          size_t size, long own_pages)
{
    size_t length = 0;
    difference[0] = '\0';
    for (unsigned i = 0; i < now->count && length < size; i++) {
        long old = i < before->count ? before->entries[i].value : 0;
        if (strcmp(now->entries[i].name, "frames-anonymous") == 0)
            old += own_pages;
        if (now->entries[i].value > old)
            length += (size_t)snprintf(difference + length, size - length, "%s %ld -> %ld, ",
                                       now->entries[i].name, old, now->entries[i].value);
    }
    return length == 0;
}

void live_read_highest(struct live *live)
{
    static struct live again;
    live_read(live);
    for (unsigned turn = 0; turn < 10; turn++) {
        sleep_ns(SETTLE_STEP_NS);
        live_read(&again);
        for (unsigned i = 0; i < again.count && i < live->count; i++) {
            if (again.entries[i].value > live->entries[i].value)
                live->entries[i].value = again.entries[i].value;
        }
    }
}

bool live_settle(const struct live *before, char *difference, size_t size, long own_pages)
{
    static struct live now;
    for (unsigned turn = 0; turn < SETTLE_TURNS; turn++) {
        live_read(&now);
        if (has_not_grown(before, &now, difference, size, own_pages))
            return true;
        sleep_ns(SETTLE_STEP_NS);
    }
    return false;
}

uint64_t live_injected(void)
{
    char text[32];
    int file = open("/proc/fail", O_RDONLY);
    ssize_t length = read(file, text, sizeof(text) - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    return strncmp(text, "injected ", 9) == 0 ? strtoull(text + 9, NULL, 10) : 0;
}

const char *live_last_failure(char *buffer, size_t size)
{
    static char text[2048];
    (void)read_text("/proc/fail_trail", text, sizeof(text));
    snprintf(buffer, size, "%.*s", (int)strcspn(text, "\n"), text);
    return buffer;
}
