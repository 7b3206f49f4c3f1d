// kernel.elf by hand (efi_kernel.h).
#include "efi_kernel.h"

#include <string.h>

#include "efi/elf_image.h"
#include "mem/frame.h"

void put(uint8_t *file, size_t offset, uint64_t value, size_t size)
{
    memcpy(file + offset, &value, size);
}

// A header and two segments: code in the first page of the file, data from the second on.
size_t make_kernel(uint8_t *file)
{
    static const uint8_t identity[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

    memset(file, 0, 3 * PAGE_SIZE);
    memcpy(file, identity, sizeof(identity));
    put(file, 16, 2, 2);  // executable
    put(file, 18, 62, 2); // x86-64
    put(file, 20, 1, 4);  // version
    put(file, 24, KERNEL_IMAGE_BASE + 0x100, 8);
    put(file, 32, 64, 8); // program headers
    put(file, 52, 64, 2);
    put(file, 54, 56, 2);
    put(file, 56, 2, 2);
    for (uint64_t i = 0; i < 2; i++) {
        size_t header = 64 + 56 * i;
        put(file, header, 1, 4);                  // LOAD
        put(file, header + 4, i == 0 ? 5 : 6, 4); // read and execute, read and write
        put(file, header + 8, i * PAGE_SIZE, 8);
        put(file, header + 16, KERNEL_IMAGE_BASE + i * PAGE_SIZE, 8);
        put(file, header + 24, KERNEL_IMAGE_BASE + i * PAGE_SIZE, 8);
        put(file, header + 32, PAGE_SIZE, 8);
        put(file, header + 40, (1 + i) * PAGE_SIZE, 8);
        put(file, header + 48, PAGE_SIZE, 8);
    }
    return 2 * PAGE_SIZE;
}

// Behind the second page: a list of relocations, section headers, their names.
size_t add_relocations(uint8_t *file, const uint32_t *list, size_t count)
{
    static const char names[] = "\0.names\0.relocations";
    size_t at = 2 * PAGE_SIZE, headers = at + 256;

    memcpy(file + at, list, count * sizeof(*list));
    memcpy(file + at + 128, names, sizeof(names));
    put(file, 40, headers, 8);
    put(file, 58, 64, 2);
    put(file, 60, 3, 2);
    put(file, 62, 1, 2);
    put(file, headers + 64, 1, 4);
    put(file, headers + 64 + 4, 3, 4); // a string table
    put(file, headers + 64 + 24, at + 128, 8);
    put(file, headers + 64 + 32, sizeof(names), 8);
    put(file, headers + 128, 8, 4);
    put(file, headers + 128 + 4, 1, 4);
    put(file, headers + 128 + 24, at, 8);
    put(file, headers + 128 + 32, count * sizeof(*list), 8);
    return headers + 3 * 64;
}
