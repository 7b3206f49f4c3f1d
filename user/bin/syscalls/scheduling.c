// Policies, priorities and nice values of threads: what is set, shown, inherited and refused.
#include "check.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 0x3fffffff
#define BAD_POINTER ((void *)8)
#define RESET_ON_FORK 0x40000000

struct attributes {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
    unsigned utilization_minimum, utilization_maximum;
};

static long set_policy(pid_t pid, int policy, int priority)
{
    struct sched_param parameter = { .sched_priority = priority };
    return syscall(SYS_sched_setscheduler, pid, policy, &parameter);
}

static long set_priority(pid_t pid, int priority)
{
    struct sched_param parameter = { .sched_priority = priority };
    return syscall(SYS_sched_setparam, pid, &parameter);
}

static long policy_of(pid_t pid)
{
    return syscall(SYS_sched_getscheduler, pid);
}

static int priority_of(pid_t pid)
{
    struct sched_param parameter = { .sched_priority = -1 };
    return syscall(SYS_sched_getparam, pid, &parameter) == 0 ? parameter.sched_priority : -1;
}

static bool test_policies(void)
{
    EXPECT(policy_of(0) == SCHED_OTHER && priority_of(0) == 0);
    EXPECT(set_policy(0, SCHED_FIFO, 10) == 0);
    EXPECT(policy_of(getpid()) == SCHED_FIFO && priority_of(0) == 10);
    EXPECT(set_priority(0, 99) == 0 && priority_of(0) == 99 && policy_of(0) == SCHED_FIFO);
    EXPECT(set_policy(0, SCHED_RR, 1) == 0 && policy_of(0) == SCHED_RR);
    EXPECT_ERROR(set_priority(0, 0), EINVAL);
    EXPECT_ERROR(set_priority(0, 100), EINVAL);
    EXPECT(priority_of(0) == 1);
    EXPECT(set_policy(0, SCHED_BATCH, 0) == 0 && policy_of(0) == SCHED_BATCH);
    EXPECT_ERROR(set_priority(0, 1), EINVAL);
    EXPECT(set_priority(0, 0) == 0);
    EXPECT(set_policy(0, SCHED_IDLE, 0) == 0 && policy_of(0) == SCHED_IDLE);
    EXPECT(set_policy(0, SCHED_OTHER, 0) == 0 && policy_of(0) == SCHED_OTHER);
    return true;
}

static bool test_policy_errors(void)
{
    struct sched_param parameter = { .sched_priority = 1 };
    EXPECT_ERROR(set_policy(0, SCHED_OTHER, 1), EINVAL);
    EXPECT_ERROR(set_policy(0, SCHED_FIFO, 0), EINVAL);
    EXPECT_ERROR(set_policy(0, SCHED_FIFO, 100), EINVAL);
    EXPECT_ERROR(set_policy(0, SCHED_RR, -1), EINVAL);
    EXPECT_ERROR(set_policy(0, -1, 0), EINVAL);
    EXPECT_ERROR(set_policy(0, 4, 0), EINVAL);
    EXPECT_ERROR(set_policy(0, 77, 0), EINVAL);
    EXPECT_ERROR(set_policy(-1, SCHED_OTHER, 0), EINVAL);
    EXPECT_ERROR(set_policy(NOBODY, SCHED_OTHER, 0), ESRCH);
    EXPECT_ERROR(set_policy(NOBODY, 77, 0), ESRCH);
    EXPECT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, NULL), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setscheduler, NOBODY, SCHED_FIFO, BAD_POINTER), EFAULT);
    EXPECT_ERROR(syscall(SYS_sched_setparam, 0, NULL), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setparam, -1, &parameter), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setparam, NOBODY, &parameter), ESRCH);
    EXPECT_ERROR(syscall(SYS_sched_getparam, 0, BAD_POINTER), EFAULT);
    EXPECT_ERROR(syscall(SYS_sched_getparam, NOBODY, &parameter), ESRCH);
    EXPECT(policy_of(0) == SCHED_OTHER);
    return true;
}

// What a child of a thread with the rights just set has: policy, priority, nice value.
struct inherited {
    long policy;
    int priority, nice;
};

static int show_rights(void *argument)
{
    struct inherited mine = { policy_of(0), priority_of(0), getpriority(PRIO_PROCESS, 0) };
    return write(*(int *)argument, &mine, sizeof(mine)) != sizeof(mine);
}

static bool child_has(long policy, int priority, int nice)
{
    struct inherited told;
    int ends[2];
    EXPECT(pipe(ends) == 0 && child_run(show_rights, &ends[1]) == 0);
    EXPECT(read(ends[0], &told, sizeof(told)) == sizeof(told));
    close(ends[0]);
    close(ends[1]);
    EXPECT(told.policy == policy && told.priority == priority && told.nice == nice);
    return true;
}

