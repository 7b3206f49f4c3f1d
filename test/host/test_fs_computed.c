// Directories whose names are computed, on a made-up tree: /n/1 … /n/9, each with itself below it.
// What lives by references only is counted exactly: fs_end() finds a reference too many or few.
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "fs/file_table.h"
#include "fs_fixture.h"
#include "mem/object_cache.h"
#include "test.h"

#define FIRST_NUMBER 1000u
#define COUNT 9u

static const struct name_operations number_names;

static int look_up_number(struct inode *directory, const char *name, uint32_t length,
                          struct inode **result)
{
    bool is_file = length == 1 && name[0] == 'f', is_link = length == 1 && name[0] == 'l';
    if (length != 1 || !(is_file || is_link || (name[0] >= '1' && name[0] <= '9')))
        return -ENOENT;
    static char target[] = "1/f";
    struct inode *inode = inode_create((is_file ? S_IFREG : is_link ? S_IFLNK : S_IFDIR) | 0555);
    CHECK(inode != NULL);
    inode->number = FIRST_NUMBER + (uint32_t)name[0];
    inode->device = directory->device;
    inode->link_count = 1;
    if (is_link) {
        inode->link_target = memory_duplicate_string(target);
        inode->size = strlen(target);
    }
    if (!is_file && !is_link) {
        inode->name_operations = &number_names;
        inode_reference(directory);
        inode->parent = directory;
    }
    *result = inode;
    return 0;
}

static int next_number(struct inode *directory, uint64_t *position, struct computed_name *name)
{
    if (*position >= COUNT)
        return 0;
    snprintf(name->text, sizeof(name->text), "%u", (unsigned)*position + 1);
    name->number = FIRST_NUMBER + '1' + *position;
    name->mode = S_IFDIR;
    return 1;
}

static int own_number(const struct inode *directory, char name[COMPUTED_NAME_SIZE])
{
    snprintf(name, COMPUTED_NAME_SIZE, "%c", (char)(directory->number - FIRST_NUMBER));
    return directory->number == FIRST_NUMBER + '9' ? -ENOENT : 0;
}

static const struct name_operations number_names = {
    .lookup = look_up_number,
    .next = next_number,
    .own_name = own_number,
};

static void start_numbers(void)
{
    fs_start();
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/n", 0755), 0);
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/n/real", 0755), 0);
    struct inode *inode = fs_look_up("/n");
    inode->name_operations = &number_names;
    inode_release(inode);
}

TEST(fs_computed_names_are_walked)
{
    static const struct fs_step steps[] = {
        FS_STEP(FS_LOOK_UP, "/n/1/2/3", NULL, 0, 0),
        FS_STEP(FS_LOOK_UP, "/n/1/../2/../../n/3/4/..", NULL, 0, 0),
        FS_STEP(FS_LOOK_UP, "/n/1/2/../../real", NULL, 0, 0),
        FS_STEP(FS_LOOK_UP, "/n/0", NULL, 0, -ENOENT),
        FS_STEP(FS_LOOK_UP, "/n/1/0/2", NULL, 0, -ENOENT),
        FS_STEP(FS_LOOK_UP, "/n/1/f/2", NULL, 0, -ENOTDIR),
        FS_STEP(FS_LOOK_UP, "/n/1/f/", NULL, 0, -ENOTDIR),
        FS_STEP(FS_LOOK_UP, "/n/2/l", NULL, 0, 0),
        FS_STEP(FS_LOOK_UP, "/n/2/l/", NULL, 0, -ENOTDIR),
        FS_STEP(FS_OPEN, "/n/3", NULL, O_DIRECTORY, 0),
        FS_STEP(FS_OPEN, "/n/3/4", NULL, O_WRONLY, -EISDIR),
        FS_STEP(FS_OPEN, "/n/new", NULL, O_CREAT | O_WRONLY, -ENOENT),
        FS_STEP(FS_MAKE_DIRECTORY, "/n/new", NULL, 0, -ENOENT),
        FS_STEP(FS_MAKE_DIRECTORY, "/n/1", NULL, 0, -EEXIST),
        FS_STEP(FS_MAKE_DIRECTORY, "/n/1/new", NULL, 0, -ENOENT),
        FS_STEP(FS_REMOVE_DIRECTORY, "/n/1", NULL, 0, -EPERM),
        FS_STEP(FS_REMOVE_DIRECTORY, "/n/real", NULL, 0, -EPERM),
        FS_STEP(FS_UNLINK, "/n/1/f", NULL, 0, -EPERM),
        FS_STEP(FS_UNLINK, "/n/none", NULL, 0, -ENOENT),
        FS_STEP(FS_RENAME, "/n/1", "/n/2", 0, -EPERM),
        FS_STEP(FS_RENAME, "/n/1", "/n/new", 0, -ENOENT),
        FS_STEP(FS_LINK, "/n/1/f", "/n/new", 0, -ENOENT),
    };

    start_numbers();
    fs_run(__FILE__, steps, sizeof(steps) / sizeof(steps[0]));
    fs_end();
}

