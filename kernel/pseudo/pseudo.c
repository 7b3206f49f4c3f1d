// Makes the nodes of /dev and /proc. Called once at boot, after the archive was unpacked: a node of
// the archive with the same name, which has no operations, gives way.
#include "pseudo/pseudo.h"

#include "abi/errno.h"
#include "debug/log.h"
#include "fs/memory_fs.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "pseudo/devices.h"
#include "pseudo/proc_inode.h"

struct pseudo_node {
    const char *path;
    uint32_t mode;
    uint32_t minor; // of major number 1, for devices
    const struct file_operations *operations;
};

#define DEVICE_MODE (S_IFCHR | 0666)
#define TEXT_MODE (S_IFREG | 0444)
#define MEMORY_MAJOR 1u
#define PROC_PREFIX "/proc/"

static const struct name_operations no_computed_names;

static const struct pseudo_node nodes[] = {
    { "/dev/null", DEVICE_MODE, 3, &null_operations },
    { "/dev/zero", DEVICE_MODE, 5, &zero_operations },
    { "/dev/full", DEVICE_MODE, 7, &full_operations },
    { "/dev/random", DEVICE_MODE, 8, &random_operations },
    { "/dev/urandom", DEVICE_MODE, 9, &random_operations },
    { "/dev/kmsg", S_IFCHR | 0644, 11, &kmsg_operations },
    { "/proc/trace", S_IFREG | 0400, 0, &trace_file_operations },
    { "/proc/live", TEXT_MODE, 0, &live_operations },
#if DEBUG_CHECKS
    { "/proc/fail", TEXT_MODE, 0, &fail_operations },
    { "/proc/fail_trail", TEXT_MODE, 0, &fail_trail_operations },
#endif
    { "/proc/cmdline", TEXT_MODE, 0, &kernel_command_line_operations },
    { "/proc/cpuinfo", TEXT_MODE, 0, &cpuinfo_operations },
    { "/proc/filesystems", TEXT_MODE, 0, &filesystems_operations },
    { "/proc/interrupts", TEXT_MODE, 0, &interrupts_operations },
    { "/proc/kmsg", S_IFREG | 0400, 0, &proc_kmsg_operations },
    { "/proc/latency", TEXT_MODE, 0, &latency_operations },
    { "/proc/loadavg", TEXT_MODE, 0, &loadavg_operations },
    { "/proc/lock_stat", TEXT_MODE, 0, &lock_statistics_operations },
    { "/proc/meminfo", TEXT_MODE, 0, &meminfo_operations },
    { "/proc/page_tables", S_IFREG | 0400, 0, &page_tables_operations },
    { "/proc/sched", TEXT_MODE, 0, &sched_operations },
    { "/proc/stat", TEXT_MODE, 0, &stat_operations },
    { "/proc/uptime", TEXT_MODE, 0, &uptime_operations },
    { "/proc/version", TEXT_MODE, 0, &version_operations },
    { "/proc/sys/kernel/hostname", S_IFREG | 0644, 0, &hostname_operations },
    { "/proc/sys/kernel/osrelease", TEXT_MODE, 0, &osrelease_operations },
    { "/proc/sys/kernel/ostype", TEXT_MODE, 0, &ostype_operations },
    { "/proc/sys/kernel/pid_max", TEXT_MODE, 0, &pid_max_operations },
};

// No program runs yet: what cannot be made is a bad archive or no memory, and the boot goes on.
static void check_made(int error, const char *path)
{
    if (error)
        log_error("pseudo", "%s cannot be made: error %d", path, -error);
}

static void make_directory(const char *path)
{
    int error = path_make_directory(memory_fs_root(), path, 0755);
    check_made(error == -EEXIST ? 0 : error, path);
}

static void clear_name(const char *path)
{
    int error = path_unlink(memory_fs_root(), path, false);
    check_made(error == -ENOENT ? 0 : error, path);
}

// Symbolic links: fixed text.
static const struct {
    const char *path, *target;
} links[] = {
    { "/dev/fd", "/proc/self/fd" },       { "/dev/stdin", "/proc/self/fd/0" },
    { "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
    { "/proc/mounts", "self/mounts" },
};

// The directories of /proc, inner ones first: once /proc has its operations, nothing is made there.
static const struct {
    const char *path;
    const struct name_operations *operations;
} sealed_directories[] = {
    { "/proc/sys/kernel", &no_computed_names },
    { "/proc/sys", &no_computed_names },
    { "/proc", &proc_root_names },
};

static void make_node(const struct pseudo_node *node)
{
    bool is_device = (node->mode & S_IFMT) == S_IFCHR;
    uint64_t device = is_device ? MEMORY_MAJOR << 8 | node->minor : 0;
    clear_name(node->path);
    check_made(
        path_make_node(memory_fs_root(), node->path, node->mode, device, node->operations, NULL),
        node->path);
}

// Everything in /proc is of one file system, which is not the root's.
static void mark_proc(const char *path, const struct name_operations *operations)
{
    struct inode *inode;
    int error = path_lookup(memory_fs_root(), path, LOOKUP_NO_FOLLOW, &inode);
    check_made(error, path);
    if (error)
        return;
    inode->device = PROC_DEVICE_NUMBER;
    inode->name_operations = operations;
    inode_release(inode);
}

static void make_links(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        clear_name(links[i].path);
        check_made(path_symlink(memory_fs_root(), links[i].path, links[i].target), links[i].path);
    }
    check_made(path_computed_link(memory_fs_root(), "/proc/self", &proc_self_link), "/proc/self");
}

void pseudo_init(const struct command_line *line)
{
    proc_system_init(line);
    make_directory("/dev");
    make_directory("/proc");
    make_directory("/proc/sys");
    make_directory("/proc/sys/kernel");
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        make_node(&nodes[i]);
    make_links();
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        if (strncmp(nodes[i].path, PROC_PREFIX, strlen(PROC_PREFIX)) == 0)
            mark_proc(nodes[i].path, NULL);
    }
    mark_proc("/proc/mounts", NULL);
    mark_proc("/proc/self", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(sealed_directories); i++)
        mark_proc(sealed_directories[i].path, sealed_directories[i].operations);
}