static bool test_inheritance(void)
{
    EXPECT(setpriority(PRIO_PROCESS, 0, 7) == 0 && child_has(SCHED_OTHER, 0, 7));
    EXPECT(set_policy(0, SCHED_RR, 5) == 0 && child_has(SCHED_RR, 5, 7));
    EXPECT(set_policy(0, SCHED_FIFO | RESET_ON_FORK, 6) == 0);
    EXPECT(policy_of(0) == (SCHED_FIFO | RESET_ON_FORK) && child_has(SCHED_OTHER, 0, 0));
    EXPECT(set_priority(0, 8) == 0 && policy_of(0) == (SCHED_FIFO | RESET_ON_FORK));
    EXPECT(set_policy(0, SCHED_OTHER | RESET_ON_FORK, 0) == 0 && child_has(SCHED_OTHER, 0, 7));
    EXPECT(setpriority(PRIO_PROCESS, 0, -3) == 0 && child_has(SCHED_OTHER, 0, 0));
    EXPECT(set_policy(0, SCHED_OTHER, 0) == 0 && child_has(SCHED_OTHER, 0, -3));
    return true;
}

static long set_attributes(const void *attributes)
{
    return syscall(SYS_sched_setattr, 0, attributes, 0);
}

static long get_attributes(struct attributes *attributes, unsigned size)
{
    memset(attributes, 0x55, sizeof(*attributes));
    return syscall(SYS_sched_getattr, 0, attributes, size, 0);
}

static bool test_attributes(void)
{
    struct attributes now, wanted = { .size = 48, .policy = SCHED_BATCH, .nice = 4 };
    EXPECT(set_attributes(&wanted) == 0 && get_attributes(&now, 48) == 0);
    EXPECT(now.size == 48 && now.policy == SCHED_BATCH && now.nice == 4 && now.flags == 0);
    EXPECT(getpriority(PRIO_PROCESS, 0) == 4);
    wanted = (struct attributes){ .size = 56, .policy = SCHED_OTHER, .nice = -100 };
    EXPECT(set_attributes(&wanted) == 0 && get_attributes(&now, 56) == 0);
    EXPECT(now.size == 56 && now.nice == -20 && now.policy == SCHED_OTHER);
    wanted = (struct attributes){ .policy = SCHED_RR, .priority = 3, .flags = 1 }; // size 0 is 48
    EXPECT(set_attributes(&wanted) == 0 && get_attributes(&now, sizeof(now)) == 0);
    EXPECT(now.policy == SCHED_RR && now.priority == 3 && now.flags == 1);
    EXPECT(policy_of(0) == (SCHED_RR | RESET_ON_FORK));
    wanted.flags = 0x8 | 0x10; // the policy and its parameters stay
    wanted.priority = 9;
    EXPECT(set_attributes(&wanted) == 0 && priority_of(0) == 3 && policy_of(0) != SCHED_OTHER);
    wanted = (struct attributes){ .size = 48, .policy = SCHED_OTHER, .flags = 0 };
    EXPECT(set_attributes(&wanted) == 0 && policy_of(0) == SCHED_OTHER);
    return true;
}

static bool test_attribute_errors(void)
{
    struct attributes attributes = { .size = 47 };
    unsigned long larger[16] = { 0 };
    EXPECT_ERROR(set_attributes(&attributes), E2BIG);
    EXPECT(attributes.size >= 56); // told what there is
    larger[0] = sizeof(larger);
    EXPECT(set_attributes(larger) == 0); // SCHED_OTHER; the rest is 0
    larger[15] = 1;
    EXPECT_ERROR(set_attributes(larger), E2BIG);
    attributes = (struct attributes){ .size = 48, .policy = SCHED_OTHER, .priority = 1 };
    EXPECT_ERROR(set_attributes(&attributes), EINVAL);
    attributes = (struct attributes){ .size = 48, .policy = SCHED_FIFO };
    EXPECT_ERROR(set_attributes(&attributes), EINVAL);
    attributes = (struct attributes){ .size = 48, .flags = 1ul << 40 };
    EXPECT_ERROR(set_attributes(&attributes), EINVAL);
    attributes = (struct attributes){ .size = 48, .policy = ~0u };
    EXPECT_ERROR(set_attributes(&attributes), EINVAL);
    attributes = (struct attributes){ .size = 48 };
    EXPECT_ERROR(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setattr, 0, BAD_POINTER, 0), EFAULT);
    EXPECT_ERROR(syscall(SYS_sched_setattr, -1, &attributes, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setattr, 0, &attributes, 1), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setattr, NOBODY, &attributes, 0), ESRCH);
    EXPECT_ERROR(syscall(SYS_sched_getattr, 0, &attributes, 47, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_getattr, 0, &attributes, 4097, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_getattr, 0, &attributes, 48, 1), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_getattr, 0, NULL, 48, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_getattr, 0, BAD_POINTER, 48, 0), EFAULT);
    EXPECT_ERROR(syscall(SYS_sched_getattr, NOBODY, &attributes, 48, 0), ESRCH);
    return true;
}

