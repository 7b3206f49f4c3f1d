// Structure offsets and constants for assembly. Compiled to assembly text, never linked: the build
// turns each marked line into a #define in offsets.h, so that no offset is typed twice.
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "cpu/upcalls.h"

#define OFFSET(name, value) __asm__ volatile(".ascii \"@OFFSET " #name " %c0\"" : : "i"(value))

void emit_offsets(void);

void emit_offsets(void)
{
    OFFSET(FRAME_SIZE, sizeof(struct trap_frame));
    OFFSET(FRAME_CS, offsetof(struct trap_frame, cs));
    OFFSET(FRAME_RIP, offsetof(struct trap_frame, rip));
    OFFSET(FRAME_RSP, offsetof(struct trap_frame, rsp));
    OFFSET(FRAME_VECTOR, offsetof(struct trap_frame, vector));
    OFFSET(FRAME_RFLAGS, offsetof(struct trap_frame, rflags));
    OFFSET(FRAME_RAX, offsetof(struct trap_frame, rax));
    OFFSET(FRAME_RBX, offsetof(struct trap_frame, rbx));
    OFFSET(FRAME_RDX, offsetof(struct trap_frame, rdx));
    OFFSET(FRAME_RSI, offsetof(struct trap_frame, rsi));
    OFFSET(FRAME_RDI, offsetof(struct trap_frame, rdi));
    OFFSET(FRAME_RBP, offsetof(struct trap_frame, rbp));
    OFFSET(FRAME_R8, offsetof(struct trap_frame, r8));
    OFFSET(FRAME_R9, offsetof(struct trap_frame, r9));
    OFFSET(FRAME_R10, offsetof(struct trap_frame, r10));
    OFFSET(FRAME_R12, offsetof(struct trap_frame, r12));
    OFFSET(FRAME_R13, offsetof(struct trap_frame, r13));
    OFFSET(FRAME_R14, offsetof(struct trap_frame, r14));
    OFFSET(FRAME_R15, offsetof(struct trap_frame, r15));
    OFFSET(RFLAGS_TF_RF, RFLAGS_TF | RFLAGS_RF);
    OFFSET(SYSRET_ADDRESS_LIMIT, USER_ADDRESS_LIMIT);
    OFFSET(SYSCALL_TABLE_SIZE, SYSCALL_LIMIT);
    OFFSET(THREAD_WORK, THREAD_WORK_OFFSET);
    OFFSET(PERCPU_CURRENT, offsetof(struct percpu, current));
    OFFSET(PERCPU_RESCHEDULE_DUE, offsetof(struct percpu, reschedule_due));
    OFFSET(PERCPU_IRETQ_COUNT, offsetof(struct percpu, iretq_count));
    OFFSET(PERCPU_SYSRET_COUNT, offsetof(struct percpu, sysret_count));
    OFFSET(PERCPU_KERNEL_STACK_TOP, offsetof(struct percpu, kernel_stack_top));
    OFFSET(PERCPU_USER_RSP, offsetof(struct percpu, user_rsp));
}
