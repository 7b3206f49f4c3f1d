// Makes the nodes of /dev and /proc. Called once at boot, after the archive was unpacked: a node of
// the archive with the same name, which has no operations, gives way.
#include "pseudo/pseudo.h"

#include "abi/errno.h"
#include "debug/log.h"
#include "fs/memory_fs.h"
#include "pseudo/devices.h"

struct pseudo_node {
    const char *path;
    uint32_t mode;
    uint32_t minor; // of major number 1, for devices
    const struct file_operations *operations;
};

#define DEVICE_MODE (S_IFCHR | 0666)
#define TEXT_MODE (S_IFREG | 0444)
#define MEMORY_MAJOR 1u

static const struct pseudo_node nodes[] = {
    { "/dev/null", DEVICE_MODE, 3, &null_operations },
    { "/dev/zero", DEVICE_MODE, 5, &zero_operations },
    { "/dev/full", DEVICE_MODE, 7, &full_operations },
    { "/dev/random", DEVICE_MODE, 8, &random_operations },
    { "/dev/urandom", DEVICE_MODE, 9, &random_operations },
    { "/dev/kmsg", S_IFCHR | 0644, 11, &kmsg_operations },
    { "/proc/trace", S_IFREG | 0400, 0, &trace_file_operations },
    { "/proc/live", TEXT_MODE, 0, &live_operations },
    { "/proc/uptime", TEXT_MODE, 0, &uptime_operations },
    { "/proc/meminfo", TEXT_MODE, 0, &meminfo_operations },
    { "/proc/version", TEXT_MODE, 0, &version_operations },
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

static void make_node(const struct pseudo_node *node)
{
    bool is_device = (node->mode & S_IFMT) == S_IFCHR;
    uint64_t device = is_device ? MEMORY_MAJOR << 8 | node->minor : 0;
    clear_name(node->path);
    check_made(
        path_make_node(memory_fs_root(), node->path, node->mode, device, node->operations, NULL),
        node->path);
}

void pseudo_init(void)
{
    make_directory("/dev");
    make_directory("/proc");
    make_directory("/proc/self");
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        make_node(&nodes[i]);
    clear_name("/proc/self/exe");
    check_made(path_computed_link(memory_fs_root(), "/proc/self/exe", &executable_link_operations),
               "/proc/self/exe");
}