static bool test_intervals(void)
{
    struct timespec interval;
    EXPECT(syscall(SYS_sched_rr_get_interval, 0, &interval) == 0);
    EXPECT(interval.tv_sec == 0); // Linux says 0 where nobody shares the CPU
    EXPECT(set_policy(0, SCHED_RR, 1) == 0);
    EXPECT(syscall(SYS_sched_rr_get_interval, 0, &interval) == 0);
    EXPECT(interval.tv_sec == 0 && interval.tv_nsec == 100 * (long)MILLISECONDS);
    EXPECT(set_policy(0, SCHED_FIFO, 1) == 0);
    EXPECT(syscall(SYS_sched_rr_get_interval, getpid(), &interval) == 0);
    EXPECT(interval.tv_sec == 0 && interval.tv_nsec == 0);
    EXPECT_ERROR(syscall(SYS_sched_rr_get_interval, -1, &interval), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_rr_get_interval, NOBODY, &interval), ESRCH);
    EXPECT_ERROR(syscall(SYS_sched_rr_get_interval, 0, BAD_POINTER), EFAULT);
    EXPECT(syscall(SYS_sched_get_priority_max, SCHED_RR) == 99);
    EXPECT(syscall(SYS_sched_get_priority_min, SCHED_FIFO) == 1);
    EXPECT(syscall(SYS_sched_get_priority_max, SCHED_IDLE) == 0);
    EXPECT(syscall(SYS_sched_get_priority_min, SCHED_BATCH) == 0);
    EXPECT_ERROR(syscall(SYS_sched_get_priority_min, 4), EINVAL);
    return true;
}

// Fields 18, 19, 39, 40 and 41 of /proc/self/stat.
static bool stat_shows(int priority, int nice, unsigned realtime, unsigned policy)
{
    char text[1024] = { 0 };
    int shown_priority, shown_nice;
    unsigned shown_cpu, shown_realtime, shown_policy;
    FILE *file = fopen("/proc/self/stat", "r");
    EXPECT(file && fgets(text, sizeof(text), file));
    fclose(file);
    int count = sscanf(strrchr(text, ')') + 2,
                       "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d %d "
                       "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                       "%*s %u %u %u",
                       &shown_priority, &shown_nice, &shown_cpu, &shown_realtime, &shown_policy);
    EXPECT(count == 5 && shown_priority == priority && shown_nice == nice);
    EXPECT(shown_realtime == realtime && shown_policy == policy);
    return true;
}

static bool test_proc_stat_fields(void)
{
    EXPECT(stat_shows(20, 0, 0, SCHED_OTHER));
    EXPECT(setpriority(PRIO_PROCESS, 0, -5) == 0 && stat_shows(15, -5, 0, SCHED_OTHER));
    EXPECT(set_policy(0, SCHED_BATCH, 0) == 0 && stat_shows(15, -5, 0, SCHED_BATCH));
    EXPECT(set_policy(0, SCHED_FIFO, 42) == 0 && stat_shows(-43, -5, 42, SCHED_FIFO));
    return true;
}

static int wait_for_end(void *ends)
{
    char byte;
    close(((int *)ends)[1]);
    return read(*(int *)ends, &byte, 1) != 0;
}

// Of a group: all of it; the lowest is told.
static bool test_nice_of_group(void)
{
    int ends[2];
    EXPECT(setpgid(0, 0) == 0 && pipe(ends) == 0);
    pid_t pid = child_start(wait_for_end, ends);
    EXPECT(setpriority(PRIO_PROCESS, pid, -4) == 0 && getpriority(PRIO_PROCESS, pid) == -4);
    EXPECT(getpriority(PRIO_PROCESS, 0) == 0 && getpriority(PRIO_PGRP, 0) == -4);
    EXPECT(setpriority(PRIO_PGRP, getpid(), 11) == 0 && getpriority(PRIO_PROCESS, pid) == 11);
    EXPECT(getpriority(PRIO_PROCESS, 0) == 11 && getpriority(PRIO_USER, 0) <= 11);
    EXPECT_ERROR(getpriority(PRIO_PGRP, NOBODY), ESRCH);
    EXPECT_ERROR(getpriority(PRIO_USER, NOBODY), ESRCH);
    close(ends[0]);
    close(ends[1]);
    EXPECT(child_wait(pid) == 0);
    return true;
}

const struct test scheduling_tests[] = {
    { "policies", test_policies },
    { "policy-errors", test_policy_errors },
    { "rights-inherited", test_inheritance },
    { "scheduling-attributes", test_attributes },
    { "scheduling-attribute-errors", test_attribute_errors },
    { "slices", test_intervals },
    { "priorities-in-proc", test_proc_stat_fields },
    { "nice-of-group", test_nice_of_group },
};
const size_t scheduling_test_count = COUNT_OF(scheduling_tests);
