// The entry code of page-table isolation: as entry.S, and the change of tables. Contract and rules of
// the data that it uses: cpu/isolation.h. What differs from entry.S is explained here, the rest there.
//
// On the way in CR3 is ring 3's, and of the kernel's half only the entry area is mapped: this code, the
// IST stacks, the entry page below GS. The first thing done after swapgs is to load the kernel's CR3.
// On the way out it is the last thing before swapgs to load the user's: the frame that IRETQ pops, or
// what SYSRET takes, is in the entry page or in registers by then.
#include "cpu/entry_macros.inc"

    .section .entry.text, "ax"

    VECTOR_STUBS _isolated

// Without IST. On arrival from ring 3: on the entry page's stack (RSP0), error and vector pushed. It is
// left before interrupts can come: an IST event has its own stack, and IRETQ's refusal (below) comes
// when nothing is on this one but the refused frame.
    .balign 16
LOCAL_FUNCTION(vector_entry_isolated)
    testb $3, 24(%rsp)                  // CS
    jz vector_from_kernel_isolated
    swapgs
    lfence
    pushq %rdi
    movq %gs:ENTRY_KERNEL_CR3, %rdi
    movq %rdi, %cr3
    movq %rsp, %rdi                     // upwards: RDI, vector, error, RIP, CS, RFLAGS, RSP, SS
    movq %gs:PERCPU_KERNEL_STACK_TOP, %rsp
    pushq 56(%rdi)
    pushq 48(%rdi)
    pushq 40(%rdi)
    pushq 32(%rdi)
    pushq 24(%rdi)
    pushq 16(%rdi)
    pushq 8(%rdi)
    pushq (%rdi)
    PUSH_ALL_BUT_RDI
    movq %rsp, %rdi
END(vector_entry_isolated)
LOCAL_FUNCTION(vector_from_user_isolated)
    xorl %ebp, %ebp
    call trap_handle
    JUMP_IF_GATE_IS_DUE leave_to_user_isolated
    incq %gs:PERCPU_IRETQ_COUNT
    jmp restore_by_iretq_isolated
END(vector_from_user_isolated)

// Interrupted kernel code has the kernel's tables, but for two stretches without interrupts: there only
// IRETQ can raise a vector that comes here.
LOCAL_FUNCTION(vector_from_kernel_isolated)
    PUSH_GENERAL_REGISTERS
    movq %rsp, %rdi
    lfence
    leaq iretq_to_user_isolated(%rip), %rax
    cmpq %rax, FRAME_RIP(%rsp)
    jne vector_to_kernel
#if !PROTECT_IRETQ_FIXUP
    jmp vector_to_kernel
#endif
END(vector_from_kernel_isolated)

// The IRETQ below refused the user frame: CR3 and GS are the user's already, and this frame is on the
// entry page's stack, too small for C. It moves to the thread's stack, below the place of the user frame,
// which still holds the refused words: what was popped there is not overwritten, since nothing ran.
LOCAL_FUNCTION(refused_iretq_isolated)
    swapgs
    lfence
    movq %gs:ENTRY_KERNEL_CR3, %rax
    movq %rax, %cr3
    movq %rsp, %rsi
    movq %gs:PERCPU_KERNEL_STACK_TOP, %rdi
    subq $(2 * FRAME_SIZE), %rdi
    movq %rdi, %rsp
    movl $(FRAME_SIZE / 8), %ecx
    rep movsq
    movq %rsp, %rdi
    call iretq_fault
    movq %rax, %rsp
    movq %rax, %rdi
    jmp vector_from_user_isolated
END(refused_iretq_isolated)

// NMI, #DB, #DF, #MC. The IST stacks are mapped in both sets of tables, at the same addresses.
    .balign 16
LOCAL_FUNCTION(ist_entry_isolated)
    PUSH_GENERAL_REGISTERS
    movq %rsp, %rdi
    testb $3, FRAME_CS(%rsp)
    jnz ist_from_user_isolated
    // From kernel mode: GS may be anything, and CR3 may be the user's: hit between SYSCALL, or a vector's
    // first instruction, and the load of CR3, or behind that on the way out. Which one it is says CR3
    // itself. RBX keeps GS over the call, R12 what CR3 goes back to, or 0.
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
    xorl %r12d, %r12d
    movq %cr3, %rax
    movq %gs:ENTRY_USER_CR3, %rdx
    btrq $63, %rdx                      // reads as 0 from CR3
    cmpq %rdx, %rax
    jne 1f
    movq %rax, %r12
    movq %gs:ENTRY_KERNEL_CR3, %rax
    movq %rax, %cr3
1:  call trap_handle
    testq %r12, %r12
    jz 2f
    movq %r12, %cr3                     // bit 63 is clear: drops what its PCID tags; never wrong
2:  movl $MSR_GS_BASE_NUMBER, %ecx
    movl %ebx, %eax
    movq %rbx, %rdx
    shrq $32, %rdx
    wrmsr
    POP_GENERAL_REGISTERS
    addq $16, %rsp
    iretq
END(ist_entry_isolated)

LOCAL_FUNCTION(ist_from_user_isolated)
    swapgs
    lfence
    movq %gs:ENTRY_KERNEL_CR3, %rax
    movq %rax, %cr3
    MOVE_FRAME_TO_THREAD_STACK
    cmpl $NMI_VECTOR, FRAME_VECTOR(%rsp)
    jne vector_from_user_isolated
    xorl %ebp, %ebp
    call trap_handle
    jmp restore_by_iretq_isolated
END(ist_from_user_isolated)

    SYSCALL_DOOR 1, _isolated

// The frame that IRETQ pops, and the last register that is needed for CR3, move to the entry page.
FUNCTION(restore_by_iretq_isolated)
    POP_ALL_BUT_RDI
    movq %rsp, %rdi                     // upwards: RDI, vector, error, RIP, CS, RFLAGS, RSP, SS
    movq %gs:ENTRY_STACK_TOP, %rsp
    pushq 56(%rdi)
    pushq 48(%rdi)
    pushq 40(%rdi)
    pushq 32(%rdi)
    pushq 24(%rdi)
    pushq (%rdi)
    CHOOSE_EXIT_CR3 %rdi
    movq %gs:ENTRY_EXIT_CR3, %rdi
    movq %rdi, %cr3                     // from here on only the entry area is mapped
    popq %rdi
    swapgs
END(restore_by_iretq_isolated)
FUNCTION(iretq_to_user_isolated)
    iretq                               // may refuse the frame: see refused_iretq_isolated
END(iretq_to_user_isolated)
