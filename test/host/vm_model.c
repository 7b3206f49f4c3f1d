// The model's machine, and the comparison. What tables say is read by walk.c, not by the kernel.
#include "vm_model.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "allocations.h"
#include "cpu/features.h"
#include "machine.h"
#include "stubs.h"
#include "test.h"
#include "vm/pages.h"
#include "walk.h"

struct file_object {
    struct memory_object object;
    struct frame *frames[MODEL_FILE_PAGES];
    int references;
};

struct model_program programs[MODEL_PROGRAMS];
struct model_object model_file_words = { .is_file = true };
static struct file_object file;
struct memory_object *model_file = &file.object;
static uint64_t free_frames;

static struct frame *get_file_page(struct memory_object *object, uint64_t index, int *error)
{
    if (index >= MODEL_FILE_PAGES) {
        *error = -ERANGE;
        return NULL;
    }
    frame_reference(file.frames[index]);
    return file.frames[index];
}

static void reference_file(struct memory_object *object)
{
    file.references++;
}

static void release_file(struct memory_object *object)
{
    CHECK(file.references > 0);
    file.references--;
}

static const struct memory_object_operations file_operations = {
    .get_page = get_file_page,
    .reference = reference_file,
    .release = release_file,
};

void model_start(void)
{
    machine_start_mapped(64 * MIB);
    allocations_watch();
    cpu_features.nx = true;
    file.object.operations = &file_operations;
    for (uint64_t i = 0; i < MODEL_FILE_PAGES; i++) {
        file.frames[i] = frame_allocate_zeroed(FRAME_FILE);
        CHECK(file.frames[i] != NULL);
        model_file_words.words[i] = 1000 + i;
        *(uint64_t *)frame_pointer(file.frames[i]) = 1000 + i;
    }
    free_frames = machine_free_frames();
    programs[0].space = address_space_create();
    CHECK(programs[0].space != NULL);
    programs[0].space->mmap_top = MODEL_BASE + MODEL_PAGES * PAGE_SIZE;
}

void model_end(void)
{
    translation_switch(this_cpu(), NULL);
    for (size_t i = 0; i < MODEL_PROGRAMS; i++) {
        if (programs[i].space != NULL)
            address_space_release(programs[i].space);
    }
    CHECK_EQUAL(machine_free_frames(), free_frames);
    CHECK_EQUAL(allocations.live, 0);
    CHECK_EQUAL(address_spaces_live(), 0);
    CHECK_EQUAL(file.references, 0);
    for (size_t i = 0; i < MODEL_FILE_PAGES; i++)
        CHECK_EQUAL(file.frames[i]->references, 1);
}

struct model_object *model_shared_memory(void)
{
    struct model_object *object = calloc(1, sizeof(*object));

    CHECK(object != NULL);
    return object;
}

uint64_t *model_word(struct model_page *page, bool write)
{
    if (page->object == NULL || page->is_own)
        return &page->word;
    CHECK(page->index < ARRAY_SIZE(page->object->words));
    if (page->object->is_file && page->index >= MODEL_FILE_PAGES)
        return NULL;
    uint64_t *word = &page->object->words[page->index];
    if (page->shared || !write)
        return word;
    page->is_own = true;
    page->word = *word;
    return &page->word;
}

bool model_is_joined(const struct model_page *left, const struct model_page *right)
{
    return left->mapped && right->mapped && left->protection == right->protection &&
           left->shared == right->shared && left->object == right->object &&
           (left->object == NULL || left->index + 1 == right->index);
}

static void compare_region(const struct model_program *program, const struct region *region)
{
    uint64_t first = (region->start - MODEL_BASE) / PAGE_SIZE;
    uint64_t last = (region->end - MODEL_BASE) / PAGE_SIZE - 1;

    CHECK(region->start >= MODEL_BASE && region->start < region->end && last < MODEL_PAGES);
    for (uint64_t i = first; i <= last; i++) {
        const struct model_page *page = &program->pages[i];
        CHECK(page->mapped && page->protection == region->protection);
        CHECK(page->shared == region->shared);
        CHECK((page->object != NULL) == (region->object != NULL));
        CHECK(page->object == NULL || page->index == region->object_page + (i - first));
        CHECK(i == last || model_is_joined(page, page + 1));
    }
    CHECK(last + 1 == MODEL_PAGES ||
          !model_is_joined(&program->pages[last], &program->pages[last + 1]));
}

static void compare_regions(const struct model_program *program)
{
    const struct address_space *space = program->space;
    uint64_t regions = 0, pages = 0, wanted_pages = 0, end = 0;

    CHECK(rb_is_valid(&space->regions));
    for (struct region *region = region_first(space); region; region = region_next(region)) {
        CHECK(region->start >= end);
        end = region->end;
        regions++;
        pages += region_page_count(region);
        compare_region(program, region);
    }
    for (size_t i = 0; i < MODEL_PAGES; i++)
        wanted_pages += program->pages[i].mapped;
    CHECK_EQUAL(pages, wanted_pages);
    CHECK_EQUAL(space->mapped_pages, pages);
    CHECK_EQUAL(space->region_count, regions);
}

// A present entry grants no more than its region, and writing only where nobody else would see it.
static void compare_present(struct model_page *page, uint64_t address, struct walk_result found)
{
    const struct frame *frame = frame_at(phys_make(found.physical));

    CHECK(page->protection != 0 && found.user && frame != NULL);
    CHECK_EQUAL(found.executable, (page->protection & PROTECTION_EXECUTE) != 0);
    CHECK(!found.writable || (page->protection & PROTECTION_WRITE) != 0);
    CHECK(!found.writable || page->shared ||
          (frame->references == 1 && frame->use == FRAME_ANONYMOUS));
}

static uint64_t compare_page(struct model_program *program, size_t number)
{
    struct model_page *page = &program->pages[number];
    phys_addr root = program->space->translation.root;
    uint64_t address = MODEL_BASE + number * PAGE_SIZE;
    struct walk_result found = walk_tables(root, address);
    uint64_t *entry = page_table_entry(root, address, false);

    CHECK_EQUAL(found.mapped, entry != NULL && (*entry & PTE_PRESENT) != 0);
    if (entry == NULL || *entry == 0)
        return 0;
    CHECK(page->mapped);
    if (found.mapped)
        compare_present(page, address, found);
    else
        CHECK(page->protection == 0 && (*entry & PTE_PARKED) != 0);
    CHECK(pages_entry_frame(*entry)->references > 0);
    const uint64_t *word = model_word(page, false);
    CHECK(word != NULL);
    CHECK_EQUAL(*(uint64_t *)direct_map_pointer(pte_address(*entry)), *word);
    return 1;
}

void model_compare(struct model_program *program)
{
    uint64_t resident = 0;

    compare_regions(program);
    for (size_t i = 0; i < MODEL_PAGES; i++)
        resident += compare_page(program, i);
    CHECK_EQUAL(program->space->resident_pages, resident);
}
