// /proc/PID/status, limits and comm: what stat tells and more, for people. Called through file.c.
// Keys stand in Linux's order; those that would say nothing here are left out.
#include "abi/errno.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/inspect.h"
#include "pseudo/proc_inode.h"
#include "vm/usage.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define ALL_CAPABILITIES 0x1ffffffffffull // everybody is root

typedef unsigned long long number;

static const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "sleeping";
    case 'D':
        return "disk sleep";
    case 'T':
        return "stopped";
    default:
        return "zombie";
    }
}

static void print_head(struct snapshot *text, const struct process_view *view, uint32_t table_size)
{
    uint32_t mask = view->umask;
    snapshot_print(text, "Name:\t");
    snapshot_append_escaped(text, view->name, "\\n", "\\\\");
    snapshot_print(text, "\nUmask:\t0%u%u%u\n", mask >> 6 & 7, mask >> 3 & 7, mask & 7);
    snapshot_print(text, "State:\t%c (%s)\n", view->state, state_name(view->state));
    snapshot_print(text, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
                   view->process_id, view->pid, view->parent_pid);
    snapshot_print(text, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t%u\nGroups:\t \n",
                   table_size);
}

static void print_pages(struct snapshot *text, const char *key, uint64_t pages)
{
    snapshot_print(text, "%s:\t%8llu kB\n", key, (number)(pages * KIB_PER_PAGE));
}

static void print_memory(struct snapshot *text, struct address_space *space)
{
    struct address_space_usage usage;
    address_space_measure(space, &usage);
    print_pages(text, "VmSize", usage.mapped);
    print_pages(text, "VmLck", 0);
    print_pages(text, "VmRSS", usage.resident);
    print_pages(text, "RssAnon", usage.resident - usage.resident_file - usage.resident_shared);
    print_pages(text, "RssFile", usage.resident_file);
    print_pages(text, "RssShmem", usage.resident_shared);
    print_pages(text, "VmData", usage.data);
    print_pages(text, "VmStk", usage.stack);
    print_pages(text, "VmExe",
                (align_up(space->code_end, PAGE_SIZE) - align_down(space->code_start, PAGE_SIZE)) /
                    PAGE_SIZE);
    print_pages(text, "VmLib", 0);
    print_pages(text, "VmSwap", 0);
}

static void print_signals(struct snapshot *text, const struct process_view *view)
{
    snapshot_print(text, "Threads:\t%u\nSigQ:\t%u/%llu\n", view->thread_count, view->queued_signals,
                   (number)view->limits[RLIMIT_SIGPENDING].current);
    snapshot_print(text, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
                   (number)view->thread_pending, (number)view->process_pending,
                   (number)view->blocked);
    snapshot_print(text, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (number)view->ignored,
                   (number)view->caught);
}

// The mask in words of 32, highest first, as wide as there are CPUs.
static void print_processor_mask(struct snapshot *text, const struct cpu_mask *mask)
{
    uint32_t count = cpu_count();
    for (uint32_t words = (count + 31) / 32; words > 0; words--) {
        uint32_t first = (words - 1) * 32, width = min_of(count - first, 32u), value = 0;
        for (uint32_t bit = 0; bit < width; bit++)
            value |= (uint32_t)cpu_mask_has(mask, first + bit) << bit;
        snapshot_print(text, "%0*x%s", (int)((width + 3) / 4), value, words > 1 ? "," : "\n");
    }
}

static void print_processor_list(struct snapshot *text, const struct cpu_mask *mask)
{
    const char *separator = "";
    uint32_t count = cpu_count();
    for (uint32_t first = 0; first < count; first++) {
        if (!cpu_mask_has(mask, first))
            continue;
        uint32_t last = first;
        while (last + 1 < count && cpu_mask_has(mask, last + 1))
            last++;
        snapshot_print(text, first == last ? "%s%u" : "%s%u-%u", separator, first, last);
        separator = ",";
        first = last;
    }
    snapshot_print(text, "\n");
}

static void print_processors(struct snapshot *text, const struct cpu_mask *mask)
{
    snapshot_print(text, "Cpus_allowed:\t");
    print_processor_mask(text, mask);
    snapshot_print(text, "Cpus_allowed_list:\t");
    print_processor_list(text, mask);
}

