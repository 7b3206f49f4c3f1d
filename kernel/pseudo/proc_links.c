// The links of /proc: self, and exe, cwd, root of a process. Called by the path walk with the
// namespace mutex held. exe and cwd lead to the inode itself, so they work when its name is gone.
#include "pseudo/proc_links.h"

#include "abi/errno.h"
#include "fs/memory_fs.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/inspect.h"
#include "pseudo/proc_inode.h"

int64_t proc_link_text(const char *text, bool removed, char *buffer, size_t size)
{
    static const char mark[] = " (deleted)";
    size_t length = strlen(text), mark_length = removed ? sizeof(mark) - 1 : 0;
    memcpy(buffer, text, min_of(length, size));
    if (size > length)
        memcpy(buffer + length, mark, min_of(mark_length, size - length));
    return (int64_t)(length + mark_length);
}

static int64_t read_self(struct inode *link, char *buffer, size_t size)
{
    char text[COMPUTED_NAME_SIZE];
    const struct process *process = current_process();
    if (!process)
        return -ENOENT;
    format_text(text, sizeof(text), "%u", process->pid);
    return proc_link_text(text, false, buffer, size);
}

const struct link_operations proc_self_link = { .read = read_self };

typedef struct inode *(*take_inode)(struct process *process);

// The inode with a reference; NULL when the process has none (any more).
static struct inode *take_target(const struct inode *link, take_inode take)
{
    struct process *process = proc_inode_process(link);
    if (!process)
        return NULL;
    struct inode *inode = take(process);
    process_release(process);
    return inode;
}

static int follow_target(const struct inode *link, take_inode take, struct inode **target)
{
    *target = take_target(link, take);
    return *target ? 0 : -ENOENT;
}

static int64_t read_executable(struct inode *link, char *buffer, size_t size)
{
    struct process *process = proc_inode_process(link);
    if (!process)
        return -ENOENT;
    char *path = memory_allocate(PATH_LIMIT);
    struct inode *inode = process_executable_get(process);
    int64_t length = path ? process_executable_path(process, path, PATH_LIMIT) : -ENOMEM;
    if (length >= 0)
        length = proc_link_text(path, inode && inode->link_count == 0, buffer, size);
    if (inode)
        inode_release(inode);
    memory_release(path);
    process_release(process);
    return length;
}

static int follow_executable(struct inode *link, struct inode **target)
{
    return follow_target(link, process_executable_get, target);
}

const struct link_operations proc_executable_link = {
    .read = read_executable,
    .follow = follow_executable,
};

static int64_t read_directory(struct inode *link, char *buffer, size_t size)
{
    struct inode *directory = take_target(link, process_directory_get);
    if (!directory)
        return -ENOENT;
    char *path = memory_allocate(PATH_LIMIT);
    int64_t length = path ? path_of_directory_locked(directory, path, PATH_LIMIT) : -ENOMEM;
    inode_release(directory);
    if (length >= 0)
        length = proc_link_text(path, false, buffer, size);
    memory_release(path);
    return length;
}

static int follow_directory(struct inode *link, struct inode **target)
{
    return follow_target(link, process_directory_get, target);
}

const struct link_operations proc_directory_link = {
    .read = read_directory,
    .follow = follow_directory,
};

// Everybody has the same root.
static int64_t read_root(struct inode *link, char *buffer, size_t size)
{
    return proc_link_text("/", false, buffer, size);
}

static int follow_root(struct inode *link, struct inode **target)
{
    *target = memory_fs_root();
    inode_reference(*target);
    return 0;
}

const struct link_operations proc_root_link = {
    .read = read_root,
    .follow = follow_root,
};
