// Who and where: users, system names, limits, randomness, thread pointers, refused reboots.
#include "check.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

static bool test_users(void)
{
    EXPECT(getuid() == geteuid() && getgid() == getegid());
    EXPECT(getuid() == 0);
    return true;
}

static bool test_system(void)
{
    struct utsname names;
    struct sysinfo info;
    EXPECT(uname(&names) == 0 && strcmp(names.machine, "x86_64") == 0);
    EXPECT(strlen(names.sysname) > 0 && strlen(names.release) > 0);
    EXPECT(sysinfo(&info) == 0 && info.mem_unit > 0);
    EXPECT(info.totalram > info.freeram && info.freeram > 0 && info.procs > 0);
    return true;
}

static bool test_limits(void)
{
    struct rlimit limit;
    EXPECT(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 1 << 20);
    EXPECT_ERROR(syscall(SYS_prlimit64, 0, 99, NULL, &limit), EINVAL);
    EXPECT_ERROR(syscall(SYS_prlimit64, 0x3fffffff, RLIMIT_STACK, NULL, &limit), ESRCH);
    return true;
}

static bool test_random(void)
{
    unsigned char a[64], b[64];
    EXPECT(syscall(SYS_getrandom, a, 64, 0) == 64 && syscall(SYS_getrandom, b, 64, 1) == 64);
    EXPECT(memcmp(a, b, 64) != 0);
    EXPECT(syscall(SYS_getrandom, a, 0, 0) == 0);
    EXPECT_ERROR(syscall(SYS_getrandom, a, 64, 0x80), EINVAL);
    return true;
}

static bool test_segment_bases(void)
{
    uint64_t base = 0, thread_pointer = 0;
    EXPECT(syscall(SYS_arch_prctl, ARCH_GET_FS, &thread_pointer) == 0 && thread_pointer != 0);
    EXPECT(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x123456789000) == 0);
    EXPECT(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == 0x123456789000);
    EXPECT_ERROR(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x7ffffffff000), EPERM);
    EXPECT_ERROR(syscall(SYS_arch_prctl, 0x4242, 0), EINVAL);
    return true;
}

static bool test_thread_words(void)
{
    static int word = 5;
    EXPECT(syscall(SYS_set_tid_address, &word) == getpid());
    EXPECT(syscall(SYS_set_tid_address, (void *)-1) == getpid()); // not looked at
    EXPECT(syscall(SYS_set_tid_address, &word) == getpid());
    return true;
}

static bool test_refusals(void)
{
    EXPECT_ERROR(syscall(SYS_reboot, 1, 2, 0, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x1111, 0), EINVAL);
    EXPECT_ERROR(syscall(1000), ENOSYS);
    EXPECT_ERROR(syscall(-1), ENOSYS);
    EXPECT_ERROR(syscall(0x40000000 + SYS_getpid), ENOSYS);
    EXPECT(syscall(0x100000000 + SYS_getpid) == getpid()); // only the low half counts
    return true;
}

const struct test identity_tests[] = {
    { "users", test_users },
    { "system", test_system },
    { "limits", test_limits },
    { "random", test_random },
    { "segment-bases", test_segment_bases },
    { "thread-words", test_thread_words },
    { "refusals", test_refusals },
};
const size_t identity_test_count = COUNT_OF(identity_tests);
