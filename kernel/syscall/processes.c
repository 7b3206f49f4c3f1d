// Processes: fork, exec, exit, wait, groups and sessions.

#include "abi/errno.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/exec.h"
#include "proc/futex.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

HANDLER0(getpid)
{
    return current_process()->pid;
}

HANDLER0(gettid)
{
    return current_thread()->identity.tid;
}

HANDLER0(getppid)
{
    return process_parent_pid(current_process());
}

HANDLER0(fork)
{
    return process_clone(&(struct clone_request){ .exit_signal = SIGCHLD });
}

HANDLER0(vfork)
{
    return process_clone(
        &(struct clone_request){ .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD });
}

HANDLER5(clone, flags, stack, parent_tid, child_tid, tls)
{
    return process_clone(&(struct clone_request){ .flags = flags & ~CLONE_EXIT_SIGNAL_MASK,
                                                  .exit_signal = flags & CLONE_EXIT_SIGNAL_MASK,
                                                  .stack = stack,
                                                  .tls = tls,
                                                  .parent_tid = user_addr_make(parent_tid),
                                                  .child_tid = user_addr_make(child_tid) });
}

// Programs may come with a smaller or larger structure: what is missing is zero, and what this
// kernel does not know has to be.
static int take_clone_arguments(struct abi_clone_arguments *arguments, uint64_t address,
                                uint64_t size)
{
    uint8_t beyond;
    *arguments = (struct abi_clone_arguments){ 0 };
    if (size < CLONE_ARGUMENTS_FIRST_SIZE)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    for (uint64_t offset = sizeof(*arguments); offset < size; offset++) {
        if (get_user(beyond, user_addr_make(address + offset)) != 0)
            return -EFAULT;
        if (beyond)
            return -E2BIG;
    }
    return copy_from_user(arguments, user_addr_make(address),
                          min_of(size, (uint64_t)sizeof(*arguments)));
}

static int check_clone_arguments(const struct abi_clone_arguments *arguments)
{
    bool is_in_group = arguments->flags & (CLONE_THREAD | CLONE_PARENT);
    if (arguments->flags & (CLONE_EXIT_SIGNAL_MASK | CLONE_DETACHED) ||
        arguments->exit_signal > SIGNAL_LIMIT || (is_in_group && arguments->exit_signal))
        return -EINVAL;
    if ((arguments->stack == 0) != (arguments->stack_size == 0))
        return -EINVAL;
    if (arguments->stack &&
        !user_range_is_valid(user_addr_make(arguments->stack), arguments->stack_size))
        return -EINVAL;
    if (arguments->set_tid || arguments->set_tid_size || arguments->cgroup)
        return -EINVAL; // numbers that the caller chooses, and groups of control, are not there
    return 0;
}

HANDLER2(clone3, address, size)
{
    struct abi_clone_arguments arguments;
    int error = take_clone_arguments(&arguments, address, size);
    if (!error)
        error = check_clone_arguments(&arguments);
    if (error)
        return error;
    return process_clone(
        &(struct clone_request){ .flags = arguments.flags,
                                 .exit_signal = (uint32_t)arguments.exit_signal,
                                 .stack = arguments.stack + arguments.stack_size,
                                 .tls = arguments.tls,
                                 .parent_tid = user_addr_make(arguments.parent_tid),
                                 .child_tid = user_addr_make(arguments.child_tid) });
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
    process_exit_thread((status & 0xff) << 8);
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
    struct thread_identity *identity = &current_thread()->identity;
    identity->clear_child_tid = user_addr_make(address);
    return identity->tid;
}

// Every glibc program asks for restartable sequences as it starts, and does without.
HANDLER4(rseq, area, length, flags, signature)
{
    return -ENOSYS;
}

HANDLER2(set_robust_list, head, size)
{
    if (size != ROBUST_LIST_SIZE)
        return -EINVAL;
    current_thread()->identity.robust_list = user_addr_make(head);
    return 0;
}

HANDLER3(get_robust_list, tid, head, size)
{
    uint64_t list, list_size = ROBUST_LIST_SIZE;
    int error = robust_list_of((uint32_t)tid, &list);
    if (error)
        return error;
    if (put_user(user_addr_make(size), list_size) != 0)
        return -EFAULT;
    return put_user(user_addr_make(head), list);
}

HANDLER1(umask, mask)
{
    return atomic_exchange(&current_process()->umask, mask & 0777);
}

// The one thing that a program may ask for is that the next one's layout is not random.
HANDLER1(personality, wanted)
{
    struct process *process = current_process();
    if ((uint32_t)wanted == PERSONALITY_QUERY)
        return atomic_load(&process->personality);
    if ((uint32_t)wanted & ~ADDR_NO_RANDOMIZE)
        return -EINVAL;
    return atomic_exchange(&process->personality, (uint32_t)wanted);
}

static int64_t set_name(uint64_t address)
{
    char name[16] = { 0 };
    size_t copied = copy_from_user_partial(name, user_addr_make(address), sizeof(name) - 1);
    if (copied < sizeof(name) - 1 && strnlen(name, copied) == copied)
        return -EFAULT;
    process_set_thread_name(current_thread(), name);
    return 0;
}

static int64_t get_name(uint64_t address)
{
    char name[16];
    process_copy_thread_name(name);
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
