// kernel.elf: checks that it is an ELF64 executable that fits the kernel's window, and lays it out
// in memory. Pure code: no firmware calls, reads outside data, tested on the host.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_SEGMENT_LIMIT 8u
#define IMAGE_WINDOW_SIZE (1ull << 30) // from KERNEL_IMAGE_BASE up

struct image_segment {
    uint64_t page_base; // virtual, page-aligned
    uint64_t page_size; // bytes, page multiple
    uint64_t virtual;   // where the file's bytes go, in the pages above
    uint64_t file_offset;
    uint64_t file_size;
    bool write, execute; // never both
};

struct kernel_image {
    uint64_t virtual_base; // page-aligned
    uint64_t size;         // bytes, page multiple
    uint64_t entry;        // inside an executable segment
    uint32_t segment_count;
    struct image_segment segments[IMAGE_SEGMENT_LIMIT]; // ascending, no page shared by two
};

// NULL when the file is good; else what is wrong with it, to follow the file's name in a sentence.
const char *elf_image_parse(const void *file, uint64_t size, struct kernel_image *image);
// Copies the segments to `memory`: image->size bytes, zeroed by the caller.
void elf_image_load(const struct kernel_image *image, const void *file, void *memory);
