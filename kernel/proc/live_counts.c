// The bookkeeping of "everything came back": live frames and objects as they were before the first
// file was unpacked, against what is live at the end. Called at boot and by shutdown.c.
// Slabs count as the objects in them: a slab that is only partly empty is no loss.

#include "proc/internal.h"

#include "debug/log.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/kernel_map.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define CACHE_LIMIT 64u

struct cache_count {
    const char *name; // a string constant of the cache
    uint64_t live;
};

struct live_counts {
    uint64_t frames; // but for slabs
    uint64_t frames_by_use[FRAME_USE_COUNT];
    uint64_t objects;
    uint32_t cache_count;
    struct cache_count caches[CACHE_LIMIT];
};

static struct live_counts baseline, final;
static uint64_t baseline_threads;

static const char *const frame_use_names[FRAME_USE_COUNT] = {
    [FRAME_FREE] = "free",           [FRAME_RESERVED] = "reserved",
    [FRAME_KERNEL] = "kernel",       [FRAME_PAGE_TABLE] = "page-table",
    [FRAME_STACK] = "stack",         [FRAME_CACHE] = "slab",
    [FRAME_ANONYMOUS] = "anonymous", [FRAME_FILE] = "file",
    [FRAME_PIPE] = "pipe",
};

static bool use_is_counted(uint32_t use)
{
    return use != FRAME_FREE && use != FRAME_RESERVED && use != FRAME_CACHE;
}

static void count_cache(const char *name, uint64_t live, uint64_t slabs, void *context)
{
    struct live_counts *counts = context;
    counts->objects += live;
    if (counts->cache_count < CACHE_LIMIT)
        counts->caches[counts->cache_count++] = (struct cache_count){ name, live };
}

static void count_live(struct live_counts *counts)
{
    struct frame_counts frames;
    memset(counts, 0, sizeof(*counts));
    frames_count(&frames);
    for (uint32_t use = 0; use < FRAME_USE_COUNT; use++) {
        if (!use_is_counted(use))
            continue;
        counts->frames_by_use[use] = frames.used[use];
        counts->frames += frames.used[use];
    }
    // Where the stacks of those who are left lie is chance: their tables come and go with them.
    uint64_t stack_tables = kernel_stack_tables();
    counts->frames_by_use[FRAME_PAGE_TABLE] -= stack_tables;
    counts->frames -= stack_tables;
    object_caches_visit(count_cache, counts);
}

void process_remember_baseline(void)
{
    count_live(&baseline);
    baseline_threads = threads_live();
}

uint64_t live_threads_baseline(void)
{
    return baseline_threads;
}

struct live_totals live_counts_now(void)
{
    count_live(&final);
    return (struct live_totals){ .frames = final.frames, .objects = final.objects };
}

static uint64_t baseline_of_cache(const char *name)
{
    for (uint32_t i = 0; i < baseline.cache_count; i++) {
        if (strcmp(baseline.caches[i].name, name) == 0)
            return baseline.caches[i].live;
    }
    return 0; // the cache was not in use then
}

// Appends " name=difference" where there is one; false when there is none.
static bool append_difference(char *text, size_t size, const char *name, uint64_t now,
                              uint64_t before)
{
    if (now == before)
        return false;
    size_t length = strnlen(text, size);
    format_text(text + length, size - length, " %s=%lld", name, (long long)(now - before));
    return true;
}

bool live_counts_differ(char *text, size_t size)
{
    bool differ = false;
    text[0] = '\0';
    count_live(&final);
    for (uint32_t use = 0; use < FRAME_USE_COUNT; use++)
        differ |= append_difference(text, size, frame_use_names[use], final.frames_by_use[use],
                                    baseline.frames_by_use[use]);
    for (uint32_t i = 0; i < final.cache_count; i++)
        differ |= append_difference(text, size, final.caches[i].name, final.caches[i].live,
                                    baseline_of_cache(final.caches[i].name));
    return differ;
}

struct live_totals live_counts_baseline(void)
{
    return (struct live_totals){ .frames = baseline.frames, .objects = baseline.objects };
}
