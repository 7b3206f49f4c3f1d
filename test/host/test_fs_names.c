// Names in the memory file system: what Linux answers to lookups, renames and removals of every
// odd kind, links, directories that were removed, and reading directories that change.
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "fs_fixture.h"
#include "mem/object_cache.h"
#include "test.h"

#define RUN(steps) fs_run(__FILE__, steps, ARRAY_SIZE(steps))
#define TOUCH (O_CREAT | O_WRONLY)

// /a/b, /a/f
static const struct fs_step small_tree[] = {
    FS_STEP(FS_MAKE_DIRECTORY, "/a", NULL, 0, 0),
    FS_STEP(FS_MAKE_DIRECTORY, "a/b/", NULL, 0, 0),
    FS_STEP(FS_OPEN, "/a/f", NULL, TOUCH, 0),
};

TEST(fs_open_and_create)
{
    static const struct fs_step steps[] = {
        FS_STEP(FS_MAKE_DIRECTORY, "/a", NULL, 0, -EEXIST),
        FS_STEP(FS_MAKE_DIRECTORY, "/", NULL, 0, -EEXIST),
        FS_STEP(FS_MAKE_DIRECTORY, "/x/y", NULL, 0, -ENOENT),
        FS_STEP(FS_OPEN, "/a/f/", NULL, TOUCH, -EISDIR),
        FS_STEP(FS_OPEN, "/a/g/", NULL, TOUCH, -EISDIR),
        FS_STEP(FS_OPEN, "/a/f/g", NULL, TOUCH, -ENOTDIR),
        FS_STEP(FS_OPEN, "/a/f/", NULL, 0, -ENOTDIR),
        FS_STEP(FS_OPEN, "/a", NULL, O_WRONLY, -EISDIR),
        FS_STEP(FS_OPEN, "/a", NULL, O_CREAT, -EISDIR),
        FS_STEP(FS_OPEN, "/a/f", NULL, O_CREAT | O_EXCL, -EEXIST),
        FS_STEP(FS_OPEN, "/a/f", NULL, O_DIRECTORY, -ENOTDIR),
        FS_STEP(FS_OPEN, "/a", NULL, O_DIRECTORY, 0),
        FS_STEP(FS_LOOK_UP, "", NULL, 0, -ENOENT),
        FS_STEP(FS_LOOK_UP, "/../../..", NULL, 0, 0),
        FS_STEP(FS_LOOK_UP, "//a///b//", NULL, 0, 0),
        FS_STEP(FS_MAKE_NODE, "/device", NULL, S_IFCHR, 0),
        FS_STEP(FS_OPEN, "/device", NULL, 0, -ENXIO),
        FS_STEP(FS_MAKE_NODE, "/fifo", NULL, S_IFIFO, 0),
        FS_STEP(FS_OPEN, "/fifo", NULL, O_WRONLY | O_NONBLOCK, -ENXIO),
        FS_STEP(FS_OPEN, "/fifo", NULL, O_RDONLY | O_NONBLOCK, 0),
        FS_STEP(FS_OPEN, "/fifo", NULL, O_RDWR, 0),
        FS_STEP(FS_OPEN, "/fifo", NULL, O_RDONLY, -EINTR),
    };

    fs_start();
    RUN(small_tree);
    RUN(steps);
    fs_end();
}

