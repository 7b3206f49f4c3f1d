// What the fs tests share: start and end with exact leak checks, and steps written as tables.
#include "fs_fixture.h"

#include "allocations.h"
#include "fs/pipe.h"
#include "machine.h"
#include "test.h"

static uint64_t free_frames;

void fs_start(void)
{
    if (free_frames == 0) { // the machine is made once in a case
        machine_start_mapped(64 * MIB);
        allocations_watch();
        free_frames = machine_free_frames();
    }
    memory_fs_init();
}

void fs_end(void)
{
    memory_fs_destroy();
    CHECK_EQUAL(inodes_live(), 0);
    CHECK_EQUAL(files_live(), 0);
    CHECK_EQUAL(pipes_live(), 0);
    CHECK_EQUAL(allocations.live, 0);
    CHECK_EQUAL(machine_free_frames(), free_frames);
}

int64_t fs_read(struct file *file, void *buffer, size_t length, uint64_t *position)
{
    struct user_iterator iterator;

    user_iterator_init(&iterator, user_addr_make((uint64_t)buffer), length);
    return file_read(file, &iterator, position);
}

int64_t fs_write(struct file *file, const void *data, size_t length, uint64_t *position)
{
    struct user_iterator iterator;

    user_iterator_init(&iterator, user_addr_make((uint64_t)data), length);
    return file_write(file, &iterator, position);
}

struct file *fs_open(const char *path, uint32_t flags)
{
    struct file *file = NULL;

    CHECK_EQUAL(path_open(memory_fs_root(), path, flags, 0644, &file), 0);
    return file;
}

struct inode *fs_look_up(const char *path)
{
    struct inode *inode = NULL;

    CHECK_EQUAL(path_lookup(memory_fs_root(), path, 0, &inode), 0);
    return inode;
}

static int open_and_close(const char *path, uint32_t flags)
{
    struct file *file;
    int error = path_open(memory_fs_root(), path, flags, 0644, &file);

    if (!error)
        file_release(file);
    return error;
}

static int look_up(const char *path, uint32_t flags)
{
    struct inode *inode;
    int error = path_lookup(memory_fs_root(), path, flags, &inode);

    if (!error)
        inode_release(inode);
    return error;
}

int fs_do(const struct fs_step *step)
{
    struct inode *root = memory_fs_root();

    switch (step->operation) {
    case FS_OPEN:
        return open_and_close(step->path, step->flags);
    case FS_LOOK_UP:
        return look_up(step->path, step->flags);
    case FS_MAKE_DIRECTORY:
        return path_make_directory(root, step->path, 0755);
    case FS_SYMLINK:
        return path_symlink(root, step->path, step->other);
    case FS_LINK:
        return path_link(root, step->path, root, step->other, LOOKUP_NO_FOLLOW);
    case FS_UNLINK:
        return path_unlink(root, step->path, false);
    case FS_REMOVE_DIRECTORY:
        return path_unlink(root, step->path, true);
    case FS_RENAME:
        return path_rename(root, step->path, root, step->other, step->flags);
    case FS_MAKE_NODE:
        return path_make_node(root, step->path, step->flags | 0600, 0x103, NULL, NULL);
    }
    return 0;
}

void fs_run(const char *file, const struct fs_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int result = fs_do(&steps[i]);
        if (result != steps[i].result)
            test_fail(file, steps[i].line, "%s: %d, not %d", steps[i].path, result,
                      steps[i].result);
    }
}
