// The text files in /proc: live, uptime, meminfo, version; and where /proc/self/exe leads. Called
// through file.c and the path walk. Every text is made at open.
#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/percpu.h"
#include "fs/pipe.h"
#include "lib/string.h"
#include "mem/kernel_map.h"
#include "mem/object_cache.h"
#include "proc/process.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/scheduler.h"

#define NS_PER_CENTISECOND 10000000ull
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

static void fill_uptime(struct snapshot *snapshot)
{
    uint64_t up = clock_now_ns() / NS_PER_CENTISECOND;
    uint64_t idle = this_cpu()->idle_ns / NS_PER_CENTISECOND;
    snapshot_print(snapshot, "%llu.%02llu %llu.%02llu\n", (unsigned long long)up / 100,
                   (unsigned long long)up % 100, (unsigned long long)idle / 100,
                   (unsigned long long)idle % 100);
}

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
    print_memory(snapshot, "Slab:", frames.used[FRAME_CACHE]);
    print_memory(snapshot, "KernelStack:", frames.used[FRAME_STACK]);
    print_memory(snapshot, "PageTables:", frames.used[FRAME_PAGE_TABLE]);
}

static void fill_version(struct snapshot *snapshot)
{
    snapshot_print(snapshot, "Ringfence, Linux x86-64 system calls (clang %s)\n",
                   __clang_version__);
}

static int open_live(struct file *file)
{
    return snapshot_open(file, fill_live);
}

static int open_uptime(struct file *file)
{
    return snapshot_open(file, fill_uptime);
}

static int open_meminfo(struct file *file)
{
    return snapshot_open(file, fill_meminfo);
}

static int open_version(struct file *file)
{
    return snapshot_open(file, fill_version);
}

#define TEXT_FILE(open_function)                                                                   \
    {                                                                                              \
        .read = snapshot_read, .seek = snapshot_seek, .release = snapshot_release,                 \
        .open = (open_function),                                                                   \
    }

const struct file_operations live_operations = TEXT_FILE(open_live);
const struct file_operations uptime_operations = TEXT_FILE(open_uptime);
const struct file_operations meminfo_operations = TEXT_FILE(open_meminfo);
const struct file_operations version_operations = TEXT_FILE(open_version);

// Only exec changes these two, in the process itself.
static int64_t read_executable_link(struct inode *link, char *buffer, size_t size)
{
    const struct process *process = current_process();
    if (!process || !process->executable_path)
        return -ENOENT;
    size_t length = strlen(process->executable_path);
    memcpy(buffer, process->executable_path, min_of(length, size));
    return (int64_t)length;
}

static int follow_executable_link(struct inode *link, struct inode **target)
{
    const struct process *process = current_process();
    if (!process || !process->executable)
        return -ENOENT;
    inode_reference(process->executable);
    *target = process->executable;
    return 0;
}

const struct link_operations executable_link_operations = {
    .read = read_executable_link,
    .follow = follow_executable_link,
};
