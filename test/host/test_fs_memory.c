// Descriptor tables, unpacking archives, and everything together while memory runs out: whatever
// fails, the end finds every object and frame.
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "allocations.h"
#include "fs/file_table.h"
#include "fs/pipe.h"
#include "fs_fixture.h"
#include "machine.h"
#include "test.h"

static uint8_t bytes[70000];
static char archive[200000];
static size_t archive_size;

static void append_archive(const void *data, size_t length)
{
    CHECK(archive_size + length + 4 <= sizeof(archive));
    memcpy(archive + archive_size, data, length);
    archive_size += length;
    while (archive_size % 4 != 0)
        archive[archive_size++] = '\0';
}

static void append_entry(const char *name, uint32_t mode, const void *data, size_t length)
{
    char header[128];
    int size = snprintf(header, sizeof(header),
                        "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1u, mode,
                        0u, 0u, 1u, 0u, length, 0u, 0u, 0u, 0u, strlen(name) + 1, 0u);
    char text[200];

    int total = snprintf(text, sizeof(text), "%.*s%s", size, header, name);
    append_archive(text, (size_t)total + 1);
    append_archive(data, length);
}

static void make_archive(void)
{
    archive_size = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 >> 4);
    append_entry("bin", S_IFDIR | 0755, "", 0);
    append_entry("bin/program", S_IFREG | 0755, bytes, sizeof(bytes));
    append_entry("bin/link", S_IFLNK | 0777, "program", 7);
    append_entry("replaced", S_IFREG | 0644, "old", 3);
    append_entry("TRAILER!!!", 0, "", 0);
    append_entry("replaced", S_IFREG | 0600, "newer", 5); // a second archive
    append_entry("TRAILER!!!", 0, "", 0);
}

// Programs' writes leave a reserve of frames; what the kernel itself unpacks may use it.
TEST(fs_full)
{
    char page[PAGE_SIZE] = "x";
    uint64_t position = 0;
    fs_start();
    struct file *file = fs_open("full", O_CREAT | O_RDWR);
    machine_exhaust();
    CHECK_EQUAL(inode_page_room(), 0);
    CHECK_EQUAL(fs_write(file, page, sizeof(page), &position), -ENOSPC);
    machine_give_back(256); // of 64 MiB, less than a sixteenth
    CHECK_EQUAL(fs_write(file, page, sizeof(page), &position), -ENOSPC);
    CHECK_EQUAL(inode_write(file->inode, 0, page, sizeof(page)), 0);
    CHECK_EQUAL(fs_write(file, page, sizeof(page), &position), PAGE_SIZE); // no hole
    CHECK_EQUAL(fs_write(file, page, sizeof(page), &position), -ENOSPC);
    machine_give_back(UINT64_MAX);
    CHECK(inode_page_room() > 0);
    CHECK_EQUAL(fs_write(file, page, sizeof(page), &position), PAGE_SIZE);
    file_release(file);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "full", false), 0);
    fs_end();
}

// Whole pages go into holes by a way of their own, not so over pages that are there.
TEST(fs_kernel_writes)
{
    static uint8_t data[3 * PAGE_SIZE], read[3 * PAGE_SIZE];

    fs_start();
    struct file *file = fs_open("kernel", O_CREAT | O_RDWR);
    memset(data, 'a', sizeof(data));
    CHECK_EQUAL(inode_write(file->inode, PAGE_SIZE, data, 2 * PAGE_SIZE), 0);
    memset(data + 2 * PAGE_SIZE, 'b', PAGE_SIZE);
    CHECK_EQUAL(inode_write(file->inode, 2 * PAGE_SIZE, data + 2 * PAGE_SIZE, PAGE_SIZE), 0);
    data[PAGE_SIZE - 1] = 'c'; // the end of what was a hole
    memset(data, 0, PAGE_SIZE - 1);
    CHECK_EQUAL(inode_write(file->inode, PAGE_SIZE - 1, "c", 1), 0);
    CHECK_EQUAL(fs_read(file, read, sizeof(read), NULL), sizeof(read));
    CHECK(memcmp(read, data, sizeof(data)) == 0);
    CHECK_EQUAL(file->inode->pages.page_count, 3);
    file_release(file);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "kernel", false), 0);
    fs_end();
}

TEST(fs_unpack)
{
    static uint8_t read[sizeof(bytes) + 1];
    struct abi_stat stat;

    make_archive();
    fs_start();
    CHECK_EQUAL(memory_fs_unpack(archive, archive_size), 0);
    struct file *file = fs_open("/bin/link", O_RDONLY);
    CHECK_EQUAL(fs_read(file, read, sizeof(read), NULL), sizeof(bytes));
    CHECK(memcmp(read, bytes, sizeof(bytes)) == 0);
    file_stat(file, &stat);
    CHECK_EQUAL(stat.mode, S_IFREG | 0755);
    file_release(file);
    file = fs_open("/replaced", O_RDONLY);
    CHECK_EQUAL(fs_read(file, read, sizeof(read), NULL), 5);
    CHECK(memcmp(read, "newer", 5) == 0);
    file_release(file);
    fs_end();
}

