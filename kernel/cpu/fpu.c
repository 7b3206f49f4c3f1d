// FPU state areas in the standard format: XSAVEOPT where the CPU has it, XSAVE, else FXSAVE. Called
// by the switch and by fork/exec. Layout: SDM vol. 1, 10.5.1 and 13.4.
#include "cpu/fpu.h"

#include "cpu/features.h"
#include "cpu/registers.h"
#include "lib/panic.h"
#include "lib/string.h"

#define FXSAVE_SIZE 512u
#define FXSAVE_FCW_OFFSET 0u
#define FXSAVE_MXCSR_OFFSET 24u
#define INITIAL_FCW 0x037fu
#define INITIAL_MXCSR 0x1f80u
#define XSAVE_HEADER_SIZE 64u
#define FXSAVE_MXCSR_MASK_OFFSET 28u
#define MXCSR_MASK_OF_OLD 0xffbfu // where FXSAVE stores 0 (SDM vol. 1, 11.6.6)

static enum { FPU_FXSAVE, FPU_XSAVE, FPU_XSAVEOPT } method;
static uint32_t state_size = FXSAVE_SIZE;
static uint32_t mxcsr_mask;
static const struct {
    uint16_t fcw;
    uint16_t zeros1[FXSAVE_MXCSR_OFFSET / 2 - 1];
    uint32_t mxcsr;
    uint32_t zeros2[(FPU_LEGACY_SIZE + XSAVE_HEADER_SIZE - FXSAVE_MXCSR_OFFSET) / 4 - 1];
} aligned_to(64) initial_state = { .fcw = INITIAL_FCW, .mxcsr = INITIAL_MXCSR };
static bool restore_keeps_pointers; // AMD: see fpu_forget()

static void write_xcr0(uint64_t value)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint32_t read_mxcsr_mask(void)
{
    static uint8_t area[FXSAVE_SIZE] aligned_to(16);
    uint32_t mask;
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
    memcpy(&mask, area + FXSAVE_MXCSR_MASK_OFFSET, sizeof(mask));
    return mask ? mask : MXCSR_MASK_OF_OLD;
}

uint32_t fpu_mxcsr_mask(void)
{
    return mxcsr_mask;
}

void fpu_init_cpu(void)
{
    // NE: x87 errors come as #MF, not through the 8259 (SDM vol. 3A, 2.5). TS and EM clear: no #NM.
    write_cr0((read_cr0() | CR0_MP | CR0_NE) & ~(CR0_EM | CR0_TS));
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    if (cpu_features.xsave) {
        write_cr4(read_cr4() | CR4_OSXSAVE);
        write_xcr0(cpu_features.xsave_mask);
    }
}

void fpu_init(void)
{
    fpu_init_cpu();
    mxcsr_mask = read_mxcsr_mask();
    restore_keeps_pointers = strcmp(cpu_features.vendor, "AuthenticAMD") == 0 ||
                             strcmp(cpu_features.vendor, "HygonGenuine") == 0;
    method = FPU_FXSAVE;
    if (cpu_features.xsave) {
        method = cpu_features.xsaveopt ? FPU_XSAVEOPT : FPU_XSAVE;
        state_size = cpu_features.xsave_size;
    }
    fpu_image_init();
}

uint32_t fpu_state_size(void)
{
    return state_size;
}

// An XSAVE header of zero says that every component is in its initial state; MXCSR is loaded from
// the area all the same (SDM vol. 1, 13.8.1), and FXRSTOR loads FCW and MXCSR always.
void fpu_state_init(void *state)
{
    memset(state, 0, fpu_state_size());
    fpu_state_init_zeroed(state);
}

void fpu_state_init_zeroed(void *state)
{
    *(uint16_t *)((char *)state + FXSAVE_FCW_OFFSET) = INITIAL_FCW;
    *(uint32_t *)((char *)state + FXSAVE_MXCSR_OFFSET) = INITIAL_MXCSR;
}

void fpu_save(void *state)
{
    switch (method) {
    case FPU_FXSAVE:
        __asm__ volatile("fxsave64 (%0)" : : "r"(state) : "memory");
        break;
    case FPU_XSAVE:
        __asm__ volatile("xsave64 (%0)" : : "r"(state), "a"(~0u), "d"(~0u) : "memory");
        break;
    case FPU_XSAVEOPT:
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(state), "a"(~0u), "d"(~0u) : "memory");
        break;
    }
}

// AMD restores the x87 instruction and data pointers only when an exception is pending, so that the
// previous program's would be seen (CVE-2006-1056). Loading a kernel constant overwrites them.
void fpu_forget(void)
{
    static const int32_t harmless;

    if (restore_keeps_pointers)
        __asm__ volatile("fnclex; emms; fildl %0" : : "m"(harmless));
}

void fpu_restore(const void *state)
{
    fpu_forget();
    if (method == FPU_FXSAVE)
        __asm__ volatile("fxrstor64 (%0)" : : "r"(state) : "memory");
    else
        __asm__ volatile("xrstor64 (%0)" : : "r"(state), "a"(~0u), "d"(~0u) : "memory");
}

// Of an area whose header says that every component is initial, no more than the first 576 bytes
// are read (SDM vol. 1, 13.8.1).
void fpu_restore_initial(void)
{
    fpu_restore(&initial_state);
}
