// The directories of /proc that are made on the spot: the processes in /proc, and what each of them
// has. Called by the path walk with the namespace mutex held. Invariant: an inode number says which
// process, which file, which descriptor; the same file has the same number every time.
#include "abi/errno.h"
#include "lib/format.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "proc/inspect.h"
#include "pseudo/devices.h"
#include "pseudo/proc_inode.h"

#define NUMBER_BASE (1ull << 48) // above all counted numbers
#define PID_SHIFT 24u
#define KIND_SHIFT 16u
#define DETAIL_MASK 0xffffu
#define PID_DIGITS 9u
#define IN_THREAD 1u // detail of /proc/PID/task/TID and of what is in it; TID is the number then

#define FILE_MODE (S_IFREG | 0444)
#define OWNER_FILE_MODE (S_IFREG | 0400)
#define LINK_MODE (S_IFLNK | 0777)

static const struct name_operations process_names, thread_list_names, thread_names;

static const struct proc_node process_node = { .mode = S_IFDIR | 0555, .names = &process_names };
static const struct proc_node thread_node = { .mode = S_IFDIR | 0555, .names = &thread_names };

static const struct proc_node nodes[] = {
    { "cmdline", FILE_MODE, .file = &proc_command_line_operations },
    { "comm", S_IFREG | 0644, .file = &proc_comm_operations },
    { "cwd", LINK_MODE, .link = &proc_directory_link },
    { "environ", OWNER_FILE_MODE, .file = &proc_environment_operations },
    { "exe", LINK_MODE, .link = &proc_executable_link },
#if DEBUG_CHECKS
    { "fail-nth", S_IFREG | 0600, .file = &proc_fail_nth_operations },
#endif
    { "fd", S_IFDIR | 0500, .names = &proc_descriptor_names },
    { "limits", FILE_MODE, .file = &proc_limits_operations },
    { "maps", FILE_MODE, .file = &proc_maps_operations },
    { "mounts", FILE_MODE, .file = &mounts_operations },
    { "registers", OWNER_FILE_MODE, .file = &proc_registers_operations },
    { "root", LINK_MODE, .link = &proc_root_link },
    { "stat", FILE_MODE, .file = &proc_stat_operations },
    { "statm", FILE_MODE, .file = &proc_statm_operations },
    { "status", FILE_MODE, .file = &proc_status_operations },
    { "task", S_IFDIR | 0555, .names = &thread_list_names }, // the last: not in a thread's
};

uint64_t proc_inode_number(uint32_t pid, uint32_t kind, uint32_t detail)
{
    return NUMBER_BASE | (uint64_t)pid << PID_SHIFT | kind << KIND_SHIFT | detail;
}

static uint32_t inode_pid(const struct inode *inode)
{
    return (uint32_t)((inode->number & ~NUMBER_BASE) >> PID_SHIFT);
}

uint32_t proc_inode_thread(const struct inode *inode, const struct process *process)
{
    uint32_t number = inode_pid(inode);
    bool is_thread = number != process->pid || (inode->number & DETAIL_MASK) == IN_THREAD;
    return is_thread ? number : 0;
}

int proc_inode_descriptor(const struct inode *inode)
{
    return (int)(inode->number & DETAIL_MASK);
}

static uint64_t inode_start_ns(const struct inode *inode)
{
    return (uint64_t)inode->device_data;
}

struct process *proc_inode_process(const struct inode *inode)
{
    struct process *process = process_find(inode_pid(inode));
    if (!process || process->start_ns == inode_start_ns(inode))
        return process;
    process_release(process);
    return NULL;
}

void proc_text_make(struct snapshot *text, proc_text_fill fill)
{
    struct process *process = proc_inode_process(text->inode);
    if (!process) {
        text->error = -ESRCH;
        return;
    }
    fill(text, process);
    process_release(process);
}

struct inode *proc_inode_create(struct inode *directory, const struct proc_node *node,
                                uint64_t number, uint64_t start_ns)
{
    struct inode *inode = inode_create(node->mode);
    if (!inode)
        return NULL;
    inode->number = number;
    inode->device = directory->device;
    inode->link_count = 1;
    inode->device_data = (void *)start_ns;
    inode->device_operations = node->file;
    inode->has_fixed_mode = true;
    inode->link_operations = node->link;
    inode->name_operations = node->names;
    if (node->names) {
        inode->link_count = 2;
        inode_reference(directory);
        inode->parent = directory;
    }
    return inode;
}

// A decimal number without leading zeros; false when the name is none.
static bool parse_pid(const char *name, uint32_t length, uint32_t *pid)
{
    uint32_t value = 0;
    if (length == 0 || length > PID_DIGITS || (name[0] == '0' && length > 1))
        return false;
    for (uint32_t i = 0; i < length; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(name[i] - '0');
    }
    *pid = value;
    return true;
}