TEST(fs_unpack_keeps_what_came_before_the_damage)
{
    make_archive();
    fs_start();
    CHECK_EQUAL(memory_fs_unpack(archive, 40000), -EINVAL);
    inode_release(fs_look_up("/bin"));
    struct inode *inode;
    CHECK_EQUAL(path_lookup(memory_fs_root(), "/replaced", 0, &inode), -ENOENT);
    fs_end();
}

TEST(fs_file_table)
{
    fs_start();
    struct file_table *table = file_table_create();
    struct file *file = fs_open("/", O_RDONLY);
    CHECK(table != NULL);
    for (int i = 0; i < 1000; i++) {
        file_reference(file);
        CHECK_EQUAL(file_table_install(table, file, 0, 1000000, i % 2 != 0), i);
    }
    CHECK_EQUAL(file_table_install(table, file, 0, 5, false), -EMFILE);
    CHECK_EQUAL(file_table_replace(table, file, 2000, FILE_TABLE_LIMIT, true), 2000);
    CHECK_EQUAL(file_table_replace(table, file, FILE_TABLE_LIMIT, 5000, true), -EBADF);
    CHECK_EQUAL(file_table_replace(table, file, 5, FILE_TABLE_LIMIT, true), 5);
    CHECK_EQUAL(file->references, 1002);
    struct file_table *copy = file_table_copy(table);
    CHECK(copy != NULL);
    CHECK_EQUAL(file->references, 2003);
    file_table_close_on_exec(copy); // every second one, and 2000
    CHECK_EQUAL(file->references, 1502);
    file_table_release(copy);
    CHECK_EQUAL(file_table_close(table, -1), -EBADF);
    CHECK_EQUAL(file_table_close(table, 7), 0);
    CHECK_EQUAL(file_table_close(table, 7), -EBADF);
    file_reference(file);
    CHECK_EQUAL(file_table_install(table, file, 3, 1000000, false), 7);
    file_table_release(table);
    CHECK_EQUAL(file->references, 1);
    file_release(file);
    fs_end();
}

static void use_names(void)
{
    static const struct fs_step steps[] = {
        FS_STEP(FS_MAKE_DIRECTORY, "/a", NULL, 0, 0),
        FS_STEP(FS_MAKE_DIRECTORY, "/a/b", NULL, 0, 0),
        FS_STEP(FS_OPEN, "/a/f", NULL, O_CREAT | O_WRONLY, 0),
        FS_STEP(FS_SYMLINK, "/l", "a/f", 0, 0),
        FS_STEP(FS_SYMLINK, "/m", "/a/../l", 0, 0),
        FS_STEP(FS_OPEN, "/m", NULL, 0, 0),
        FS_STEP(FS_LINK, "/a/f", "/h", 0, 0),
        FS_STEP(FS_RENAME, "/a/b", "/c", 0, 0),
        FS_STEP(FS_RENAME, "/h", "/l", 0, 0),
        FS_STEP(FS_RENAME, "/c", "/a/zz", 0, 0),
        FS_STEP(FS_UNLINK, "/a/f", NULL, 0, 0),
        FS_STEP(FS_MAKE_NODE, "/fifo", NULL, S_IFIFO, 0),
        FS_STEP(FS_OPEN, "/fifo", NULL, O_RDWR, 0),
        FS_STEP(FS_OPEN, "/a", NULL, O_DIRECTORY, 0),
    };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        (void)fs_do(&steps[i]);
}

static void use_files(void)
{
    struct file *pipe[2], *file;

    if (pipe_create(0, pipe) == 0) {
        (void)!fs_write(pipe[1], bytes, sizeof(bytes), NULL);
        file_release(pipe[0]);
        file_release(pipe[1]);
    }
    if (path_open(memory_fs_root(), "/big", O_CREAT | O_RDWR, 0644, &file) == 0) {
        (void)!fs_write(file, bytes, sizeof(bytes), NULL);
        file_release(file);
    }
}

static void use_table(void)
{
    struct file_table *table = file_table_create(), *copy;
    struct file *file;

    if (table == NULL)
        return;
    if (path_open(memory_fs_root(), "/", 0, 0, &file) == 0) {
        for (int i = 0; i < 200; i++) {
            file_reference(file);
            if (file_table_install(table, file, 0, 1000, false) < 0)
                file_release(file);
        }
        (void)!file_table_replace(table, file, 900, 1000, false);
        file_release(file);
    }
    copy = file_table_copy(table);
    if (copy != NULL)
        file_table_release(copy);
    file_table_release(table);
}

static void use_unpack(void)
{
    int error = memory_fs_unpack(archive, archive_size);

    CHECK(error == 0 || error == -ENOMEM);
}

// The allocation number `n` fails, and all after it or none.
TEST(fs_without_memory)
{
    static void (*const uses[])(void) = { use_names, use_files, use_table, use_unpack };

    make_archive();
    for (size_t use = 0; use < ARRAY_SIZE(uses); use++) {
        uint64_t n = 0;
        do {
            fs_start();
            allocations.fail_once = n % 2 != 0;
            allocations.fail_after = n / 2;
            allocations.failed = false;
            uses[use]();
            allocations.fail_after = ALLOCATIONS_NEVER_FAIL;
            fs_end();
            n++;
        } while (allocations.failed);
        CHECK(n > 10);
    }
}
