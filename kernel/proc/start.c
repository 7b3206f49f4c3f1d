// The first process: a kernel thread gets a process object around it and executes `init`. Called
// once, by boot/first.c, at the end of the boot story.

#include "proc/exec.h"
#include "proc/internal.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/upcalls.h"
#include "debug/log.h"
#include "fs/memory_fs.h"
#include "lib/panic.h"
#include "mem/page_table.h"

#define CONSOLE_PATH "/dev/console"
#define STANDARD_DESCRIPTORS 3

// Descriptors 0 to 2; without a console they stay closed.
static void open_console(struct process *process)
{
    struct file *console;
    int error = path_open(memory_fs_root(), CONSOLE_PATH, O_RDWR | O_NOCTTY, 0, &console);
    if (error) {
        log_warning("process", "%s does not open (error %d): init starts without descriptors",
                    CONSOLE_PATH, -error);
        return;
    }
    for (int i = 0; i < STANDARD_DESCRIPTORS; i++) {
        file_reference(console);
        if (file_table_install(process->files, console, 0, STANDARD_DESCRIPTORS, false) < 0)
            file_release(console);
    }
    file_release(console);
}

static struct process *create_first(void)
{
    struct process *process = process_create("init");
    if (!process)
        return NULL;
    process_set_default_limits(process);
    inode_reference(memory_fs_root());
    process->working_directory = memory_fs_root();
    process->files = file_table_create();
    struct address_space *space = address_space_create();
    atomic_store(&process->space, space);
    if (!process->files || !space) {
        process_discard(process);
        return NULL;
    }
    process->start_ns = clock_now_ns();
    return process;
}

// The running kernel thread becomes the process's only thread.
static int enter_process(struct process *process)
{
    struct thread *thread = current_thread();
    process_lock_all();
    int error = process_publish_locked(process, NULL, thread);
    if (!error)
        process_reaper = process;
    process_unlock_all();
    if (!error)
        trace_step(STEP_CREATE_ENTRY, process->pid);
    if (!error)
        thread_set_translation(thread, &atomic_load(&process->space)->translation);
    return error;
}

static void leave_process(struct process *process)
{
    struct thread *thread = current_thread();
    process_release_files(process);
    process_leave_space(process);
    process_lock_all();
    process_unlink_locked(process);
    list_remove(&thread->owner_link);
    process->thread_count--;
    thread->owner = NULL;
    thread->on_release = NULL;
    process_unlock_all();
    process_release(process); // the thread's reference
    process_release(process); // the tree's
}

static int execute(const char *path, char *const argv[], char *const envp[])
{
    struct exec_strings arguments = { 0 }, environment = { 0 };
    int error = exec_strings_from_kernel(&arguments, argv);
    if (!error)
        error = exec_strings_from_kernel(&environment, envp);
    if (!error)
        error = exec_program(path, &arguments, &environment);
    exec_strings_free(&environment);
    exec_strings_free(&arguments);
    return error;
}

int process_start_first(const char *path, char *const argv[], char *const envp[])
{
    kassert(current_thread()->fpu_state != NULL);
    struct process *process = create_first();
    int error = process ? enter_process(process) : -ENOMEM;
    if (error) {
        if (process)
            process_discard(process);
        log_error("process", "no memory for the first process");
        return error;
    }
    open_console(process);
    error = execute(path, argv, envp);
    if (error) {
        log_error("process", "cannot execute %s: error %d", path, -error);
        leave_process(process);
    }
    return error;
}