TEST(fs_symbolic_links)
{
    static const struct fs_step steps[] = {
        FS_STEP(FS_SYMLINK, "/l", "a/f", 0, 0),
        FS_STEP(FS_OPEN, "/l", NULL, 0, 0),
        FS_STEP(FS_OPEN, "/l", NULL, O_NOFOLLOW, -ELOOP),
        FS_STEP(FS_OPEN, "/l/", NULL, 0, -ENOTDIR),
        FS_STEP(FS_OPEN, "/l", NULL, O_NOFOLLOW | O_PATH, 0),
        FS_STEP(FS_SYMLINK, "/dangling", "a/new", 0, 0),
        FS_STEP(FS_OPEN, "/dangling", NULL, 0, -ENOENT),
        FS_STEP(FS_OPEN, "/dangling", NULL, O_CREAT | O_EXCL, -EEXIST),
        FS_STEP(FS_OPEN, "/dangling", NULL, TOUCH, 0),
        FS_STEP(FS_LOOK_UP, "/a/new", NULL, 0, 0),
        FS_STEP(FS_SYMLINK, "/ld", "a", 0, 0),
        FS_STEP(FS_LOOK_UP, "/ld/../a/b/../f", NULL, 0, 0),
        FS_STEP(FS_REMOVE_DIRECTORY, "/ld/", NULL, 0, -ENOTDIR),
        FS_STEP(FS_REMOVE_DIRECTORY, "/ld", NULL, 0, -ENOTDIR),
        FS_STEP(FS_SYMLINK, "/loop", "loop", 0, 0),
        FS_STEP(FS_LOOK_UP, "/loop", NULL, 0, -ELOOP),
        FS_STEP(FS_LOOK_UP, "/loop", NULL, LOOKUP_NO_FOLLOW, 0),
        FS_STEP(FS_LOOK_UP, "/loop/x", NULL, 0, -ELOOP),
    };
    char name[16], target[16] = "a/f", text[4];

    fs_start();
    RUN(small_tree);
    RUN(steps);
    for (int i = 0; i <= 40; i++) { // 40 links may be followed, not 41
        snprintf(name, sizeof(name), "/chain%d", i);
        CHECK_EQUAL(path_symlink(memory_fs_root(), name, target), 0);
        snprintf(target, sizeof(target), "chain%d", i);
        struct fs_step step = FS_STEP(FS_LOOK_UP, name, NULL, 0, i < 40 ? 0 : -ELOOP);
        fs_run(__FILE__, &step, 1);
    }
    CHECK_EQUAL(path_read_link(memory_fs_root(), "/l", text, 2), 3);
    CHECK_EQUAL(path_read_link(memory_fs_root(), "/a", text, 2), -EINVAL);
    fs_end();
}

TEST(fs_unlink_and_rename)
{
    static const struct fs_step steps[] = {
        FS_STEP(FS_REMOVE_DIRECTORY, "/a", NULL, 0, -ENOTEMPTY),
        FS_STEP(FS_UNLINK, "/a", NULL, 0, -EISDIR),
        FS_STEP(FS_REMOVE_DIRECTORY, "/a/f", NULL, 0, -ENOTDIR),
        FS_STEP(FS_REMOVE_DIRECTORY, "/", NULL, 0, -EBUSY),
        FS_STEP(FS_REMOVE_DIRECTORY, "/a/.", NULL, 0, -EINVAL),
        FS_STEP(FS_REMOVE_DIRECTORY, "/a/b/..", NULL, 0, -ENOTEMPTY),
        FS_STEP(FS_UNLINK, "/a/f/", NULL, 0, -ENOTDIR),
        FS_STEP(FS_UNLINK, "/a/zz", NULL, 0, -ENOENT),
        FS_STEP(FS_UNLINK, "/.", NULL, 0, -EISDIR),
        FS_STEP(FS_RENAME, "/a", "/a/b/c", 0, -EINVAL),
        FS_STEP(FS_RENAME, "/a", "/a/b", 0, -EINVAL),
        FS_STEP(FS_RENAME, "/a/b", "/a", 0, -ENOTEMPTY),
        FS_STEP(FS_RENAME, "/a", "/a", 0, 0),
        FS_STEP(FS_RENAME, "/a/f", "/a/f", RENAME_NOREPLACE, -EEXIST),
        FS_STEP(FS_RENAME, "/a/f", "/a/b", 0, -EISDIR),
        FS_STEP(FS_RENAME, "/a/b", "/a/f", 0, -ENOTDIR),
        FS_STEP(FS_RENAME, "/a/f", "/a/q/", 0, -ENOTDIR),
        FS_STEP(FS_RENAME, "/a/.", "/q", 0, -EBUSY),
        FS_STEP(FS_RENAME, "/a/b", "/..", 0, -EBUSY),
        FS_STEP(FS_RENAME, "/", "/q", 0, -EBUSY),
        FS_STEP(FS_MAKE_DIRECTORY, "/d1", NULL, 0, 0),
        FS_STEP(FS_MAKE_DIRECTORY, "/d1/e", NULL, 0, 0),
        FS_STEP(FS_MAKE_DIRECTORY, "/d2", NULL, 0, 0),
        FS_STEP(FS_RENAME, "/d2", "/d1", 0, -ENOTEMPTY),
        FS_STEP(FS_RENAME, "/d1", "/d2", 0, 0),
        FS_STEP(FS_LOOK_UP, "/d2/e", NULL, 0, 0),
        FS_STEP(FS_LOOK_UP, "/d1", NULL, 0, -ENOENT),
        FS_STEP(FS_RENAME, "/d2/e/", "/a/e2/", 0, 0),
        FS_STEP(FS_LINK, "/a/f", "/h", 0, 0),
        FS_STEP(FS_LINK, "/a", "/h2", 0, -EPERM),
        FS_STEP(FS_LINK, "/a/f", "/h", 0, -EEXIST),
        FS_STEP(FS_LINK, "/a/f", "/hx/", 0, -ENOENT),
        FS_STEP(FS_RENAME, "/h", "/a/f", 0, 0), // two names of one file: both stay
        FS_STEP(FS_LOOK_UP, "/h", NULL, 0, 0),
    };

    fs_start();
    RUN(small_tree);
    RUN(steps);
    fs_end();
}

