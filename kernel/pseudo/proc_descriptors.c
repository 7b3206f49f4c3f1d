// /proc/PID/fd: a link for each open file. Called by the path walk with the namespace mutex held.
// Opening such a link opens the file's inode anew, pipes too. Invariant: files and tables are let
// go of late only, since the process may close or end meanwhile and the last reference be ours.
#include "abi/errno.h"
#include "fs/path.h"
#include "fs/pipe.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/inspect.h"
#include "pseudo/proc_inode.h"
#include "pseudo/proc_links.h"

#define LINK_SIZE 64u // what Linux tells of these
#define DESCRIPTOR_DIGITS 5u

// -ENOENT when the process was collected; *files is NULL for a zombie, which has none.
static int find_files(const struct inode *inode, struct file_table **files)
{
    struct process *process = proc_inode_process(inode);
    *files = NULL;
    if (!process)
        return -ENOENT;
    *files = process_files_get(process);
    process_release(process);
    return 0;
}

// The file with a reference; NULL when the descriptor was closed or the process has ended.
static struct file *take_file(const struct inode *inode, int descriptor)
{
    struct file_table *files;
    if (find_files(inode, &files) != 0 || !files)
        return NULL;
    struct file *file = file_table_get(files, descriptor);
    file_table_release_late(files);
    return file;
}

static int64_t read_descriptor(struct inode *link, char *buffer, size_t size)
{
    struct file *file = take_file(link, proc_inode_descriptor(link));
    if (!file)
        return -ENOENT;
    int64_t length;
    if (pipe_is_unnamed(file->inode)) {
        char text[32];
        format_text(text, sizeof(text), "pipe:[%llu]", (unsigned long long)file->inode->number);
        length = proc_link_text(text, false, buffer, size);
    } else {
        bool removed = file->inode->link_count == 0;
        char *path = path_of_file_locked(file);
        length = proc_link_text(path ? path : "?", removed, buffer, size);
        memory_release(path);
    }
    file_release_late(file);
    return length;
}

static int follow_descriptor(struct inode *link, struct inode **target)
{
    struct file *file = take_file(link, proc_inode_descriptor(link));
    if (!file)
        return -ENOENT;
    inode_reference(file->inode);
    *target = file->inode;
    file_release_late(file);
    return 0;
}

static const struct link_operations descriptor_link = {
    .read = read_descriptor,
    .follow = follow_descriptor,
};

// The permission bits say what the file was opened for.
static uint32_t link_mode(const struct file *file)
{
    uint32_t reads = file_is_readable(file) ? 0400 : 0;
    uint32_t writes = file_is_writable(file) ? 0200 : 0;
    return S_IFLNK | reads | writes | 0100;
}

static bool parse_descriptor(const char *name, uint32_t length, int *descriptor)
{
    int value = 0;
    if (length == 0 || length > DESCRIPTOR_DIGITS || (name[0] == '0' && length > 1))
        return false;
    for (uint32_t i = 0; i < length; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (name[i] - '0');
    }
    *descriptor = value;
    return true;
}

static uint64_t entry_number(const struct inode *directory, int descriptor)
{
    uint64_t first = directory->number - directory->number % (1u << 24); // the process's
    return first + proc_inode_number(0, PROC_KIND_DESCRIPTOR, (uint32_t)descriptor) -
           proc_inode_number(0, PROC_KIND_PROCESS, 0);
}

static int find_descriptor(struct inode *directory, const char *name, uint32_t length,
                           struct inode **result)
{
    int descriptor;
    struct file *file = NULL;
    if (parse_descriptor(name, length, &descriptor))
        file = take_file(directory, descriptor);
    if (!file)
        return -ENOENT;
    struct proc_node node = { .mode = link_mode(file), .link = &descriptor_link };
    file_release_late(file);
    *result = proc_inode_create(directory, &node, entry_number(directory, descriptor),
                                (uint64_t)directory->device_data);
    if (!*result)
        return -ENOMEM;
    (*result)->size = LINK_SIZE;
    return 0;
}

static int next_descriptor(struct inode *directory, uint64_t *position, struct computed_name *name)
{
    struct file_table *files;
    int error = find_files(directory, &files);
    if (error || !files)
        return error;
    int descriptor = *position < FILE_TABLE_LIMIT ? file_table_next(files, (int)*position) : -1;
    file_table_release_late(files);
    if (descriptor < 0)
        return 0;
    *position = (uint64_t)descriptor;
    format_text(name->text, sizeof(name->text), "%d", descriptor);
    name->number = entry_number(directory, descriptor);
    name->mode = S_IFLNK;
    return 1;
}

static int name_directory(const struct inode *directory, char name[COMPUTED_NAME_SIZE])
{
    string_copy(name, "fd", COMPUTED_NAME_SIZE);
    return 0;
}

const struct name_operations proc_descriptor_names = {
    .lookup = find_descriptor,
    .next = next_descriptor,
    .own_name = name_directory,
};
