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
#include "cpu/assembly.h"
#include "cpu/selectors.h"
#include "lib/protection.h"
#include "offsets.h"

.macro PUSH_GENERAL_REGISTERS
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro POP_GENERAL_REGISTERS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
.endm

// Debug builds: a handler came back with another value than the user's, in the register or the frame.
.macro CHECK_KEPT register, offset
    cmpq %\register, \offset(%rsp)
    jne syscall_broken
.endm

// Is the exit gate to be passed? Interrupts are off: what another CPU wants from now on comes with an
// interrupt, which hits user mode and finds the gate on its own way out. Clobbers RCX.
.macro JUMP_IF_GATE_IS_DUE target
    movq %gs:PERCPU_CURRENT, %rcx
    movl THREAD_WORK(%rcx), %ecx
    orb %gs:PERCPU_RESCHEDULE_DUE, %cl
    orl syscall_detour(%rip), %ecx
    jnz \target
.endm

    .section .entry.text, "ax"

// 256 vector stubs of VECTOR_STUB_SIZE bytes. Each begins with CLAC, because an interrupt gate leaves
// RFLAGS.AC as ring 3 set it and SMAP would be open (SDM vol. 3A, 4.6.1). On a CPU without SMAP, where
// CLAC is #UD, the IDT points VECTOR_STUB_CLAC_SIZE bytes further (tables.c): no code is patched.
    .balign 16
FUNCTION(vector_stubs)
    .set vector, 0
    .rept 256
    .balign 16
#if PROTECT_CLAC
    clac
#else
    .byte 0x0f, 0x1f, 0x00              // a no-op of the same length
#endif
    cld
    // vectors for which the CPU pushes an error code: 8, 10-14, 17, 21, 29, 30
    .if (vector != 8) && ((vector < 10) || (vector > 14)) && (vector != 17) && (vector != 21) && (vector != 29) && (vector != 30)
    pushq $0
    .endif
    .byte 0x68                          // pushq imm32, long form for every vector
    .long vector
    .if (vector == 1) || (vector == 2) || (vector == 8) || (vector == 18)
    jmp ist_entry
    .else
    jmp vector_entry
    .endif
    .set vector, vector + 1
    .endr
END(vector_stubs)

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
    movq %rsp, %rsi
    movq %gs:PERCPU_KERNEL_STACK_TOP, %rdi
    subq $FRAME_SIZE, %rdi
    movq %rdi, %rdx
    movl $(FRAME_SIZE / 8), %ecx
    rep movsq
    movq %rdx, %rsp
    movq %rdx, %rdi
    cmpl $NMI_VECTOR, FRAME_VECTOR(%rsp)
    jne vector_from_user
    // An NMI leaves at once: NMIs stay blocked until IRETQ, so nothing may switch before it. Work
    // for the exit gate cannot be lost: it was looked at on the way out and is again on the next.
    xorl %ebp, %ebp
    call trap_handle
    jmp restore_by_iretq
END(ist_from_user)

// SYSCALL. On arrival (SDM vol. 2B, SYSCALL): RCX = user RIP, R11 = user RFLAGS, RFLAGS masked by
// SFMASK (interrupts off, AC, DF, TF, NT clear), CS/SS kernel's; RSP and GS still the user's.
//
// The frame is filled whole, so that everybody may read it at any time. But where nothing is due on the
// way out, RBX and R12-R15 are not loaded from it: a C function hands them back as it got them.
// Hence the rule: handlers do not write the frame. Those that must (execve, rt_sigreturn) end in
// thread_return_to_user(); the exit gate may, since all is loaded behind it.
    .balign 64
FUNCTION(syscall_entry)
    swapgs
    movq %rsp, %gs:PERCPU_USER_RSP
    movq %gs:PERCPU_KERNEL_STACK_TOP, %rsp
    pushq $USER_DATA_SELECTOR           // the hardware frame, as an interrupt would push it
    pushq %gs:PERCPU_USER_RSP
    pushq %r11
    pushq $USER_CODE_SELECTOR
    pushq %rcx
    pushq %rax                          // error slot: the number, kept when rax becomes the result
    pushq $SYSCALL_VECTOR
    PUSH_GENERAL_REGISTERS
    xorl %ebp, %ebp                     // backtraces end at the boundary
    cmpl $0, syscall_detour(%rip)
    jne syscall_announce
