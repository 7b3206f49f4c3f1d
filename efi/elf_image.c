// Reads the headers of kernel.elf (System V ABI, ELF-64 object file format). Called by main.c with
// the file's bytes. Believes nothing: every offset is checked before it is used,
// without overflow, and what passes fits the kernel's window with W^X rights.
#include "elf_image.h"

#include "boot_info.h"
#include "memory.h"

#define PAGE_SIZE 4096ull

#define ELF_CLASS_64 2u
#define ELF_LITTLE_ENDIAN 1u
#define ELF_TYPE_EXECUTABLE 2u
#define ELF_MACHINE_X86_64 62u
#define ELF_LOAD 1u
#define ELF_SECTION_ABSENT 8u // takes no place in the file
#define ELF_FLAG_EXECUTE 1u
#define ELF_FLAG_WRITE 2u

#define RELOCATION_WHOLE 0x80000000u // an entry of the list: 8 bytes change; else 4
#define TOP_GAP (2ull << 20)         // small negative numbers are no addresses of the image

struct elf_header {
    uint8_t magic[4];
    uint8_t class;
    uint8_t byte_order;
    uint8_t identification[10];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers;
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_header_size;
    uint16_t program_header_count;
    uint16_t section_header_size;
    uint16_t section_header_count;
    uint16_t section_names;
};

struct elf_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual;
    uint64_t physical;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

struct elf_section_header {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t address;
    uint64_t offset;
    uint64_t size;
    uint32_t link, information;
    uint64_t alignment, entry_size;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF header layout");
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF program header layout");
_Static_assert(sizeof(struct elf_section_header) == 64, "ELF section header layout");

static const char truncated[] = "is truncated";

static bool file_holds(uint64_t size, uint64_t offset, uint64_t length)
{
    return offset <= size && length <= size - offset;
}

static const char *check_header(const struct elf_header *header, uint64_t size)
{
    if (header->byte_order != ELF_LITTLE_ENDIAN || header->machine != ELF_MACHINE_X86_64)
        return "is for another kind of machine, not x86-64";
    if (header->type != ELF_TYPE_EXECUTABLE)
        return "is an ELF file but not an executable";
    if (header->program_header_size != sizeof(struct elf_program_header))
        return "has program headers of an unknown size";
    if (!file_holds(size, header->program_headers,
                    (uint64_t)header->program_header_count * sizeof(struct elf_program_header)))
        return truncated;
    // Linkers put the section headers last: without them, the end of the file is missing.
    if (!file_holds(size, header->section_headers,
                    (uint64_t)header->section_header_count * header->section_header_size))
        return truncated;
    return NULL;
}

static const char *add_segment(struct kernel_image *image, const struct elf_program_header *header,
                               uint64_t size)
{
    if (!file_holds(size, header->offset, header->file_size))
        return truncated;
    if (header->file_size > header->memory_size)
        return "has a segment that is larger in the file than in memory";
    uint64_t place = header->virtual - KERNEL_IMAGE_BASE; // huge if it lies below
    if (header->memory_size > IMAGE_WINDOW_SIZE || place > IMAGE_WINDOW_SIZE - header->memory_size)
        return "has a segment outside the kernel's part of the address space";
    if ((header->flags & ELF_FLAG_WRITE) && (header->flags & ELF_FLAG_EXECUTE))
        return "has a segment that is both writable and executable";
    if (image->segment_count == IMAGE_SEGMENT_LIMIT)
        return "has too many segments";

    uint64_t base = header->virtual & ~(PAGE_SIZE - 1);
    uint64_t end = (header->virtual + header->memory_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    if (image->segment_count == 0)
        image->virtual_base = base;
    else if (base < image->virtual_base + image->size)
        return "has segments that overlap, share a page or are out of order";
    image->size = end - image->virtual_base;
    image->segments[image->segment_count++] = (struct image_segment){
        .page_base = base,
        .page_size = end - base,
        .virtual = header->virtual,
        .file_offset = header->offset,
        .file_size = header->file_size,
        .write = header->flags & ELF_FLAG_WRITE,
        .execute = header->flags & ELF_FLAG_EXECUTE,
    };
    return NULL;
}

static bool entry_is_executable(const struct kernel_image *image)
{
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segments[i];
        if (segment->execute && image->entry >= segment->virtual &&
            image->entry - segment->virtual < segment->file_size)
            return true;
    }
    return false;
}

static struct elf_section_header read_section(const void *file, const struct elf_header *header,
                                              uint32_t index)
{
    struct elf_section_header section;
    memcpy(&section, (const uint8_t *)file + header->section_headers + index * sizeof(section),
           sizeof(section));
    return section;
}

// check_header() has seen that the section headers are in the file.
static const char *find_relocations(struct kernel_image *image, const void *file, uint64_t size,
                                    const struct elf_header *header)
{
    static const char wanted[] = ".relocations";
    if (header->section_header_size != sizeof(struct elf_section_header) ||
        header->section_names >= header->section_header_count)
        return NULL;
    struct elf_section_header names = read_section(file, header, header->section_names);
    if (names.type == ELF_SECTION_ABSENT || !file_holds(size, names.offset, names.size))
        return NULL;
    for (uint32_t i = 0; i < header->section_header_count; i++) {
        struct elf_section_header section = read_section(file, header, i);
        if (!file_holds(names.size, section.name, sizeof(wanted)) ||
            memcmp((const uint8_t *)file + names.offset + section.name, wanted, sizeof(wanted)) !=
                0)
            continue;
        if (section.type == ELF_SECTION_ABSENT || !file_holds(size, section.offset, section.size))
            return truncated;
        image->relocations = section.offset;
        image->relocation_count = section.size / sizeof(uint32_t);
        return NULL;
    }
    return NULL;
}

const char *elf_image_parse(const void *file, uint64_t size, struct kernel_image *image)
{
    struct elf_header header;
    memset(image, 0, sizeof(*image));
    memset(&header, 0, sizeof(header));
    if (size == 0)
        return "is empty";
    memcpy(&header, file, size < sizeof(header) ? size : sizeof(header));
    if (memcmp(header.magic, "\177ELF", sizeof(header.magic)) != 0)
        return "is not an ELF file";
    if (size < sizeof(header))
        return truncated;
    if (header.class != ELF_CLASS_64)
        return "is a 32-bit ELF file, not a 64-bit one";
    const char *wrong = check_header(&header, size);
    for (uint32_t i = 0; !wrong && i < header.program_header_count; i++) {
        struct elf_program_header segment;
        memcpy(&segment, (const uint8_t *)file + header.program_headers + i * sizeof(segment),
               sizeof(segment));
        if (segment.type == ELF_LOAD && segment.memory_size > 0)
            wrong = add_segment(image, &segment, size);
    }
    if (wrong)
        return wrong;
    image->entry = header.entry;
    if (!entry_is_executable(image))
        return "has an entry point outside its code";
    return find_relocations(image, file, size, &header);
}

void elf_image_load(const struct kernel_image *image, const void *file, void *memory)
{
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segments[i];
        memcpy((uint8_t *)memory + (segment->virtual - image->virtual_base),
               (const uint8_t *)file + segment->file_offset, segment->file_size);
    }
}