TEST(fs_lengths_of_names)
{
    static char name[5000];
    struct fs_step step = FS_STEP(FS_OPEN, name, NULL, TOUCH, -ENAMETOOLONG);

    fs_start();
    memset(name, 'x', 256);
    fs_run(__FILE__, &step, 1);
    name[255] = '\0';
    step.result = 0;
    fs_run(__FILE__, &step, 1);
    memset(name, '/', 4096);
    step = (struct fs_step)FS_STEP(FS_LOOK_UP, name, NULL, 0, -ENAMETOOLONG);
    fs_run(__FILE__, &step, 1);
    name[4095] = '\0';
    step.result = 0;
    fs_run(__FILE__, &step, 1);
    fs_end();
}

// Who still has a removed directory open can leave it, and nothing can be made in it.
TEST(fs_removed_directories)
{
    struct inode *directory, *below, *up;
    struct abi_stat stat;
    struct file *file;
    char path[100];

    fs_start();
    RUN(small_tree);
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/a/b/c", 0755), 0);
    directory = fs_look_up("/a/b");
    below = fs_look_up("/a/b/c");
    CHECK_EQUAL(path_of_directory(directory, path, sizeof(path)), 5);
    CHECK_TEXT(path, "/a/b");
    CHECK_EQUAL(path_of_directory(directory, path, 4), -ERANGE);
    inode_stat(directory, &stat);
    CHECK_EQUAL(stat.nlink, 3);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "/a/b/c", true), 0);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "/a/b/", true), 0);
    CHECK_EQUAL(path_of_directory(directory, path, sizeof(path)), -ENOENT);
    CHECK_EQUAL(path_make_directory(directory, "z", 0755), -ENOENT);
    CHECK_EQUAL(path_open(directory, "z", TOUCH, 0644, &file), -ENOENT);
    CHECK_EQUAL(path_rename(memory_fs_root(), "/a/f", directory, "z", 0), -ENOENT);
    inode_release(directory);
    CHECK_EQUAL(path_lookup(below, "../../f", 0, &up), 0);
    inode_release(up);
    inode_release(below);
    fs_end();
}

// Every entry is removed as soon as it was read; each must come exactly once.
TEST(fs_reading_a_directory_that_shrinks)
{
    char name[64], buffer[200];
    uint64_t position = 0;
    int64_t length;
    int seen = 0;

    fs_start();
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/many", 0755), 0);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "/many/file%d", i);
        file_release(fs_open(name, TOUCH));
    }
    struct file *file = fs_open("/many", O_DIRECTORY);
    CHECK_EQUAL(file->operations->read_directory(file, buffer, 10, &position), -EINVAL);
    while ((length = file->operations->read_directory(file, buffer, sizeof(buffer), &position)) >
           0) {
        for (int64_t offset = 0; offset < length; seen++) {
            const struct abi_dirent64 *entry = (const void *)(buffer + offset);
            offset += entry->reclen;
            if (strncmp(entry->name, "file", 4) != 0)
                continue;
            snprintf(name, sizeof(name), "/many/%s", entry->name);
            CHECK_EQUAL(path_unlink(memory_fs_root(), name, false), 0);
        }
    }
    CHECK_EQUAL(length, 0);
    CHECK_EQUAL(seen, 52);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "/many", true), 0);
    position = 0;
    CHECK_EQUAL(file->operations->read_directory(file, buffer, sizeof(buffer), &position), 0);
    CHECK_EQUAL(fs_read(file, buffer, 1, NULL), -EISDIR);
    file_release(file);
    fs_end();
}

