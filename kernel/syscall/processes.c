// Processes: fork, exec, exit, wait, groups and sessions.

#include "abi/errno.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/exec.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

HANDLER0(getpid)
{
    return current_process()->pid;
}

// One thread per process so far: its id is the process's.
HANDLER0(gettid)
{
    return current_process()->pid;
}

HANDLER0(getppid)
{
    return process_parent_pid(current_process());
}

HANDLER0(fork)
{
    user_addr none = { 0 };
    return process_fork(SIGCHLD, 0, none, none, 0);
}

HANDLER0(vfork)
{
    user_addr none = { 0 };
    return process_fork(CLONE_VFORK | CLONE_VM | SIGCHLD, 0, none, none, 0);
}

HANDLER5(clone, flags, stack, parent_tid, child_tid, tls)
{
    return process_fork(flags, stack, user_addr_make(parent_tid), user_addr_make(child_tid), tls);
}

// A NULL array counts as empty, as on Linux.
static int take_strings(struct exec_strings *strings, uint64_t array)
{
    return array ? exec_strings_from_user(strings, user_addr_make(array)) : 0;
}

HANDLER3(execve, path, argv, envp)
{
    struct exec_strings arguments = { 0 }, environment = { 0 };
    struct path_text text;
    int error = path_text_take(&text, path, false);
    if (error)
        return error;
    error = take_strings(&arguments, argv);
    if (!error)
        error = take_strings(&environment, envp);
    if (!error)
        error = exec_program(text.text, &arguments, &environment);
    exec_strings_free(&environment);
    exec_strings_free(&arguments);
    path_text_drop(&text);
    if (!error)
        thread_return_to_user(); // the frame is the new program's
    return error;
}

HANDLER1(exit, status)
{
    process_exit((status & 0xff) << 8);
}

HANDLER1(exit_group, status)
{
    process_exit((status & 0xff) << 8);
}

HANDLER2(setpgid, pid, group)
{
    if ((int32_t)group < 0)
        return -EINVAL;
    if ((int32_t)pid < 0)
        return -ESRCH;
    return process_set_group((uint32_t)pid, (uint32_t)group);
}

HANDLER1(getpgid, pid)
{
    return (int32_t)pid < 0 ? -ESRCH : process_group_of((uint32_t)pid);
}

HANDLER0(getpgrp)
{
    return process_group_of(0);
}

HANDLER0(setsid)
{
    return process_new_session();
}

HANDLER1(getsid, pid)
{
    return (int32_t)pid < 0 ? -ESRCH : process_session_of((uint32_t)pid);
}

HANDLER1(set_tid_address, address)
{
    current_process()->clear_child_tid = user_addr_make(address);
    return current_process()->pid;
}

// The list matters to threads that share futexes; there are none to tell yet.
// Every glibc program asks for restartable sequences as it starts, and does without.
HANDLER4(rseq, area, length, flags, signature)
{
    return -ENOSYS;
}

HANDLER2(set_robust_list, head, size)
{
    return size == ROBUST_LIST_SIZE ? 0 : -EINVAL;
}

HANDLER1(umask, mask)
{
    struct process *process = current_process();
    uint32_t old = process->umask;
    process->umask = mask & 0777;
    return old;
}

static int64_t set_name(uint64_t address)
{
    char name[16] = { 0 };
    struct process *process = current_process();
    size_t copied = copy_from_user_partial(name, user_addr_make(address), sizeof(name) - 1);
    if (copied < sizeof(name) - 1 && strnlen(name, copied) == copied)
        return -EFAULT;
    process_set_name(process, name);
    string_copy(current_thread()->name, name, sizeof(current_thread()->name));
    return 0;
}

static int64_t get_name(uint64_t address)
{
    char name[16];
    spinlock_acquire(&process_lock);
    memcpy(name, current_process()->name, sizeof(name));
    spinlock_release(&process_lock);
    return put_user(user_addr_make(address), name);
}

HANDLER5(prctl, command, argument, unused_a, unused_b, unused_c)
{
    switch ((int32_t)command) {
    case PR_SET_NAME:
        return set_name(argument);
    case PR_GET_NAME:
        return get_name(argument);
    default:
        return -EINVAL;
    }
}

static int64_t set_base(uint64_t base, void (*set)(uint64_t base))
{
    // Beyond user addresses lie the kernel's and, before them, those that fault when loaded.
    if (base >= USER_ADDRESS_LIMIT)
        return -EPERM;
    set(base);
    return 0;
}

HANDLER2(arch_prctl, command, argument)
{
    uint64_t base;
    switch ((int32_t)command) {
    case ARCH_SET_FS:
        return set_base(argument, thread_set_fs_base);
    case ARCH_SET_GS:
        return set_base(argument, thread_set_gs_base);
    case ARCH_GET_FS:
        base = thread_fs_base();
        return put_user(user_addr_make(argument), base);
    case ARCH_GET_GS:
        base = thread_gs_base();
        return put_user(user_addr_make(argument), base);
    default:
        return -EINVAL;
    }
}