uint64_t elf_image_room(const struct kernel_image *image)
{
    uint64_t space = 0 - image->virtual_base - TOP_GAP;
    if (image->relocation_count == 0 || image->size > space)
        return 0;
    return (space - image->size) / PAGE_SIZE;
}

// Addresses of the image as they lie in it: all 64 bits, or the lower half of what the CPU extends
// with its sign. Both are in the top 2 GiB before and after, so bit 31 is set and nothing is
// carried out of the lower half.
static bool move_address(uint8_t *place, bool whole, uint64_t distance)
{
    uint64_t address = UINT64_MAX;
    uint64_t width = whole ? sizeof(uint64_t) : sizeof(uint32_t);
    memcpy(&address, place, width); // little-endian
    uint64_t moved = address + distance;
    if (address < KERNEL_IMAGE_BASE || moved < address)
        return false;
    memcpy(place, &moved, width);
    return true;
}

bool elf_image_move(struct kernel_image *image, const void *file, void *memory, uint64_t page_count)
{
    uint64_t distance = page_count * PAGE_SIZE;
    uint64_t below = image->virtual_base - KERNEL_IMAGE_BASE;
    for (uint64_t i = 0; i < image->relocation_count; i++) {
        uint32_t entry;
        memcpy(&entry, (const uint8_t *)file + image->relocations + i * sizeof(entry),
               sizeof(entry));
        bool whole = entry & RELOCATION_WHOLE;
        uint64_t offset = (entry & ~RELOCATION_WHOLE) - below; // huge if the place lies below
        uint64_t width = whole ? sizeof(uint64_t) : sizeof(uint32_t);
        if (offset > image->size - width ||
            !move_address((uint8_t *)memory + offset, whole, distance))
            return false;
    }
    for (uint32_t i = 0; i < image->segment_count; i++) {
        image->segments[i].page_base += distance;
        image->segments[i].virtual += distance;
    }
    image->virtual_base += distance;
    image->entry += distance;
    return true;
}
