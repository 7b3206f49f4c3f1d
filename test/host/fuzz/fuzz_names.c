// Any operations on any names in the memory file system, with files open across them. At the end
// not one inode, file, frame or object may be left; on the way every path that was found leads back
// to what it named.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fs_fixture.h"
#include "mem/object_cache.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPEN_LIMIT 4u
#define STEP_LIMIT 64u

struct input {
    const uint8_t *data;
    size_t left;
};

static struct file *files[OPEN_LIMIT];
static struct inode *folder; // relative paths begin here

void test_fail(const char *file, int line, const char *format, ...)
{
    abort();
}

// What the fake machine asks of whoever runs on it.
uint64_t random_number(void)
{
    return 4;
}

void cpu_relax(void)
{
}

struct address_space *current_address_space(void)
{
    return NULL;
}

static uint8_t next_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

// A path of words from a small set, and now and then of bytes as they come.
static void next_path(struct input *input, char path[64])
{
    static const char *const words[] = { "a", "b", "c", "..", ".", "l", "dd", "" };
    uint8_t shape = next_byte(input);
    path[0] = '\0';
    if (shape >= 0xf8) {
        for (int i = 0; i < 12; i++)
            path[i] = (char)next_byte(input);
        path[12] = '\0';
        return;
    }
    if (shape & 1)
        strcat(path, "/");
    for (int i = 0; i <= (shape >> 1) % 4; i++) {
        strcat(path, words[next_byte(input) % ARRAY_SIZE(words)]);
        if (i < (shape >> 1) % 4 || shape & 0x40)
            strcat(path, "/");
    }
}

static void look_up(const char *path, uint32_t flags)
{
    struct inode *inode, *again;
    char *name = NULL;

    if (path_lookup_named(folder, path, flags, &inode, &name) != 0)
        return;
    // (A removed one has the path where it was, and another may be there by now.)
    if (name != NULL && path_lookup(folder, name, flags | LOOKUP_NO_FOLLOW, &again) == 0) {
        CHECK(again == inode || inode->link_count == 0);
        inode_release(again);
    }
    memory_release(name);
    inode_release(inode);
}

static void enter(const char *path)
{
    struct inode *inode;
    char name[PATH_LIMIT];

    if (path_lookup(folder, path, LOOKUP_DIRECTORY, &inode) != 0)
        return;
    int64_t length = path_of_directory(inode, name, sizeof(name));
    CHECK(length < 0 || (name[0] == '/' && strlen(name) + 1 == (size_t)length));
    inode_release(folder);
    folder = inode;
}

static void open_at(struct input *input, const char *path)
{
    uint32_t place = next_byte(input) % OPEN_LIMIT, flags = next_byte(input) % 4;
    uint8_t more = next_byte(input);

    if (files[place] != NULL)
        file_release(files[place]);
    files[place] = NULL;
    flags |= O_NONBLOCK | (more & 1 ? O_CREAT : 0) | (more & 2 ? O_EXCL : 0) |
             (more & 4 ? O_TRUNC : 0) | (more & 8 ? O_DIRECTORY : 0) |
             (more & 16 ? O_NOFOLLOW : 0) | (more & 32 ? O_PATH : 0) | (more & 64 ? O_APPEND : 0);
    if (path_open(folder, path, flags, 0644, &files[place]) != 0)
        files[place] = NULL;
}

static void use_file(struct input *input)
{
    struct file *file = files[next_byte(input) % OPEN_LIMIT];
    static char text[9000];
    uint64_t position = next_byte(input) * 97u;
    size_t length = next_byte(input) * 35u;

    if (file == NULL)
        return;
    char *path = path_of_file(file);
    CHECK(path == NULL || path[0] == '/');
    memory_release(path);
    if (!file_is_readable(file) && !file_is_writable(file))
        return; // O_PATH
    if (file->inode == NULL || (file->inode->mode & S_IFMT) != S_IFREG)
        return;
    if (length % 2 == 0 && file_is_writable(file))
        (void)!fs_write(file, text, length, &position);
    else if (length % 3 == 0 && file_is_writable(file))
        (void)!inode_truncate(file->inode, position);
    else if (file_is_readable(file))
        CHECK(fs_read(file, text, length, &position) <= (int64_t)length);
}

static void step(struct input *input)
{
    uint8_t operation = next_byte(input);
    char path[64], other[64], text[16];

    next_path(input, path);
    next_path(input, other);
    switch (operation % 12) {
    case 0:
        (void)!path_make_directory(folder, path, 0755);
        break;
    case 1:
        (void)!path_symlink(folder, path, other);
        break;
    case 2:
        (void)!path_link(folder, path, folder, other, operation & 16 ? LOOKUP_NO_FOLLOW : 0);
        break;
    case 3:
        (void)!path_unlink(folder, path, false);
        break;
    case 4:
        (void)!path_unlink(folder, path, true);
        break;
    case 5:
    case 6:
        (void)!path_rename(folder, path, folder, other, operation & 16 ? RENAME_NOREPLACE : 0);
        break;
    case 7:
        (void)!path_make_node(folder, path, (operation & 16 ? S_IFIFO : S_IFREG) | 0600, 0, NULL,
                              NULL);
        break;
    case 8:
        CHECK(path_read_link(folder, path, text, sizeof(text)) < PATH_LIMIT);
        look_up(path, operation & 16 ? LOOKUP_NO_FOLLOW : 0);
        break;
    case 9:
        enter(path);
        break;
    case 10:
        open_at(input, path);
        break;
    default:
        use_file(input);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };

    fs_start();
    folder = memory_fs_root();
    inode_reference(folder);
    for (unsigned i = 0; i < STEP_LIMIT && input.left > 0; i++)
        step(&input);
    for (unsigned i = 0; i < OPEN_LIMIT; i++) {
        if (files[i] != NULL)
            file_release(files[i]);
        files[i] = NULL;
    }
    inode_release(folder);
    fs_end();
    return 0;
}
