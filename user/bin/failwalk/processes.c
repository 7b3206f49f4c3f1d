// Rows of the calls by which processes and threads come, change and go.
#include "failwalk.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static long child;

// The child's way ends here; the parent takes it in.
static long part(long pid)
{
    if (pid == 0)
        (void)CALL(SYS_exit_group, 0);
    if (pid > 0 && CALL(SYS_wait4, pid, 0, __WALL, 0) != pid)
        return -ECHILD;
    return pid;
}

static long act_fork_plain(void)
{
    return part(CALL(SYS_fork));
}

static long act_clone_process(void)
{
    return part(CALL(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, 0,
                     scene.places[0], scene.places[1], 0));
}

static long act_clone3_process(void)
{
    uint64_t *wanted = (uint64_t *)scene.places[0];
    wanted[4] = SIGCHLD; // exit_signal
    return part(CALL(SYS_clone3, wanted, 64));
}

// The child shares memory and stack: it must not return from here.
__attribute__((naked)) static long vfork_and_exit(void)
{
    __asm__("popq %rdx; movl $58, %eax; syscall; testq %rax, %rax; jnz 1f;"
            "movl $231, %eax; xorl %edi, %edi; syscall; 1: jmpq *%rdx");
}

static long act_vfork_plain(void)
{
    long pid = vfork_and_exit();
    return pid < 0 ? pid : part(pid);
}

// The thread leaves at once; the word at places[0] is its tid until then.
static long act_clone_thread(void)
{
    long flags = THREAD_FLAGS, result;
    register long r10 __asm__("r10") = (long)scene.places[0];
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall; testq %%rax, %%rax; jnz 1f; movl $60, %%eax; xorl %%edi, %%edi;"
                     "syscall; 1:"
                     : "=a"(result)
                     : "a"(SYS_clone), "D"(flags), "S"(scene.places[5] + PAGE),
                       "d"(scene.places[0]), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    for (int turns = 0; result > 0 && *(volatile int *)scene.places[0] != 0 && turns < 100000;)
        turns += CALL(SYS_sched_yield) == 0;
    return result;
}

static void start_child(void)
{
    child = CALL(SYS_fork);
    if (child == 0)
        (void)CALL(SYS_exit_group, 3);
}

static void set_robust(void)
{
    long *head = (long *)scene.places[0];
    head[0] = (long)head;
    (void)CALL(SYS_set_robust_list, head, 24);
    (void)CALL(SYS_set_tid_address, scene.places[1]);
}

static char *const empty[] = { NULL };
static char *const words[] = { "busybox", "true", NULL };
static char *const variables[] = { "A=1", "B=2", NULL };

ACT(execve_program, SYS_execve, "/bin/busybox", words, variables)
ACT(execve_script, SYS_execve, SCRIPT, words, empty)
ACT(execve_pie, SYS_execve, "/bin/hello-pie", words, empty)
ACT(exit_thread, SYS_exit, 0)
ACT(exit_group_plain, SYS_exit_group, 0)
ACT(wait4_child, SYS_wait4, child, scene.places[0], 0, scene.places[1])
ACT(waitid_child, SYS_waitid, P_PID, child, scene.places[0], WEXITED, scene.places[1])
ACT(setsid_plain, SYS_setsid)
ACT(setpgid_self, SYS_setpgid, 0, 0)
ACT(setrlimit_same, SYS_setrlimit, RLIMIT_CORE, scene.places[0])
ACT(prlimit64_get, SYS_prlimit64, 0, RLIMIT_STACK, 0, scene.places[0])
ACT(prctl_name, SYS_prctl, 15, "walker")
ACT(arch_prctl_get, SYS_arch_prctl, 0x1003, scene.places[0])
ACT(get_robust_list_own, SYS_get_robust_list, 0, scene.places[0], scene.places[1])
ACT(set_robust_list_own, SYS_set_robust_list, scene.places[0], 24)
ACT(sched_setparam_own, SYS_sched_setparam, 0, scene.places[0])
ACT(sched_setscheduler_own, SYS_sched_setscheduler, 0, 0, scene.places[0])
ACT(sethostname_same, SYS_sethostname, "ringfence", 9)
ACT(getgroups_none, SYS_getgroups, 0, 0)
ACT(setgroups_none, SYS_setgroups, 0, 0)

static long act_sched_setaffinity_all(void)
{
    memset(scene.places[0], 0xff, 128);
    return CALL(SYS_sched_setaffinity, 0, 128, scene.places[0]);
}

static long act_sched_setattr_own(void)
{
    *(uint32_t *)scene.places[0] = 48; // its size; an ordinary thread with nice value 0
    return CALL(SYS_sched_setattr, 0, scene.places[0], 0);
}

const struct row process_rows[] = {
    ROW(fork, plain, NULL),
    ROW(clone, process, NULL),
    ROW(clone3, process, NULL),
    ROW(vfork, plain, NULL),
    ROW(clone, thread, NULL),
    { "execve program", SYS_execve, NULL, act_execve_program, BECOMES_ANOTHER, 0 },
    { "execve script", SYS_execve, NULL, act_execve_script, BECOMES_ANOTHER, 0 },
    { "execve pie", SYS_execve, NULL, act_execve_pie, BECOMES_ANOTHER, 0 },
    { "exit", SYS_exit, set_robust, act_exit_thread, ENDS, 0 },
    { "exit_group", SYS_exit_group, start_child, act_exit_group_plain, ENDS, 0 },
    ROW(wait4, child, start_child),
    ROW(waitid, child, start_child),
    ROW(setsid, plain, NULL),
    ROW(setpgid, self, NULL),
    ROW(setrlimit, same, NULL),
    ROW(prlimit64, get, NULL),
    ROW(prctl, name, NULL),
    ROW(arch_prctl, get, NULL),
    ROW(get_robust_list, own, NULL),
    ROW(set_robust_list, own, NULL),
    ROW(sched_setparam, own, NULL),
    ROW(sched_setscheduler, own, NULL),
    ROW(sched_setaffinity, all, NULL),
    ROW(sched_setattr, own, NULL),
    ROW(sethostname, same, NULL),
    ROW(getgroups, none, NULL),
    ROW(setgroups, none, NULL),
};
const size_t process_row_count = COUNT_OF(process_rows);
