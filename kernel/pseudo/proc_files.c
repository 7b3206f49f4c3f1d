// The text files in /proc about memory and objects: live and meminfo. Called through file.c. Every
// text is made at open.
#include "fs/pipe.h"
#include "lib/string.h"
#include "mem/kernel_map.h"
#include "mem/object_cache.h"
#include "proc/process.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/scheduler.h"

#define NAME_SIZE 64u

static const char *const use_names[FRAME_USE_COUNT] = {
    [FRAME_FREE] = "free",           [FRAME_RESERVED] = "reserved",
    [FRAME_KERNEL] = "kernel",       [FRAME_PAGE_TABLE] = "page-table",
    [FRAME_STACK] = "stack",         [FRAME_CACHE] = "cache",
    [FRAME_ANONYMOUS] = "anonymous", [FRAME_FILE] = "file",
    [FRAME_PIPE] = "pipe",
};

static void print_value(struct snapshot *snapshot, const char *prefix, const char *name,
                        uint64_t value)
{
    snapshot_print(snapshot, "%s%s %llu\n", prefix, name, (unsigned long long)value);
}

// Names become one word, so that a line is always two.
static void print_cache(const char *name, uint64_t live, uint64_t slabs, void *context)
{
    char word[NAME_SIZE];
    (void)string_copy(word, name, sizeof(word));
    for (char *letter = word; *letter; letter++) {
        if (*letter == ' ')
            *letter = '-';
    }
    print_value(context, "cache-", word, live);
}

static void fill_live(struct snapshot *snapshot)
{
    struct frame_counts frames;
    frames_count(&frames);
    print_value(snapshot, "", "threads", threads_live());
    print_value(snapshot, "", "processes", processes_live());
    print_value(snapshot, "", "address-spaces", address_spaces_live());
    print_value(snapshot, "", "inodes", inodes_live());
    print_value(snapshot, "", "files", files_live());
    print_value(snapshot, "", "pipes", pipes_live());
    print_value(snapshot, "", "kernel-stacks", kernel_stacks_live());
    print_value(snapshot, "frames-", "total", frames.total);
    print_value(snapshot, "frames-", "free", frames.free);
    for (uint32_t use = FRAME_KERNEL; use < FRAME_USE_COUNT; use++)
        print_value(snapshot, "frames-", use_names[use], frames.used[use]);
    object_caches_visit(print_cache, snapshot);
}

SNAPSHOT_FILE(live, fill_live);

static void print_memory(struct snapshot *snapshot, const char *name, uint64_t frames)
{
    snapshot_print(snapshot, "%-15s %8llu kB\n", name,
                   (unsigned long long)(frames * (PAGE_SIZE / 1024)));
}

static void fill_meminfo(struct snapshot *snapshot)
{
    struct frame_counts frames;
    frames_count(&frames);
    print_memory(snapshot, "MemTotal:", frames.total);
    print_memory(snapshot, "MemFree:", frames.free);
    print_memory(snapshot, "MemAvailable:", frames.free);
    print_memory(snapshot, "Buffers:", 0);
    print_memory(snapshot, "Cached:", frames.used[FRAME_FILE]);
    print_memory(snapshot, "SwapCached:", 0);
    print_memory(snapshot, "SwapTotal:", 0);
    print_memory(snapshot, "SwapFree:", 0);
    print_memory(snapshot, "AnonPages:", frames.used[FRAME_ANONYMOUS]);
    print_memory(snapshot, "Shmem:", frames.used[FRAME_FILE]); // files live in memory only
    print_memory(snapshot, "Slab:", frames.used[FRAME_CACHE]);
    print_memory(snapshot, "SReclaimable:", 0);
    print_memory(snapshot, "SUnreclaim:", frames.used[FRAME_CACHE]);
    print_memory(snapshot, "KernelStack:", frames.used[FRAME_STACK]);
    print_memory(snapshot, "PageTables:", frames.used[FRAME_PAGE_TABLE]);
}

SNAPSHOT_FILE(meminfo, fill_meminfo);