.Lcall:
    // Numbers are 32 bits, as on Linux. Those beyond the table have one slot behind it. No branch that
    // could be mispredicted stands between a program's number and the indirect call (CVE-2017-5753).
#if PROTECT_CALL_NUMBER
    movl $SYSCALL_TABLE_SIZE, %ecx
    cmpl %ecx, %eax
    cmovael %ecx, %eax                  // clears the upper half in either case
#endif
    movq %r10, %rcx                     // the fourth argument, which SYSCALL cannot have in RCX
    sti
    call *syscall_table(,%rax,8)
    cli
#if DEBUG_CHECKS
    CHECK_KEPT rbx, FRAME_RBX
    CHECK_KEPT r12, FRAME_R12
    CHECK_KEPT r13, FRAME_R13
    CHECK_KEPT r14, FRAME_R14
    CHECK_KEPT r15, FRAME_R15
#endif
    JUMP_IF_GATE_IS_DUE syscall_leave_by_gate

    // SYSRET at once. What return_path_choose() asks holds here, or is asked: vector, selectors, RCX =
    // RIP and R11 = RFLAGS are as this entry wrote them; RIP is the CPU's own. It is below the limit,
    // because the last page under the non-canonical hole is never mapped, but the price of that being
    // wrong is ring 0 (CVE-2012-0217), so it is looked at all the same.
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RIP(%rsp), %rcx
#if PROTECT_SYSRET
    testl $RFLAGS_TF_RF, %r11d
    jnz syscall_leave_by_gate
    cmpq sysret_address_limit(%rip), %rcx
    jae syscall_leave_by_gate
#endif
.Lrestore_by_sysret:
    movq FRAME_R10(%rsp), %r10
    movq FRAME_R9(%rsp), %r9
    movq FRAME_R8(%rsp), %r8
    movq FRAME_RDX(%rsp), %rdx
    movq FRAME_RSI(%rsp), %rsi
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RBP(%rsp), %rbp
    incq %gs:PERCPU_SYSRET_COUNT
#if !PROTECT_TRAP_FRAME
    movq %rsp, %r9                      // as if the frame had no place for it: the kernel's value
#endif
    movq FRAME_RSP(%rsp), %rsp
    swapgs                              // on the user's stack: only IST events can come, see above
    sysretq
END(syscall_entry)

// Something wants to know of every call: debug checks, tracing, timer=off, iretq (trap/system_call.c).
LOCAL_FUNCTION(syscall_announce)
    movq %rsp, %rdi
    call syscall_begin
    movq FRAME_RAX(%rsp), %rax
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RSI(%rsp), %rsi
    movq FRAME_RDX(%rsp), %rdx
    movq FRAME_R10(%rsp), %r10
    movq FRAME_R8(%rsp), %r8
    movq FRAME_R9(%rsp), %r9
    jmp .Lcall
END(syscall_announce)

LOCAL_FUNCTION(syscall_leave_by_gate)
    movq %rax, FRAME_RAX(%rsp)
END(syscall_leave_by_gate)
    // fall through

// The way out: the exit gate decides, this only branches. RSP points at the frame.
LOCAL_FUNCTION(leave_to_user)
    cli
    movq %rsp, %rdi
    call return_to_user
    testb %al, %al
    jz restore_by_iretq

    // SYSRET: return_path_choose() has proved RCX = RIP, R11 = RFLAGS, both fit to be loaded.
    movq FRAME_R15(%rsp), %r15
    movq FRAME_R14(%rsp), %r14
    movq FRAME_R13(%rsp), %r13
    movq FRAME_R12(%rsp), %r12
    movq FRAME_RBX(%rsp), %rbx
    movq FRAME_RAX(%rsp), %rax
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RIP(%rsp), %rcx
    jmp .Lrestore_by_sysret
END(leave_to_user)

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
    jmp leave_to_user
END(thread_return_to_user)

// CSTAR: SYSCALL from compatibility mode. There is no 32-bit code descriptor, so nothing can come
// here; if something does, RSP is the user's and nothing on it may be trusted: come to rest loudly.
FUNCTION(syscall_refused)
    ud2
END(syscall_refused)

#if DEBUG_CHECKS
LOCAL_FUNCTION(syscall_broken)
    ud2
END(syscall_broken)
#endif

// One that a 64-bit compare can take from memory.
    .balign 8
sysret_address_limit:
    .quad SYSRET_ADDRESS_LIMIT
