// /proc/PID/registers: the two register sets of a process that does not run now, `set name value` a
// line. "user" is the trap frame: what its program had when it entered the kernel. "kernel" is the
// switch context: where its next switch goes on. Called through file.c.
#include "debug/symbols.h"
#include "proc/inspect.h"
#include "pseudo/proc_inode.h"

#define SYMBOL_SIZE 128u
#define SIGRETURN_CALL 15u

typedef unsigned long long number;

static void print_register(struct snapshot *text, const char *set, const char *name, uint64_t value)
{
    snapshot_print(text, "%s %s 0x%016llx\n", set, name, (number)value);
}

static void print_entry(struct snapshot *text, const struct trap_frame *frame)
{
    if (frame->vector == VECTOR_SYSCALL)
        snapshot_print(text, "user entered by system call %u\n", (uint32_t)frame->error);
    else if (frame->vector == VECTOR_SIGRETURN)
        snapshot_print(text, "user entered by system call %u\n", SIGRETURN_CALL);
    else
        snapshot_print(text, "user entered by vector %u\n", (uint32_t)frame->vector);
}

static void print_frame(struct snapshot *text, const struct trap_frame *frame)
{
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        { "rax", frame->rax }, { "rbx", frame->rbx },       { "rcx", frame->rcx },
        { "rdx", frame->rdx }, { "rsi", frame->rsi },       { "rdi", frame->rdi },
        { "rbp", frame->rbp }, { "r8", frame->r8 },         { "r9", frame->r9 },
        { "r10", frame->r10 }, { "r11", frame->r11 },       { "r12", frame->r12 },
        { "r13", frame->r13 }, { "r14", frame->r14 },       { "r15", frame->r15 },
        { "rip", frame->rip }, { "rflags", frame->rflags }, { "rsp", frame->rsp },
        { "cs", frame->cs },   { "ss", frame->ss },
    };
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
        print_register(text, "user", registers[i].name, registers[i].value);
    print_entry(text, frame);
}

static void print_context(struct snapshot *text, const struct process_registers *registers)
{
    const struct switch_context *context = &registers->context;
    char symbol[SYMBOL_SIZE];
    symbols_format_return(symbol, sizeof(symbol), context->return_address);
    print_register(text, "kernel", "rbx", context->rbx);
    print_register(text, "kernel", "rbp", context->rbp);
    print_register(text, "kernel", "r12", context->r12);
    print_register(text, "kernel", "r13", context->r13);
    print_register(text, "kernel", "r14", context->r14);
    print_register(text, "kernel", "r15", context->r15);
    snapshot_print(text, "kernel rip 0x%016llx %s\n", (number)context->return_address, symbol);
    print_register(text, "kernel", "rsp", registers->context_rsp);
}

static void fill_registers(struct snapshot *text, struct process *process)
{
    struct process_registers registers;
    if (!process_copy_registers(process, proc_inode_thread(text->inode, process), &registers))
        return;
    print_frame(text, &registers.user);
    if (registers.has_context)
        print_context(text, &registers);
}

PROC_TEXT_FILE(proc_registers, fill_registers);