static void print_tail(struct snapshot *text, const struct process_view *view)
{
    number all = ALL_CAPABILITIES;
    snapshot_print(text, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n", 0ull, all, all);
    snapshot_print(text, "CapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t0\nSeccomp:\t0\n", all,
                   0ull);
    print_processors(text, &view->affinity);
    snapshot_print(text, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
                   (number)view->voluntary_switches, (number)view->involuntary_switches);
}

static uint32_t table_size(struct process *process)
{
    struct file_table *files = process_files_get(process);
    uint32_t size = files ? files->capacity : 0;
    if (files)
        file_table_release(files);
    return size;
}

static void fill_status(struct snapshot *text, struct process *process)
{
    struct process_view view;
    process_inspect(process, proc_inode_thread(text->inode, process), &view);
    struct address_space *space = process_space_get(process);
    print_head(text, &view, table_size(process));
    if (space) {
        print_memory(text, space);
        address_space_release(space);
    }
    print_signals(text, &view);
    print_tail(text, &view);
}

PROC_TEXT_FILE(proc_status, fill_status);

static const struct {
    const char *name, *unit;
} limit_names[RLIMIT_COUNT] = {
    { "Max cpu time", "seconds" },     { "Max file size", "bytes" },
    { "Max data size", "bytes" },      { "Max stack size", "bytes" },
    { "Max core file size", "bytes" }, { "Max resident set", "bytes" },
    { "Max processes", "processes" },  { "Max open files", "files" },
    { "Max locked memory", "bytes" },  { "Max address space", "bytes" },
    { "Max file locks", "locks" },     { "Max pending signals", "signals" },
    { "Max msgqueue size", "bytes" },  { "Max nice priority", "" },
    { "Max realtime priority", "" },   { "Max realtime timeout", "us" },
};

static void print_limit(struct snapshot *text, uint64_t value)
{
    if (value == RLIM_INFINITY)
        snapshot_print(text, "%-20s ", "unlimited");
    else
        snapshot_print(text, "%-20llu ", (number)value);
}

static void fill_limits(struct snapshot *text, struct process *process)
{
    struct process_view view;
    process_inspect(process, proc_inode_thread(text->inode, process), &view);
    snapshot_print(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (uint32_t i = 0; i < RLIMIT_COUNT; i++) {
        snapshot_print(text, "%-25s ", limit_names[i].name);
        print_limit(text, view.limits[i].current);
        print_limit(text, view.limits[i].maximum);
        snapshot_print(text, limit_names[i].unit[0] ? "%-10s\n" : "\n", limit_names[i].unit);
    }
}

PROC_TEXT_FILE(proc_limits, fill_limits);

static void fill_comm(struct snapshot *text, struct process *process)
{
    struct process_view view;
    process_inspect(process, proc_inode_thread(text->inode, process), &view);
    snapshot_print(text, "%s\n", view.name);
}

static void make_comm(struct snapshot *text)
{
    proc_text_make(text, fill_comm);
}

static int open_comm(struct file *file)
{
    return snapshot_open_fresh(file, make_comm);
}

// A process names itself only. What does not fit is cut, as on Linux.
static int64_t write_comm(struct file *file, struct user_iterator *source, uint64_t *position)
{
    char name[16] = { 0 };
    int64_t length = (int64_t)source->remaining;
    size_t wanted = min_of(source->remaining, sizeof(name) - 1);
    if (user_iterator_read(source, name, wanted) < wanted)
        return -EFAULT;
    struct process *process = proc_inode_process(file->inode);
    if (!process)
        return -ESRCH;
    bool is_self = process == current_process(), is_there = false;
    if (is_self) {
        char *newline = (char *)strchr(name, '\n');
        if (newline)
            *newline = '\0';
        is_there = process_rename_thread(process, proc_inode_thread(file->inode, process), name);
    }
    process_release(process);
    if (!is_self)
        return -EINVAL;
    return is_there ? length : -ESRCH;
}

const struct file_operations proc_comm_operations = {
    .read = snapshot_read,
    .write = write_comm,
    .seek = snapshot_seek,
    .release = snapshot_release,
    .open = open_comm,
};
