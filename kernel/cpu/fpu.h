// x87, SSE and AVX state, switched eagerly (lazy switching leaks: CVE-2018-3665). The kernel itself
// uses none of these registers.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

// Enables the FPU on this CPU and picks XSAVEOPT, XSAVE or FXSAVE.
void fpu_init(void);
// CR0, CR4 and XCR0 of this CPU; for each further one.
void fpu_init_cpu(void);
// Bytes of one state area, which must be 64-byte aligned.
uint32_t fpu_state_size(void);
// Writes the state a program starts with: FCW 0x37f, MXCSR 0x1f80, everything else zero.
void fpu_state_init(void *state);
void fpu_state_init_zeroed(void *state); // the same in an area that is all zeroes
// The area must not be that of a thread that runs on another CPU.
void fpu_save(void *state);
void fpu_restore(const void *state);
// The state a program starts with into the registers.
void fpu_restore_initial(void);
// Before registers are loaded by anything but the above: nothing of another program stays behind.
void fpu_forget(void);

// fpu_image.c: the state as signal frames hold it: the standard-format area with a mark in the
// bytes that FXSAVE leaves to software and four bytes behind; 512 bytes and no mark without XSAVE.
#define FPU_IMAGE_ALIGNMENT 64u
#define FPU_LEGACY_SIZE 512u
#define FPU_MXCSR_OFFSET 24u
#define FPU_MARK_OFFSET 464u
#define FPU_IMAGE_MAGIC1 0x46505853u
#define FPU_IMAGE_MAGIC2 0x46505845u

struct fpu_image_mark {
    uint32_t magic1, extended_size;
    uint64_t components;
    uint32_t state_size;
    uint32_t reserved[7];
};

void fpu_image_init(void); // by fpu_init()
uint32_t fpu_image_size(void);
// From FPU_MARK_OFFSET on: what in a whole image the CPU does not write, with XSAVE's header, of
// which it writes the first word.
struct fpu_image_middle {
    struct fpu_image_mark mark;
    struct fpu_image_header {
        uint64_t components, compaction;
        uint64_t reserved[6];
    } header;
};

// As this kernel writes it; without XSAVE there is none.
const struct fpu_image_middle *fpu_image_middle(void);

// Bits that MXCSR may have on this CPU.
uint32_t fpu_mxcsr_mask(void);
// Does the mark in the first 512 bytes promise a whole image of this CPU's size?
bool fpu_image_is_marked(const void *image);
// May an image with this mark, this MXCSR and these last four bytes be given to XRSTOR as it lies
// there? What else XRSTOR wants it checks itself.
bool fpu_image_is_ours(const struct fpu_image_mark *mark, uint32_t mxcsr, uint32_t magic2);
// Makes an image that a program wrote the contents of a state area; not `whole`: the first 512
// bytes only, and the rest initial. False, and nothing changed, when loading it would fault.
must_check bool fpu_image_adopt(void *state, const void *image, bool whole);
