// kernel.elf: checks that it is an ELF64 executable that fits the kernel's window, lays it out in
// memory, and moves it to another address. Pure code: no firmware calls, reads outside data, tested
// on the host.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_SEGMENT_LIMIT 8u
#define IMAGE_WINDOW_SIZE (1ull << 30) // from KERNEL_IMAGE_BASE up, as linked

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
    uint64_t relocations;      // file offset of the list (kernel/kernel.mk), each inside the image
    uint64_t relocation_count; // 0: there is none, the image cannot move
};

// NULL when the file is good; else what is wrong with it, to follow the file's name in a sentence.
const char *elf_image_parse(const void *file, uint64_t size, struct kernel_image *image);
// Copies the segments to `memory`: image->size bytes, zeroed by the caller.
void elf_image_load(const struct kernel_image *image, const void *file, void *memory);

// How many pages up the image can move: it stays in the top 2 GiB, and out of their last 2 MiB. 0:
// it has no list of relocations, or no room.
uint64_t elf_image_room(const struct kernel_image *image);
// Moves what elf_image_load() laid out `page_count` pages up, once: changes the addresses in it,
// and everything in `image` but the segments' places in the file. Up to elf_image_room() pages.
// False: a place in the list does not hold an address of the image; nothing may be done with it
// then.
bool elf_image_move(struct kernel_image *image, const void *file, void *memory,
                    uint64_t page_count);
