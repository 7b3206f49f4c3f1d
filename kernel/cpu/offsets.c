// Structure offsets and constants for assembly. Compiled to assembly text, never linked: the build
// turns each marked line into a #define in offsets.h, so that no offset is typed twice.
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"

#define OFFSET(name, value) __asm__ volatile(".ascii \"@OFFSET " #name " %c0\"" : : "i"(value))

void emit_offsets(void);

void emit_offsets(void)
{
    OFFSET(FRAME_SIZE, sizeof(struct trap_frame));
    OFFSET(FRAME_CS, offsetof(struct trap_frame, cs));
    OFFSET(FRAME_RIP, offsetof(struct trap_frame, rip));
    OFFSET(FRAME_RSP, offsetof(struct trap_frame, rsp));
    OFFSET(FRAME_VECTOR, offsetof(struct trap_frame, vector));
    OFFSET(PERCPU_KERNEL_STACK_TOP, offsetof(struct percpu, kernel_stack_top));
    OFFSET(PERCPU_USER_RSP, offsetof(struct percpu, user_rsp));
}
