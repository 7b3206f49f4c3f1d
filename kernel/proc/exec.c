// execve. Everything that can fail happens first, beside the running program: finding the file,
// building a complete new address space. Then the process's other threads end (which fails only
// when this one is to end as well), and commit_program() swaps, and cannot fail. Called by
// the system call and by the start of the first process, in the thread that will run the program.
#include "proc/exec.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "fs/path.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/elf_load.h"
#include "proc/exec_layout.h"
#include "proc/exec_script.h"
#include "proc/initial_stack.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "vm/vdso.h"

#define ANY_EXECUTE_PERMISSION 0111u

// What is being built. After commit_program() the pointers are the old program's, so that one
// cleanup serves both ways out.
struct exec_state {
    struct process *process;
    const char *name;    // as called, also for scripts
    char *path;          // of the file that is executed: the interpreter of a script
    char *real_path;     // where that is, links resolved; NULL when nobody knows
    struct inode *inode; // that file: a reference, and counted in `executing`
    struct address_space *space;
    struct file_table *files; // a copy, when others share the table; else NULL
    uint64_t entry, stack_pointer;
};

static void close_program(struct inode *inode)
{
    atomic_fetch_sub(&inode->executing, 1);
    inode_release(inode);
}

// The inode of an executable file, with a reference and counted in `executing`; and its path.
static int open_program(struct exec_state *state, struct inode **result)
{
    struct inode *directory = process_working_directory(state->process);
    struct inode *inode;
    memory_release(state->real_path);
    state->real_path = NULL;
    int error = path_lookup_named(directory, state->path, 0, &inode, &state->real_path);
    inode_release(directory);
    if (error)
        return error;
    if ((inode->mode & S_IFMT) != S_IFREG || !(inode->mode & ANY_EXECUTE_PERMISSION)) {
        inode_release(inode);
        return -EACCES;
    }
    // Counted before the other side's count is looked at; open for writing does the same.
    atomic_fetch_add(&inode->executing, 1);
    if (atomic_load(&inode->write_openers) != 0) {
        close_program(inode);
        return -ETXTBSY;
    }
    *result = inode;
    return 0;
}

// Makes state->path the interpreter of the script that it was, and puts the interpreter and the
// script's path in front of the arguments.
static int enter_script(struct exec_state *state, struct exec_strings *arguments, char *text,
                        size_t length)
{
    struct script_line line;
    int error = script_parse(text, length, &line);
    if (error)
        return error;
    const char *front[3];
    uint32_t count = 0;
    front[count++] = line.interpreter;
    if (line.argument)
        front[count++] = line.argument;
    front[count++] = state->path;
    error = exec_strings_replace_first(arguments, front, count);
    if (error)
        return error;
    char *path = memory_duplicate_string(line.interpreter);
    if (!path)
        return -ENOMEM;
    memory_release(state->path);
    state->path = path;
    return 0;
}

// Opens the program, going through interpreters as long as it is a script.
static int find_program(struct exec_state *state, struct exec_strings *arguments)
{
    for (uint32_t depth = 0;; depth++) {
        char text[SCRIPT_LINE_LIMIT + 1];
        int error = open_program(state, &state->inode);
        if (error)
            return error;
        int64_t length = inode_read(state->inode, 0, text, SCRIPT_LINE_LIMIT);
        if (length < 0)
            return (int)length;
        if (!script_begins(text, (size_t)length))
            return 0;
        close_program(state->inode);
        state->inode = NULL;
        if (depth == SCRIPT_DEPTH_LIMIT)
            return -ELOOP;
        error = enter_script(state, arguments, text, (size_t)length);
        if (error)
            return error;
    }
}

static int build_space(struct exec_state *state, const struct exec_strings *arguments,
                       const struct exec_strings *environment)
{
    struct elf_program program;
    struct exec_layout layout;
    exec_layout_draw(&layout, state->process);
    int error = elf_program_read(&program, state->inode, layout.movable_base);
    if (error)
        return error;
    error = -ENOMEM;
    state->space = address_space_create();
    if (state->space) {
        trace_step(STEP_ALLOCATE_MEMORY, state->space->translation.root.value);
        exec_layout_apply(&layout, state->space, state->process);
        struct initial_stack stack = { .top = layout.stack_top,
                                       .strings_gap = layout.strings_gap,
                                       .program = &program,
                                       .arguments = arguments,
                                       .environment = environment,
                                       .executable_name = state->name };
        state->entry = elf_program_entry(&program);
        error = elf_program_map(&program, state->space, layout.brk_gap);
        if (!error) {
            trace_step(STEP_LOAD_PROGRAM, state->entry);
            stack.vdso = vdso_map(state->space, stack.top, layout.vdso_random);
            error = stack.vdso < 0 ? (int)stack.vdso : 0;
        }
        if (!error) {
            error = initial_stack_build(state->space, &stack, &state->stack_pointer);
        }
        if (!error)
            trace_step(STEP_USER_STACK, state->stack_pointer);
    }
    elf_program_free(&program);
    return error;
}