// Inside and out again, with nothing but a working directory's reference.
TEST(fs_computed_directories_have_paths)
{
    char path[32];
    start_numbers();
    struct inode *inner = fs_look_up("/n/1/2");
    CHECK_EQUAL(path_of_directory(inner, path, sizeof(path)), 7);
    CHECK(strcmp(path, "/n/1/2") == 0);
    CHECK_EQUAL(path_of_directory(inner, path, 6), -ERANGE);
    struct inode *outer, *gone;
    CHECK_EQUAL(path_lookup(inner, "../../real", 0, &outer), 0);
    inode_release(outer);
    CHECK_EQUAL(path_lookup(inner, "9", 0, &gone), 0);
    CHECK_EQUAL(path_of_directory(gone, path, sizeof(path)), -ENOENT);
    inode_release(gone);
    inode_release(inner);
    struct file *file = fs_open("/n/1/f", O_RDONLY | O_PATH);
    char *file_path = path_of_file(file);
    CHECK(strcmp(file_path, "/n/1/f") == 0);
    memory_release(file_path);
    file_release(file);
    fs_end();
}

// Entries first, then the computed names; a small buffer goes on where it was full.
TEST(fs_computed_names_are_listed)
{
    char found[COUNT + 4][8] = { 0 };
    unsigned count = 0;
    start_numbers();
    struct file *file = fs_open("/n", O_RDONLY);
    for (;;) {
        _Alignas(8) char buffer[64];
        int64_t length =
            file->operations->read_directory(file, buffer, sizeof(buffer), &file->position);
        CHECK(length >= 0);
        if (length == 0)
            break;
        for (int64_t at = 0; at < length;) {
            const struct abi_dirent64 *record = (const void *)(buffer + at);
            CHECK(count < COUNT + 4);
            snprintf(found[count++], sizeof(found[0]), "%s", record->name);
            at += record->reclen;
        }
    }
    file_release(file);
    CHECK_EQUAL(count, COUNT + 3);
    CHECK(strcmp(found[2], "real") == 0 && strcmp(found[3], "1") == 0);
    CHECK(strcmp(found[COUNT + 2], "9") == 0);
    fs_end();
}

static unsigned late_releases;

// Another path is walked: who held the namespace mutex here would stand in its own way.
static void release_and_walk(struct file *file)
{
    inode_release(fs_look_up("/"));
    late_releases++;
}

static const struct file_operations late_operations = { .release = release_and_walk };

// The last reference of a file, and that of a table with another file.
static int look_up_and_let_go(struct inode *directory, const char *name, uint32_t length,
                              struct inode **result)
{
    struct file_table *table = file_table_create();
    struct file *single = file_create(&late_operations, NULL, O_RDONLY);
    struct file *inner = file_create(&late_operations, NULL, O_RDONLY);
    CHECK(table && single && inner);
    CHECK_EQUAL(file_table_install(table, inner, 0, 16, false), 0);
    file_table_release_late(table);
    file_release_late(single);
    CHECK_EQUAL(late_releases, 0);
    return -ENOENT;
}

// As /proc/PID/fd does when the process closes or ends meanwhile.
TEST(fs_files_let_go_of_during_a_walk_end_after_it)
{
    static const struct name_operations operations = { .lookup = look_up_and_let_go };
    struct inode *inode;

    fs_start();
    CHECK_EQUAL(path_make_directory(memory_fs_root(), "/late", 0755), 0);
    inode = fs_look_up("/late");
    inode->name_operations = &operations;
    inode_release(inode);
    late_releases = 0;
    CHECK_EQUAL(path_lookup(memory_fs_root(), "/late/x", 0, &inode), -ENOENT);
    CHECK_EQUAL(late_releases, 2);
    fs_end();
}
