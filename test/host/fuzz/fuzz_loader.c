// Any bytes as the kernel's file and as the firmware's load options, for the loader: no access
// outside of them, and what is accepted lies in the kernel's window and in the file. A good kernel
// with any list of relocations and any bytes changed, too.
#include <stdlib.h>
#include <string.h>

#include "efi/command_line.h"
#include "efi/elf_image.h"
#include "efi_kernel.h"
#include "mem/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_SIZE 64u
#define LIST_LIMIT 16u // what add_relocations() has room for

static void require(bool condition)
{
    if (!condition)
        abort();
}

// Nothing of what is moved lies outside of the image's memory; ASan sees that.
static void move(struct kernel_image *image, const uint8_t *file, uint8_t *memory, uint64_t pages)
{
    uint64_t room = elf_image_room(image), base = image->virtual_base;

    if (room == 0)
        return;
    pages = min_of(pages, room);
    if (!elf_image_move(image, file, memory, pages))
        return;
    require(image->virtual_base == base + pages * PAGE_SIZE);
    require(image->entry >= image->virtual_base &&
            image->entry - image->virtual_base < image->size);
    require(image->virtual_base + image->size > image->virtual_base);
}

static void try_kernel(const uint8_t *data, size_t size, uint64_t pages)
{
    struct kernel_image image;
    uint8_t *copy = malloc(size + 1); // aligned, and ASan sees the end

    memcpy(copy, data, size);
    memset(&image, 0, sizeof(image));
    if (elf_image_parse(copy, size, &image) == NULL && image.size <= 1 << 20) {
        uint8_t *memory = calloc(1, image.size);
        elf_image_load(&image, copy, memory);
        move(&image, copy, memory, pages);
        free(memory);
    }
    free(copy);
}

// Most lie where it matters: in the headers, in the list.
static size_t choose_place(uint8_t where, uint8_t offset, size_t file_size)
{
    static const size_t bases[] = { 0, SECTIONS, 2 * PAGE_SIZE };

    if (where % 4 < ARRAY_SIZE(bases))
        return min_of(bases[where % 4] + offset, file_size - 1);
    return (where * 251u + offset) % file_size;
}

// Two bytes say how far it moves, one how long the list is; the list; then changes of the file, of
// a byte each.
static void try_made_kernel(const uint8_t *data, size_t size)
{
    static uint8_t file[4 * PAGE_SIZE];
    uint32_t list[LIST_LIMIT];

    if (size < 3)
        return;
    size_t count = min_of((size_t)data[2] % LIST_LIMIT, (size - 3) / sizeof(*list));
    memcpy(list, data + 3, count * sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        if (!(list[i] & 0x01000000)) // most lie in the image or right behind it,
            list[i] &= 0x82003fff;
        if (!(list[i] & 0x02000000)) // where an address is
            list[i] &= ~7u;
        list[i] &= ~0x02000000u;
    }
    make_kernel(file);
    for (size_t place = 0x200; place < 2 * PAGE_SIZE; place += sizeof(uint64_t))
        put(file, place, KERNEL_IMAGE_BASE + place, sizeof(uint64_t));
    size_t file_size = add_relocations(file, list, count);
    for (size_t i = 3 + count * sizeof(*list); i + 3 <= size; i += 3)
        file[choose_place(data[i], data[i + 1], file_size)] = data[i + 2];
    try_kernel(file, file_size, data[0] | (uint64_t)data[1] << 8);
}

static void try_options(const uint8_t *data, size_t size)
{
    char *line = malloc(LINE_SIZE);
    uint32_t width, height;

    strcpy(line, "first");
    (void)command_line_append_options(line, LINE_SIZE, data, size);
    (void)command_line_append_text(line, LINE_SIZE, (const char *)data, size);
    require(strnlen(line, LINE_SIZE) < LINE_SIZE);
    (void)command_line_find_video(line, &width, &height);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_kernel(data, size, 1);
    try_made_kernel(data, size);
    try_options(data, size);
    return 0;
}
