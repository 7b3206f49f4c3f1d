// Structure offsets and constants for assembly. Compiled to assembly text, never linked: the build
// turns each marked line into a #define in offsets.h, so that no offset is typed twice.
#include "cpu/frame.h"
#include "cpu/isolation.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "cpu/trampoline.h"
#include "cpu/upcalls.h"

#define OFFSET(name, value) __asm__ volatile(".ascii \"@OFFSET " #name " %c0\"" : : "i"(value))

// From GS, which points right behind the entry page.
#define ENTRY_OFFSET(field)                                                                        \
    ((int64_t)offsetof(struct cpu_entry_page, field) - (int64_t)sizeof(struct cpu_entry_page))

void emit_offsets(void);
void emit_trampoline_offsets(void);

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
    OFFSET(RFLAGS_IF_NUMBER, RFLAGS_IF);
    OFFSET(SYSRET_ADDRESS_LIMIT, USER_ADDRESS_LIMIT);
    OFFSET(SYSCALL_TABLE_SIZE, SYSCALL_LIMIT);
    OFFSET(THREAD_WORK, THREAD_WORK_OFFSET);
    OFFSET(PERCPU_CURRENT, offsetof(struct percpu, current));
    OFFSET(PERCPU_RESCHEDULE_DUE, offsetof(struct percpu, reschedule_due));
    OFFSET(PERCPU_IRETQ_COUNT, offsetof(struct percpu, iretq_count));
    OFFSET(PERCPU_SYSRET_COUNT, offsetof(struct percpu, sysret_count));
    OFFSET(PERCPU_KERNEL_STACK_TOP, offsetof(struct percpu, kernel_stack_top));
    OFFSET(ENTRY_STACK_TOP, ENTRY_OFFSET(stack_top));
    OFFSET(ENTRY_RSP, ENTRY_OFFSET(rsp));
    OFFSET(ENTRY_KERNEL_CR3, ENTRY_OFFSET(kernel_cr3));
    OFFSET(ENTRY_USER_CR3, ENTRY_OFFSET(user_cr3));
    OFFSET(ENTRY_EXIT_CR3, ENTRY_OFFSET(exit_cr3));
    OFFSET(ENTRY_NO_FLUSH, ENTRY_OFFSET(no_flush));
    OFFSET(PERCPU_USER_RSP, offsetof(struct percpu, user_rsp));
}

void emit_trampoline_offsets(void)
{
    OFFSET(TRAMPOLINE_OFFERED, offsetof(struct trampoline_data, offered));
    OFFSET(TRAMPOLINE_TAKEN, offsetof(struct trampoline_data, taken));
    OFFSET(TRAMPOLINE_UNFIT, offsetof(struct trampoline_data, unfit));
    OFFSET(TRAMPOLINE_TURNED_AWAY, offsetof(struct trampoline_data, turned_away));
    OFFSET(TRAMPOLINE_ROOT32, offsetof(struct trampoline_data, root32));
    OFFSET(TRAMPOLINE_EXTENDED_FEATURES, offsetof(struct trampoline_data, extended_features));
    OFFSET(TRAMPOLINE_EXTENDED_ENABLE, offsetof(struct trampoline_data, extended_enable));
    OFFSET(TRAMPOLINE_PAT, offsetof(struct trampoline_data, pat));
    OFFSET(TRAMPOLINE_ROOT, offsetof(struct trampoline_data, root));
    OFFSET(TRAMPOLINE_STACK_TOP, offsetof(struct trampoline_data, stack_top));
    OFFSET(TRAMPOLINE_CPU, offsetof(struct trampoline_data, cpu));
    OFFSET(TRAMPOLINE_ENTRY, offsetof(struct trampoline_data, entry));
    OFFSET(TRAMPOLINE_KERNEL_ENTRY, offsetof(struct trampoline_data, kernel_entry));
    OFFSET(TRAMPOLINE_GDT_POINTER, offsetof(struct trampoline_data, gdt_pointer));
    OFFSET(TRAMPOLINE_PROTECTED_ENTRY, offsetof(struct trampoline_data, protected_entry));
    OFFSET(TRAMPOLINE_LONG_ENTRY, offsetof(struct trampoline_data, long_entry));
    OFFSET(TRAMPOLINE_DATA_SELECTOR, TRAMPOLINE_DATA32);
    OFFSET(TRAMPOLINE_NOBODY_ID, (int32_t)TRAMPOLINE_NOBODY);
    OFFSET(MSR_PAT_NUMBER, MSR_PAT);
    OFFSET(MSR_EFER_NUMBER, (int32_t)MSR_EFER);
    OFFSET(CR0_PROTECTION, CR0_PE);
    OFFSET(CR0_LONG_MODE, (int32_t)(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG));
    OFFSET(CR4_LONG_MODE, CR4_PAE);
}
