// A model of address spaces, page by page, that says what every operation must do, and the
// comparison of a real space with it.
#pragma once

#include "vm/address_space.h"

#define MODEL_BASE 0x40000000ull
#define MODEL_PAGES 160u     // the window that the programs use
#define MODEL_FILE_PAGES 24u // of the one file
#define MODEL_PROGRAMS 4u

// What an object holds: one word at the start of each page.
struct model_object {
    bool is_file;
    uint64_t words[1024];
};

struct model_page {
    bool mapped, shared;
    uint32_t protection;
    struct model_object *object; // NULL: private anonymous
    uint64_t index;              // in the object
    bool is_own;                 // private page of a file: written, so no longer the file's
    uint64_t word;               // private pages
};

struct model_program {
    struct address_space *space; // NULL: not there
    struct model_page pages[MODEL_PAGES];
};

extern struct model_program programs[MODEL_PROGRAMS];
extern struct memory_object *model_file; // what programs map
extern struct model_object model_file_words;

// The machine, the file, and programs[0] without any mapping. Watches allocations.
void model_start(void);
// All programs end; not one frame, object or reference may be left.
void model_end(void);
struct model_object *model_shared_memory(void);
// The word of a page as a write or read finds it; NULL past the end of the file.
uint64_t *model_word(struct model_page *page, bool write);
// Would two neighbours be one region?
bool model_is_joined(const struct model_page *left, const struct model_page *right);
// Compares regions, entries and contents, without a fault.
void model_compare(struct model_program *program);
