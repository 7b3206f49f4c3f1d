// Every way into the kernel from hardware, and the way back to user mode. The frame is drawn in
// cpu/frame.h; both doors build the same one. Decisions are C's (cpu/upcalls.h); this file pushes,
// calls, branches and pops.
//
// Rules kept here, each again at its instruction:
//   - AC and DF are clear before any C code runs: CLAC/CLD in the stubs, SFMASK for SYSCALL.
//   - swapgs is decided by the saved CS, the same way in and out, with a fence behind it.
//   - IST entries from kernel mode trust nothing about GS: they may hit between SYSCALL and swapgs.
//   - only the exit gate leads to user mode, and only one IRETQ and one SYSRETQ leave. Both doors look
//     at the gate's conditions themselves and pass it when one of them holds.
#include "cpu/entry_macros.inc"

    .section .entry.text, "ax"

    VECTOR_STUBS

// Interrupts and exceptions without IST.
// On arrival: interrupts off; on the thread's kernel stack (from user: TSS.RSP0; from kernel: where it
// was); hardware frame, error and vector pushed.
    .balign 16
LOCAL_FUNCTION(vector_entry)
    PUSH_GENERAL_REGISTERS
    movq %rsp, %rdi
    testb $3, FRAME_CS(%rsp)            // who was interrupted is decided by the saved CS alone
    jz vector_from_kernel
    swapgs
    lfence                              // no speculation past swapgs with the wrong base (CVE-2019-1125)
END(vector_entry)
LOCAL_FUNCTION(vector_from_user)
    xorl %ebp, %ebp                     // backtraces end at the boundary
    call trap_handle                    // leaves interrupts off
    JUMP_IF_GATE_IS_DUE leave_to_user
    incq %gs:PERCPU_IRETQ_COUNT
    jmp restore_by_iretq                // what return_path_choose() says of every vector
END(vector_from_user)

LOCAL_FUNCTION(vector_from_kernel)
    lfence                              // nor past the branch that skipped it
    leaq iretq_to_user(%rip), %rax
    cmpq %rax, FRAME_RIP(%rsp)
#if PROTECT_IRETQ_FIXUP
    je refused_iretq
#endif
    .globl vector_to_kernel             // for entry_isolated.S, too
vector_to_kernel:
    call trap_handle
    // Back to kernel code: no exit gate, no switch (where switches happen: sched/README.md).
    POP_GENERAL_REGISTERS
    addq $16, %rsp
    iretq
END(vector_from_kernel)

// The IRETQ below refused the user frame. The saved CS says kernel, but GS is already the user's.
// iretq_fault() puts the fault's registers under the refused frame, which makes it a frame from user
// mode; the offender gets the signal and the kernel is as if the fault had come from ring 3.
LOCAL_FUNCTION(refused_iretq)
    swapgs
    lfence
    call iretq_fault
    movq %rax, %rsp
    movq %rax, %rdi
    jmp vector_from_user
END(refused_iretq)

// NMI, #DB, #DF, #MC: each on its own stack. The word above the frame, at the top of that stack,
// holds this CPU's per-CPU base.
    .balign 16
LOCAL_FUNCTION(ist_entry)
    PUSH_GENERAL_REGISTERS
    movq %rsp, %rdi
    testb $3, FRAME_CS(%rsp)
    jnz ist_from_user
    // From kernel mode: GS may be anything: before swapgs, after it, or a value ring 3 chose by
    // WRGSBASE. Save it, load the right one, put the old one back. RBX survives the call.
    movl $MSR_GS_BASE_NUMBER, %ecx
    rdmsr
    shlq $32, %rdx
    leaq (%rdx, %rax), %rbx
#if PROTECT_IST
    movq FRAME_SIZE(%rsp), %rax
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
#endif
    call trap_handle                    // never blocks, never reaches the exit gate
    movl $MSR_GS_BASE_NUMBER, %ecx
    movl %ebx, %eax
    movq %rbx, %rdx
    shrq $32, %rdx
    wrmsr
    POP_GENERAL_REGISTERS
    addq $16, %rsp
    iretq
END(ist_entry)

// From user mode GS is the user's, so the ordinary rule holds. The frame moves to the thread's stack,
// since the handler may signal and block and the IST stack is used again by the next such event.
LOCAL_FUNCTION(ist_from_user)
    swapgs
    lfence
    MOVE_FRAME_TO_THREAD_STACK
    cmpl $NMI_VECTOR, FRAME_VECTOR(%rsp)
    jne vector_from_user
    // An NMI leaves at once: NMIs stay blocked until IRETQ, so nothing may switch before it. Work
    // for the exit gate cannot be lost: it was looked at on the way out and is again on the next.
    xorl %ebp, %ebp
    call trap_handle
    jmp restore_by_iretq
END(ist_from_user)

    SYSCALL_DOOR 0

LOCAL_FUNCTION(restore_by_iretq)
    POP_GENERAL_REGISTERS
    addq $16, %rsp                      // vector and error
    swapgs
END(restore_by_iretq)
FUNCTION(iretq_to_user)
    iretq                               // may refuse the frame: see refused_iretq
END(iretq_to_user)

// A thread that never was in user mode goes there: the kernel stack is dropped down to the frame at
// its top. C prototype in cpu/upcalls.h.
FUNCTION(thread_return_to_user)
    cli
    movq %gs:PERCPU_KERNEL_STACK_TOP, %rsp
    subq $FRAME_SIZE, %rsp
    xorl %ebp, %ebp
    jmp *leave_to_user_address(%rip)
END(thread_return_to_user)

// CSTAR: SYSCALL from compatibility mode. There is no 32-bit code descriptor, so nothing can come
// here; if something does, RSP is the user's and nothing on it may be trusted: come to rest loudly.
FUNCTION(syscall_refused)
    ud2
END(syscall_refused)

#if DEBUG_CHECKS
FUNCTION(syscall_broken)
    ud2
END(syscall_broken)
#endif

// USER_ADDRESS_LIMIT in memory: CMP has no 64-bit immediate.
    .balign 8
    .globl sysret_address_limit
sysret_address_limit:
    .quad SYSRET_ADDRESS_LIMIT

// The way out of who comes from C: of this set or the isolated one (tables.c).
    .section .data
    .balign 8
    .globl leave_to_user_address
leave_to_user_address:
    .quad leave_to_user