// Taking the tree down must not recurse. Names longer than any path are not kept.
TEST(fs_deep_tree)
{
    static char path[PATH_LIMIT];
    struct inode *deepest, *next;
    struct file *file;

    fs_start();
    deepest = memory_fs_root();
    inode_reference(deepest);
    for (int i = 0; i < 20000; i++) {
        CHECK_EQUAL(path_make_directory(deepest, "d", 0755), 0);
        CHECK_EQUAL(path_lookup(deepest, "d", 0, &next), 0);
        inode_release(deepest);
        deepest = next;
        if (i + 1 == 2047)
            CHECK_EQUAL(path_of_directory(deepest, path, sizeof(path)), 2 * 2047 + 1);
        if (i + 1 == 2048)
            CHECK_EQUAL(path_of_directory(deepest, path, sizeof(path)), -ENAMETOOLONG);
    }
    CHECK_EQUAL(path_of_directory(deepest, path, 1), -ENAMETOOLONG);
    CHECK_EQUAL(path_open(deepest, "file", TOUCH, 0644, &file), 0);
    CHECK(path_of_file(file) == NULL);
    file_release(file);
    inode_release(deepest);
    fs_end();
}

static void check_file_path(const struct file *file, const char *expected)
{
    char *path = path_of_file(file);
    CHECK(path != NULL && strcmp(path, expected) == 0);
    memory_release(path);
}

// What an open file is called follows its directory, and outlives its name and the directory's.
TEST(fs_paths_of_open_files)
{
    static const char long_name[] = "/d/a-name-that-does-not-fit-into-the-file-itself";

    fs_start();
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/d", 0755), 0);
    struct file *file = fs_open("//d/./file", TOUCH), *other = fs_open(long_name, TOUCH);
    struct file *directory = fs_open("/d/", O_RDONLY), *root = fs_open("/", O_RDONLY);
    check_file_path(file, "/d/file");
    check_file_path(other, long_name);
    check_file_path(directory, "/d");
    check_file_path(root, "/");
    CHECK_EQUAL(path_unlink(memory_fs_root(), long_name, false), 0);
    CHECK_EQUAL(path_rename(memory_fs_root(), "/d", memory_fs_root(), "/e", 0), 0);
    check_file_path(file, "/e/file");
    check_file_path(directory, "/e");
    CHECK_EQUAL(path_unlink(memory_fs_root(), "/e/file", false), 0);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "/e", true), 0);
    check_file_path(file, "/e/file");
    check_file_path(directory, "/e");
    file_release(directory);
    file_release(file);
    file_release(other);
    file_release(root);
    fs_end();
}

// A directory that a rename put another one in the place of has no name any more.
TEST(fs_replaced_directory_has_no_path)
{
    char path[8];

    fs_start();
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/old", 0755), 0);
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/new", 0755), 0);
    struct file *file = fs_open("/new", O_RDONLY);
    CHECK_EQUAL(path_rename(memory_fs_root(), "/old", memory_fs_root(), "/new", 0), 0);
    CHECK(path_of_file(file) == NULL);
    CHECK_EQUAL(path_of_directory(file->inode, path, sizeof(path)), -ENOENT);
    file_release(file);
    fs_end();
}

// Names that begin alike, and lengths around the eight bytes that are compared first.
TEST(fs_names_that_begin_alike)
{
    static const char *const names[] = { "/a",         "/aa",        "/aaaaaaa",    "/aaaaaaaa",
                                         "/aaaaaaaab", "/aaaaaaaaa", "/aaaaaaaaab", "/b",
                                         "/ab",        "/aba" };
    struct inode *inodes[ARRAY_SIZE(names)];

    fs_start();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        file_release(fs_open(names[i], TOUCH));
        inodes[i] = fs_look_up(names[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct inode *again = fs_look_up(names[i]);
        CHECK(again == inodes[i]);
        for (size_t j = 0; j < i; j++)
            CHECK(inodes[j] != inodes[i]);
        inode_release(again);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CHECK_EQUAL(path_unlink(memory_fs_root(), names[i], false), 0);
        CHECK_EQUAL(path_unlink(memory_fs_root(), names[i], false), -ENOENT);
        inode_release(inodes[i]);
    }
    fs_end();
}
