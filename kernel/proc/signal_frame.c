// The frame that a handler runs on, laid out as Linux does (asm/sigcontext.h, asm/ucontext.h), and
// the way back. Called by the gate and by rt_sigreturn, in the program's thread; user memory is
// touched, so no lock is held. Invariant: nothing of a frame that a program wrote reaches a
// register before it was checked in the kernel's copy: the worst that a frame can do is to be a
// strange state of that program.

#include "proc/internal.h"
#include "proc/signal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "cpu/fpu.h"
#include "cpu/frame.h"
#include "lib/protection.h"
#include "sched/scheduler.h"
#include "vm/user_copy.h"

#define RED_ZONE 128u
// What a program may set in its flags; RF so that a stepped-over breakpoint stays so.
#define RFLAGS_OF_PROGRAM                                                                          \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF |           \
     RFLAGS_OF | RFLAGS_RF | RFLAGS_AC)
#define CANONICAL_SHIFT 47u

static bool is_on_stack(const struct abi_signal_stack *stack, uint64_t address)
{
    return address > stack->base && address - stack->base <= stack->size;
}

// With SS_AUTODISARM a handler runs with no alternate stack registered.
static bool runs_on_stack(const struct abi_signal_stack *stack, uint64_t stack_pointer)
{
    return !(stack->flags & SS_AUTODISARM) && is_on_stack(stack, stack_pointer);
}

int signal_stack(uint64_t stack_pointer, const struct abi_signal_stack *new_stack,
                 struct abi_signal_stack *old_stack)
{
    struct abi_signal_stack *stack = &current_thread()->signals.stack;
    bool is_in_use = runs_on_stack(stack, stack_pointer);
    if (old_stack) {
        *old_stack = *stack;
        old_stack->flags = stack->flags & SS_AUTODISARM;
        old_stack->flags |= stack->size == 0 ? SS_DISABLE : is_in_use ? SS_ONSTACK : 0;
    }
    if (!new_stack)
        return 0;
    uint32_t mode = new_stack->flags & ~SS_AUTODISARM;
    if (is_in_use)
        return -EPERM;
    if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
        return -EINVAL;
    if (mode == SS_DISABLE) {
        *stack = (struct abi_signal_stack){ .flags = new_stack->flags };
        return 0;
    }
    if (new_stack->size < SIGNAL_STACK_MINIMUM)
        return -ENOMEM;
    *stack = (struct abi_signal_stack){ new_stack->base, new_stack->flags, 0, new_stack->size };
    return 0;
}

struct frame_place {
    uint64_t stack_pointer, fpu_state;
};

static int choose_place(const struct trap_frame *frame, const struct abi_sigaction *action,
                        struct frame_place *place)
{
    const struct abi_signal_stack *stack = &current_thread()->signals.stack;
    uint64_t top = frame->rsp - RED_ZONE;
    bool nested = runs_on_stack(stack, frame->rsp);
    bool enters = action->flags & SA_ONSTACK && stack->size != 0 && !nested;
    if (enters)
        top = stack->base + stack->size;
    place->fpu_state = align_down(top - fpu_image_size(), FPU_IMAGE_ALIGNMENT);
    place->stack_pointer =
        align_down(place->fpu_state - sizeof(struct abi_signal_frame), 16) - sizeof(uint64_t);
    // A frame that overflows the alternate stack would be written over somebody's data.
    if ((enters || nested) && !is_on_stack(stack, place->stack_pointer))
        return -EFAULT;
    return 0;
}

static void save_registers(struct abi_mcontext *registers, const struct trap_frame *frame)
{
    const struct thread_signals *signals = &current_thread()->signals;
    registers->r8 = frame->r8;
    registers->r9 = frame->r9;
    registers->r10 = frame->r10;
    registers->r11 = frame->r11;
    registers->r12 = frame->r12;
    registers->r13 = frame->r13;
    registers->r14 = frame->r14;
    registers->r15 = frame->r15;
    registers->rdi = frame->rdi;
    registers->rsi = frame->rsi;
    registers->rbp = frame->rbp;
    registers->rbx = frame->rbx;
    registers->rdx = frame->rdx;
    registers->rax = frame->rax;
    registers->rcx = frame->rcx;
    registers->rsp = frame->rsp;
    registers->rip = frame->rip;
    registers->rflags = frame->rflags;
    registers->cs = (uint16_t)frame->cs;
    registers->gs = registers->fs = 0;
    registers->ss = (uint16_t)frame->ss;
    registers->error = signals->fault_error;
    registers->vector = signals->fault_vector;
    registers->cr2 = signals->fault_address;
    for (size_t i = 0; i < ARRAY_SIZE(registers->reserved); i++)
        registers->reserved[i] = 0;
}

