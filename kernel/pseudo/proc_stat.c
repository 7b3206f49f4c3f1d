// /proc/PID/stat and statm: one line of numbers each, as proc(5) lists them. Called through file.c.
// What this kernel does not have (major faults, guests) is 0.
#include "lib/string.h"
#include "proc/inspect.h"
#include "pseudo/proc_inode.h"
#include "pseudo/terminal.h"
#include "vm/usage.h"

#define NS_PER_TICK 10000000ull // USER_HZ is 100
#define BASE_PRIORITY 20
#define RLIMIT_RSS 5

typedef unsigned long long number;

// As the kernel orders threads: below 0 with a real-time priority, else 0 to 39.
static int32_t priority_shown(const struct thread_rights *rights)
{
    if (rights->realtime_priority != 0)
        return -1 - rights->realtime_priority;
    return BASE_PRIORITY + rights->nice;
}

// From pid to priority: fields 1 to 18.
static void print_identity(struct snapshot *text, const struct process_view *view)
{
    snapshot_print(text, "%u (%s) %c %u %u %u %u %d 0 ", view->pid, view->name, view->state,
                   view->parent_pid, view->group, view->session, terminal_device(view->session),
                   terminal_foreground_group(view->session));
    snapshot_print(text, "%llu %llu 0 0 %llu %llu %llu %llu %d ", (number)view->minor_faults,
                   (number)view->children_minor_faults, (number)(view->user_ns / NS_PER_TICK),
                   (number)(view->system_ns / NS_PER_TICK),
                   (number)(view->children_user_ns / NS_PER_TICK),
                   (number)(view->children_system_ns / NS_PER_TICK), priority_shown(&view->rights));
}

// From nice to kstkeip: 19 to 30. A zombie has no space.
static void print_memory(struct snapshot *text, const struct process_view *view,
                         const struct address_space *space)
{
    uint64_t resident = space ? atomic_load(&space->resident_pages) : 0;
    snapshot_print(text, "%d %u 0 %llu %llu %llu %llu ", view->rights.nice, view->thread_count,
                   (number)(view->start_ns / NS_PER_TICK),
                   (number)(space ? space->mapped_pages * PAGE_SIZE : 0), (number)resident,
                   (number)view->limits[RLIMIT_RSS].current);
    snapshot_print(text, "%llu %llu %llu 0 0 ", (number)(space ? space->code_start : 0),
                   (number)(space ? space->code_end : 0), (number)(space ? space->stack_start : 0));
}

// From signal to guest time: 31 to 44.
static void print_signals(struct snapshot *text, const struct process_view *view)
{
    uint64_t standard = 0x7fffffff; // the later ones are in `status` only, as on Linux
    snapshot_print(text, "%llu %llu %llu %llu 0 0 0 %u %u %u %u 0 0 0 ",
                   (number)(view->thread_pending & standard), (number)(view->blocked & standard),
                   (number)(view->ignored & standard), (number)(view->caught & standard),
                   view->exit_signal, view->cpu, view->rights.realtime_priority,
                   view->rights.policy);
}

static void print_borders(struct snapshot *text, const struct process_view *view,
                          const struct address_space *space)
{
    static const struct address_space none;
    if (!space)
        space = &none;
    snapshot_print(text, "%llu %llu %llu %llu %llu %llu %llu %u\n", (number)space->data_start,
                   (number)space->data_end, (number)space->brk_start, (number)space->argument_start,
                   (number)space->argument_end, (number)space->environment_start,
                   (number)space->environment_end, view->exit_status);
}

static void fill_stat(struct snapshot *text, struct process *process)
{
    struct process_view view;
    process_inspect(process, proc_inode_thread(text->inode, process), &view);
    struct address_space *space = process_space_get(process);
    print_identity(text, &view);
    print_memory(text, &view, space);
    print_signals(text, &view);
    print_borders(text, &view, space);
    if (space)
        address_space_release(space);
}

PROC_TEXT_FILE(proc_stat, fill_stat);

static void fill_statm(struct snapshot *text, struct process *process)
{
    struct address_space *space = process_space_get(process);
    struct address_space_usage usage = { 0 };
    uint64_t code_pages = 0;
    if (space) {
        address_space_measure(space, &usage);
        code_pages =
            align_up(space->code_end - align_down(space->code_start, PAGE_SIZE), PAGE_SIZE) /
            PAGE_SIZE;
        address_space_release(space);
    }
    snapshot_print(text, "%llu %llu %llu %llu 0 %llu 0\n", (number)usage.mapped,
                   (number)usage.resident, (number)(usage.resident_file + usage.resident_shared),
                   (number)code_pages, (number)(usage.data + usage.stack));
}

PROC_TEXT_FILE(proc_statm, fill_statm);