// Makes state->path what /proc/PID/exe will say.
static void settle_path(struct exec_state *state)
{
    if (!state->real_path)
        return;
    memory_release(state->path);
    state->path = state->real_path;
    state->real_path = NULL;
}

// From here on only other processes share the table: what exec closes must stay open for them.
static int prepare_files(struct exec_state *state)
{
    struct file_table *files = state->process->files;
    if (file_table_is_unshared(files))
        return 0;
    state->files = file_table_copy(files);
    return state->files ? 0 : -ENOMEM;
}

// Without memory at the end a program that had threads cannot go on as it was: it dies, as on
// Linux.
static int become_alone(struct exec_state *state)
{
    bool had_threads = state->process->thread_count > 1;
    int error = process_end_other_threads(state->process);
    if (error)
        return error;
    error = prepare_files(state);
    if (error && had_threads)
        signal_end_process(SIGKILL);
    return error;
}

// A program starts with nothing of its predecessor in its registers. Zero RCX and R11 make the exit
// gate choose IRETQ.
static void reset_frame(struct trap_frame *frame, uint64_t entry, uint64_t stack_pointer)
{
    const uint64_t io_level = PROTECT_IOPL ? 0 : RFLAGS_IOPL; // 0: no cli, no ports in ring 3

    *frame = (struct trap_frame){ .vector = VECTOR_SYSCALL,
                                  .rip = entry,
                                  .cs = SELECTOR_USER_CODE,
                                  .rflags = RFLAGS_FIXED | RFLAGS_IF | io_level,
                                  .rsp = stack_pointer,
                                  .ss = SELECTOR_USER_DATA };
}

static const char *last_component(const char *path)
{
    const char *last = path;
    for (const char *next = path; *next; next++) {
        if (*next == '/')
            last = next + 1;
    }
    return last;
}

// The process's objects change hands under the lock; what is replaced lands in `state`.
static void swap_objects(struct exec_state *state)
{
    struct process *process = state->process;
    struct inode *inode = process->executable;
    char *path = process->executable_path;

    process_lock(process);
    state->space = atomic_exchange(&process->space, state->space);
    process->executable = state->inode;
    process->executable_path = state->path;
    if (state->files) {
        struct file_table *files = process->files;
        process->files = state->files;
        state->files = files;
    }
    process->executed = true;
    process->exit_signal = SIGCHLD;
    signal_reset_for_exec_locked(process);
    process_unlock(process);
    state->inode = inode;
    state->path = path;
}

// The point of no return.
static void commit_program(struct exec_state *state)
{
    struct process *process = state->process;
    struct thread *thread = current_thread();
    struct address_space *space = state->space;

    swap_objects(state);
    thread_set_translation(thread, &space->translation); // before the old one can go
    file_table_close_on_exec(process->files);
    process_set_thread_name(thread, last_component(state->name));
    thread_reset_user_registers();
    reset_frame(thread_user_frame(thread), state->entry, state->stack_pointer);
    trace_step(STEP_KERNEL_STACK, (uint64_t)thread_user_frame(thread));
    trace(TRACE_EXEC, process->pid, state->entry);
    if (unlikely(trace_enabled))
        trace_name(thread->id, process->pid, thread->name);
}

// Drops what was built, or, after the swap, what was replaced.
static void release_state(struct exec_state *state)
{
    if (state->space)
        address_space_release(state->space);
    if (state->files)
        file_table_release(state->files);
    if (state->inode)
        close_program(state->inode);
    memory_release(state->path);
    memory_release(state->real_path);
}

int exec_program(const char *path, struct exec_strings *arguments, struct exec_strings *environment)
{
    static const char *const no_name[] = { "" };
    struct exec_state state = { .process = current_process(), .name = path };
    if (arguments->size + environment->size > EXEC_STRINGS_LIMIT)
        return -E2BIG;
    state.path = memory_duplicate_string(path);
    int error = state.path ? 0 : -ENOMEM;
    if (!error && arguments->count == 0) // programs count on an argv[0]; Linux supplies one as well
        error = exec_strings_replace_first(arguments, no_name, 1);
    if (!error)
        error = find_program(&state, arguments);
    if (!error)
        error = build_space(&state, arguments, environment);
    if (!error)
        error = become_alone(&state);
    if (!error) {
        thread_leave_memory(state.process);
        settle_path(&state);
        commit_program(&state);
        // Who changed them meanwhile told the old space.
        process_apply_memory_limits(state.process, current_address_space());
    }
    release_state(&state);
    if (!error)
        process_vfork_finish(state.process);
    return error;
}