static int find_process(struct inode *directory, const char *name, uint32_t length,
                        struct inode **result)
{
    uint32_t pid;
    if (!parse_pid(name, length, &pid))
        return -ENOENT;
    struct process *process = process_find(pid);
    if (!process)
        return -ENOENT;
    uint64_t number = proc_inode_number(pid, PROC_KIND_PROCESS, 0);
    *result = proc_inode_create(directory, &process_node, number, process->start_ns);
    process_release(process);
    return *result ? 0 : -ENOMEM;
}

// Positions are pids.
static int next_process(struct inode *directory, uint64_t *position, struct computed_name *name)
{
    if (*position > UINT32_MAX)
        return 0;
    struct process *process = process_find_from((uint32_t)*position);
    if (!process)
        return 0;
    *position = process->pid;
    format_text(name->text, sizeof(name->text), "%u", process->pid);
    name->number = proc_inode_number(process->pid, PROC_KIND_PROCESS, 0);
    name->mode = process_node.mode;
    process_release(process);
    return 1;
}

const struct name_operations proc_root_names = {
    .lookup = find_process,
    .next = next_process,
};

static uint32_t node_kind(size_t index)
{
    return (uint32_t)index + 1;
}

static bool process_is_there(const struct inode *directory)
{
    struct process *process = proc_inode_process(directory);
    if (process)
        process_release(process);
    return process != NULL;
}

// A process's directory has all nodes, its thread's those before the last.
static size_t count_nodes(const struct inode *directory)
{
    return ARRAY_SIZE(nodes) - (directory->name_operations == &thread_names);
}

static uint64_t node_number(const struct inode *directory, size_t index)
{
    uint32_t detail = directory->name_operations == &thread_names ? IN_THREAD : 0;
    return proc_inode_number(inode_pid(directory), node_kind(index), detail);
}

static int find_node(struct inode *directory, const char *name, uint32_t length,
                     struct inode **result)
{
    if (!process_is_there(directory))
        return -ENOENT;
    for (size_t i = 0; i < count_nodes(directory); i++) {
        if (strlen(nodes[i].name) != length || memcmp(nodes[i].name, name, length) != 0)
            continue;
        uint64_t number = node_number(directory, i);
        *result = proc_inode_create(directory, &nodes[i], number, inode_start_ns(directory));
        return *result ? 0 : -ENOMEM;
    }
    return -ENOENT;
}

static int next_node(struct inode *directory, uint64_t *position, struct computed_name *name)
{
    if (!process_is_there(directory))
        return -ENOENT;
    if (*position >= count_nodes(directory))
        return 0;
    const struct proc_node *node = &nodes[*position];
    string_copy(name->text, node->name, sizeof(name->text));
    name->number = node_number(directory, *position);
    name->mode = node->mode;
    return 1;
}

static int name_process(const struct inode *directory, char name[COMPUTED_NAME_SIZE])
{
    format_text(name, COMPUTED_NAME_SIZE, "%u", inode_pid(directory));
    return process_is_there(directory) ? 0 : -ENOENT;
}

static const struct name_operations process_names = {
    .lookup = find_node,
    .next = next_node,
    .own_name = name_process,
};

static const struct name_operations thread_names = {
    .lookup = find_node,
    .next = next_node,
    .own_name = name_process,
};

static int find_thread(struct inode *directory, const char *name, uint32_t length,
                       struct inode **result)
{
    uint32_t tid;
    struct process *process = proc_inode_process(directory);
    if (!process)
        return -ENOENT;
    bool found = parse_pid(name, length, &tid) && process_has_thread(process, tid);
    process_release(process);
    if (!found)
        return -ENOENT;
    *result = proc_inode_create(directory, &thread_node,
                                proc_inode_number(tid, PROC_KIND_PROCESS, IN_THREAD),
                                inode_start_ns(directory));
    return *result ? 0 : -ENOMEM;
}

// Positions are thread numbers.
static int next_thread(struct inode *directory, uint64_t *position, struct computed_name *name)
{
    struct process *process = proc_inode_process(directory);
    if (!process)
        return -ENOENT;
    uint32_t tid = *position <= UINT32_MAX ? process_next_thread(process, (uint32_t)*position) : 0;
    process_release(process);
    if (!tid)
        return 0;
    *position = tid;
    format_text(name->text, sizeof(name->text), "%u", tid);
    name->number = proc_inode_number(tid, PROC_KIND_PROCESS, IN_THREAD);
    name->mode = thread_node.mode;
    return 1;
}

static int name_thread_list(const struct inode *directory, char name[COMPUTED_NAME_SIZE])
{
    string_copy(name, "task", COMPUTED_NAME_SIZE);
    return process_is_there(directory) ? 0 : -ENOENT;
}

static const struct name_operations thread_list_names = {
    .lookup = find_thread,
    .next = next_thread,
    .own_name = name_thread_list,
};
