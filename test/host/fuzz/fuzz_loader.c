// Any bytes as the kernel's file and as the firmware's load options, for the loader: no read
// outside of them, and what is accepted lies in the kernel's window and in the file.
#include <stdlib.h>
#include <string.h>

#include "command_line.h"
#include "elf_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_SIZE 64u

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_kernel(const uint8_t *data, size_t size)
{
    struct kernel_image image;
    uint8_t *copy = malloc(size + 1); // aligned, and ASan sees the end

    memcpy(copy, data, size);
    memset(&image, 0, sizeof(image));
    if (elf_image_parse(copy, size, &image) == NULL && image.size <= 1 << 20) {
        void *memory = malloc(image.size);
        memset(memory, 0, image.size);
        elf_image_load(&image, copy, memory);
        free(memory);
    }
    free(copy);
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
    try_kernel(data, size);
    try_options(data, size);
    return 0;
}
