// A kernel.elf made by hand, for the tests of the loader's reader.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Of a segment's header: where it is in the file, where its fields are.
#define SEGMENT(number) (64 + 56 * (number))
#define SEGMENT_FLAGS 4
#define SEGMENT_OFFSET 8
#define SEGMENT_VIRTUAL 16
#define SEGMENT_FILE_SIZE 32
#define SEGMENT_MEMORY_SIZE 40
#define SECTIONS (2 * 4096 + 256) // headers of add_relocations(): none, names, relocations

void put(uint8_t *file, size_t offset, uint64_t value, size_t size);
// A header and two segments: code in the first page of the file, data from the second on. Three
// pages must be there; the size of the file.
size_t make_kernel(uint8_t *file);
// Behind the second page: a list of relocations, section headers, their names. The file's new size.
size_t add_relocations(uint8_t *file, const uint32_t *list, size_t count);
