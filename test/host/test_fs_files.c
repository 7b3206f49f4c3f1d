// Contents of regular files: random operations against an array, user memory that goes bad in the
// middle, the ends of what a file may be.
#include <string.h>

#include "abi/errno.h"
#include "fs_fixture.h"
#include "mem/frame.h"
#include "test.h"
#include "threads.h"

#define FILE_MAXIMUM 120000u
#define CHUNK_LIMIT 9000u

static uint8_t model[FILE_MAXIMUM], buffer[CHUNK_LIMIT];
static size_t model_size;

static void write_some(struct file *file, uint64_t offset, size_t length)
{
    size_t wanted = length;

    for (size_t i = 0; i < length; i++)
        buffer[i] = (uint8_t)random_number();
    if (random_below(4) == 0) {
        wanted = random_below(length + 1);
        user_bad_start = (uint64_t)buffer + wanted;
        user_bad_end = (uint64_t)buffer + sizeof(buffer);
    }
    uint64_t position = offset;
    int64_t result = fs_write(file, buffer, length, &position);
    user_bad_start = user_bad_end = 0;
    CHECK_EQUAL(result, wanted == 0 && length != 0 ? -EFAULT : (int64_t)wanted);
    memcpy(model + offset, buffer, wanted);
    if (wanted != 0 && offset + wanted > model_size)
        model_size = offset + wanted;
}

static void read_some(struct file *file, uint64_t offset, size_t length)
{
    uint64_t position = offset;
    size_t left = offset < model_size ? model_size - offset : 0;

    int64_t result = fs_read(file, buffer, length, &position);
    CHECK_EQUAL(result, left < length ? left : length);
    CHECK(memcmp(buffer, model + offset, (size_t)result) == 0);
}

// A mapping sees the file's bytes, and may scribble behind its end; nobody sees that in the file.
static void map_some(struct file *file, uint64_t index)
{
    struct memory_object *object = &file->inode->object;
    size_t start = index * PAGE_SIZE;
    int error = 0;
    struct frame *frame = object->operations->get_page(object, index, &error);

    if (start >= model_size) {
        CHECK(frame == NULL);
        CHECK_EQUAL(error, -ERANGE);
        return;
    }
    CHECK(frame != NULL);
    size_t length = model_size - start < PAGE_SIZE ? model_size - start : PAGE_SIZE;
    uint8_t *bytes = frame_pointer(frame);
    CHECK(memcmp(bytes, model + start, length) == 0);
    memset(bytes + length, 0x5a, PAGE_SIZE - length);
    frame_release(frame);
}

static void truncate_to(struct file *file, size_t size)
{
    CHECK_EQUAL(inode_truncate(file->inode, size), 0);
    if (size < model_size)
        memset(model + size, 0, model_size - size);
    model_size = size;
}

TEST(fs_file_contents_against_model)
{
    fs_start();
    struct file *file = fs_open("/f", O_CREAT | O_RDWR);
    CHECK_EQUAL(path_unlink(memory_fs_root(), "/f", false), 0); // lives on while open
    for (int i = 0; i < 10000; i++) {
        uint64_t offset = random_below(random_below(3) != 0 ? 9000 : 100000);
        size_t length = random_below(CHUNK_LIMIT);
        uint64_t choice = random_below(10);
        if (choice < 4)
            write_some(file, offset, length);
        else if (choice < 8)
            read_some(file, offset, length);
        else if (choice == 8)
            truncate_to(file, offset);
        else
            map_some(file, offset / PAGE_SIZE);
    }
    file_release(file);
    fs_end();
}

TEST(fs_file_ends_of_the_range)
{
    char bytes[10];
    uint64_t position = FILE_SIZE_LIMIT - 3;

    fs_start();
    struct file *file = fs_open("/f", O_CREAT | O_RDWR);
    CHECK_EQUAL(fs_write(file, "abcdef", 6, &position), 3);
    CHECK_EQUAL(fs_write(file, "a", 1, &position), -EFBIG);
    position = INT64_MAX;
    CHECK_EQUAL(fs_write(file, "a", 1, &position), -EFBIG);
    CHECK_EQUAL(fs_read(file, bytes, 1, &position), 0);
    position = UINT64_MAX;
    CHECK_EQUAL(fs_read(file, bytes, 1, &position), 0);
    CHECK_EQUAL(file_seek(file, INT64_MAX, SEEK_CUR), INT64_MAX);
    CHECK_EQUAL(file_seek(file, 1, SEEK_CUR), -EINVAL);
    CHECK_EQUAL(file_seek(file, INT64_MAX, SEEK_END), -EINVAL);
    CHECK_EQUAL(file_seek(file, -1, SEEK_SET), -EINVAL);
    CHECK_EQUAL(file_seek(file, 0, 9), -EINVAL);
    CHECK_EQUAL(file_seek(file, 0, SEEK_HOLE), FILE_SIZE_LIMIT);
    position = 0;
    CHECK_EQUAL(fs_read(file, (void *)(1ull << 63), 10, &position), -EFAULT);
    CHECK_EQUAL(fs_read(file, (void *)(1ull << 63), 0, &position), -EFAULT);
    CHECK_EQUAL(fs_write(file, "x", 0, NULL), 0);
    file_release(file);
    fs_end();
}

TEST(fs_file_access_modes)
{
    char bytes[10];
    uint64_t position = 0;
    struct file *other;

    fs_start();
    struct file *file = fs_open("/f", O_CREAT | O_WRONLY | O_APPEND);
    CHECK_EQUAL(fs_write(file, "abc", 3, NULL), 3);
    CHECK_EQUAL(fs_write(file, "def", 3, &position), 3); // appends whatever the position is
    CHECK_EQUAL(file->inode->size, 6);
    CHECK_EQUAL(fs_read(file, bytes, 1, NULL), -EBADF);
    CHECK_EQUAL(file->inode->write_openers, 1);
    atomic_store(&file->inode->executing, 1);
    CHECK_EQUAL(path_open(memory_fs_root(), "/f", O_RDWR, 0, &other), -ETXTBSY);
    CHECK_EQUAL(path_open(memory_fs_root(), "/f", O_TRUNC, 0, &other), -ETXTBSY);
    CHECK_EQUAL(file->inode->write_openers, 1);
    atomic_store(&file->inode->executing, 0);
    file_release(file);
    file = fs_open("/f", O_TRUNC | O_RDWR);
    CHECK_EQUAL(file->inode->size, 0);
    file_release(file);
    fs_end();
}