int signal_frame_push(struct trap_frame *frame, const struct abi_siginfo *info,
                      const struct abi_sigaction *action, uint64_t mask)
{
    struct thread_signals *signals = &current_thread()->signals;
    struct abi_signal_frame image;
    struct frame_place place;
    size_t size = offsetof(struct abi_signal_frame, info);
    if (!(action->flags & SA_RESTORER) || choose_place(frame, action, &place) != 0)
        return -EFAULT;
    image.return_address = action->restorer;
    image.context.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    image.context.link = 0;
    image.context.stack = signals->stack;
    image.context.mask = mask;
    if (fpu_image_size() != fpu_state_size())
        image.context.flags |= UC_FP_XSTATE;
    save_registers(&image.context.registers, frame);
    image.context.registers.old_mask = mask;
    image.context.registers.fpu_state = place.fpu_state;
    if (action->flags & SA_SIGINFO) { // without it nobody is told where it would be
        image.info = *info;
        size = sizeof(image);
    }
    if (signal_fpu_write(place.fpu_state) != 0 ||
        copy_to_user(user_addr_make(place.stack_pointer), &image, size) != 0)
        return -EFAULT;

    // A handler starts as a program does: no full x87 stack, no unmasked exception of the
    // interrupted code's.
    fpu_restore_initial();
    if (signals->stack.flags & SS_AUTODISARM)
        signals->stack = (struct abi_signal_stack){ .flags = SS_DISABLE };
    frame->rdi = (uint64_t)info->signal;
    frame->rsi = place.stack_pointer + offsetof(struct abi_signal_frame, info);
    frame->rdx = place.stack_pointer + offsetof(struct abi_signal_frame, context);
    frame->rax = 0;
    frame->rip = action->handler;
    frame->rsp = place.stack_pointer;
    // CS and SS stay: no other descriptors are fit for ring 3.
    frame->rflags &= ~(RFLAGS_DF | RFLAGS_TF | RFLAGS_RF);
    return 0;
}

static void load_registers(struct trap_frame *frame, const struct abi_mcontext *registers)
{
    uint64_t kept = PROTECT_SIGRETURN ? frame->rflags & ~RFLAGS_OF_PROGRAM : 0;
    uint64_t taken = registers->rflags;
    if (PROTECT_SIGRETURN)
        taken &= RFLAGS_OF_PROGRAM;
    frame->r8 = registers->r8;
    frame->r9 = registers->r9;
    frame->r10 = registers->r10;
    frame->r11 = registers->r11;
    frame->r12 = registers->r12;
    frame->r13 = registers->r13;
    frame->r14 = registers->r14;
    frame->r15 = registers->r15;
    frame->rdi = registers->rdi;
    frame->rsi = registers->rsi;
    frame->rbp = registers->rbp;
    frame->rbx = registers->rbx;
    frame->rdx = registers->rdx;
    frame->rax = registers->rax;
    frame->rcx = registers->rcx;
    frame->rsp = registers->rsp;
    frame->rip = registers->rip;
    frame->rflags = kept | taken;
    frame->vector = VECTOR_SIGRETURN; // RCX and R11 are the program's; no call to repeat
    frame->error = 0;
}

static const char bad_segment[] = "sigreturn to a segment that is not the program's";

never_inlined static void refuse(struct trap_frame *frame, uint64_t error, const char *reason)
{
    struct fault_info fault = { .signal = SIGSEGV,
                                .code = SI_KERNEL,
                                .vector = VECTOR_PROTECTION,
                                .error = error,
                                .reason = reason };
    signal_fault(frame, &fault);
}

// Forced or refused: CS and SS have one value each in ring 3. A frame that does not insist on its
// SS (no UC_STRICT_RESTORE_SS: older programs write garbage there) gets the right one. Beyond the
// canonical addresses IRETQ would fault in the kernel; the program gets what the jump would have
// brought. False: refused.
static bool check_registers(struct trap_frame *frame, const struct abi_ucontext *context)
{
    const struct abi_mcontext *registers = &context->registers;
    uint64_t beyond = registers->rip >> CANONICAL_SHIFT;
    bool insists = context->flags & UC_STRICT_RESTORE_SS;
    if ((registers->cs | 3) != SELECTOR_USER_CODE)
        refuse(frame, registers->cs & ~3u, bad_segment);
    else if (insists && (registers->ss | 3) != SELECTOR_USER_DATA)
        refuse(frame, registers->ss & ~3u, bad_segment);
    else if (beyond != 0 && beyond != UINT64_MAX >> CANONICAL_SHIFT)
        refuse(frame, 0, "sigreturn to an address that is not canonical");
    else
        return true;
    return false;
}

// False: it dies, or was refused. Whom no memory is waited for dies at the gate; init alone tries
// again.
static bool restore_fpu(struct trap_frame *frame, uint64_t address)
{
    int error;
    while ((error = signal_fpu_load(address)) == -ENOMEM) {
        (void)!process_wait_for_memory(address);
        if (signal_death_begin(current_process()))
            return false;
        preempt_point();
    }
    if (error) {
        frame->rax = 0;
        refuse(frame, 0, "sigreturn with a bad FPU state");
    }
    return error == 0;
}

void signal_frame_return(struct trap_frame *frame)
{
    struct abi_signal_frame image;
    uint64_t address = frame->rsp - sizeof(uint64_t); // the handler's RET took the return address
    size_t size = offsetof(struct abi_signal_frame, info);
    frame->rax = 0;
    if (copy_from_user(&image, user_addr_make(address), size) != 0) {
        refuse(frame, 0, "sigreturn without a frame");
        return;
    }
    const struct abi_mcontext *registers = &image.context.registers;
    signal_set_mask(image.context.mask);
    // Before the FPU state: the handler of its SIGSEGV finds, and returns to, the interrupted code.
    // Checked at once: whatever happens next, the program may go on with them.
    load_registers(frame, registers);
    if (PROTECT_SIGRETURN && !check_registers(frame, &image.context))
        return;
    if (!restore_fpu(frame, registers->fpu_state))
        return;
    if (!PROTECT_SIGRETURN) {
        frame->cs = registers->cs;
        frame->ss = registers->ss;
    }
    // As on Linux, a stack that cannot be set is no error.
    (void)!signal_stack(frame->rsp, &image.context.stack, NULL);
}
