// Walks the chain of frame pointers. Called by panic only. Invariant: a link is followed only when
// it lies in the kernel half, is aligned, and lies above the last one, on what can be one stack.
#include "debug/log.h"
#include "debug/panic_report.h"
#include "debug/symbols.h"

#define KERNEL_HALF 0xffff800000000000ull
#define DEPTH_LIMIT 32u
#define FRAME_SIZE_LIMIT 65536u // four times a kernel stack

static void print_step(uint32_t number, uint64_t address)
{
    char name[96];

    if (number == 0)
        symbols_format(name, sizeof(name), address);
    else
        symbols_format_return(name, sizeof(name), address);
    log_emergency_line("panic", "  #%u 0x%016llx %s", number, (unsigned long long)address, name);
}

// Room for the saved frame pointer and the return address above it.
static bool is_frame(uint64_t pointer)
{
    return pointer >= KERNEL_HALF && pointer % 8 == 0 && pointer <= UINT64_MAX - 16;
}

void backtrace_print(uint64_t frame_pointer, uint64_t first_address)
{
    print_step(0, first_address);
    for (uint32_t number = 1; number < DEPTH_LIMIT && is_frame(frame_pointer); number++) {
        const uint64_t *frame = (const uint64_t *)frame_pointer;
        uint64_t next = frame[0];
        if (frame[1] < KERNEL_HALF)
            return; // the first frame of a thread has nobody to return to
        print_step(number, frame[1]);
        if (next <= frame_pointer || next - frame_pointer > FRAME_SIZE_LIMIT)
            return;
        frame_pointer = next;
    }
}
