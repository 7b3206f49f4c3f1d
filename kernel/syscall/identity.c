// Users and groups. Everybody is root: every id is 0, and only 0 can be set.

#include "abi/errno.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

#define ID_UNCHANGED UINT32_MAX
#define GROUP_LIMIT 65536u

static int64_t set_id(uint64_t id)
{
    return (uint32_t)id == 0 ? 0 : -EPERM;
}

// The forms with several ids take -1 for "leave it".
static bool id_is_settable(uint64_t id)
{
    return (uint32_t)id == 0 || (uint32_t)id == ID_UNCHANGED;
}

static int64_t report_ids(uint64_t real, uint64_t effective, uint64_t saved)
{
    uint32_t id = 0;
    if (put_user(user_addr_make(real), id) != 0 || put_user(user_addr_make(effective), id) != 0)
        return -EFAULT;
    return put_user(user_addr_make(saved), id);
}

HANDLER0(getuid)
{
    return 0;
}

HANDLER0(geteuid)
{
    return 0;
}

HANDLER0(getgid)
{
    return 0;
}

HANDLER0(getegid)
{
    return 0;
}

HANDLER1(setuid, id)
{
    return set_id(id);
}

HANDLER1(setgid, id)
{
    return set_id(id);
}

HANDLER2(setreuid, real, effective)
{
    return id_is_settable(real) && id_is_settable(effective) ? 0 : -EPERM;
}

HANDLER2(setregid, real, effective)
{
    return id_is_settable(real) && id_is_settable(effective) ? 0 : -EPERM;
}

HANDLER3(setresuid, real, effective, saved)
{
    bool settable = id_is_settable(real) && id_is_settable(effective) && id_is_settable(saved);
    return settable ? 0 : -EPERM;
}

HANDLER3(setresgid, real, effective, saved)
{
    bool settable = id_is_settable(real) && id_is_settable(effective) && id_is_settable(saved);
    return settable ? 0 : -EPERM;
}

HANDLER3(getresuid, real, effective, saved)
{
    return report_ids(real, effective, saved);
}

HANDLER3(getresgid, real, effective, saved)
{
    return report_ids(real, effective, saved);
}

// There are no supplementary groups: root may name some, as login programs do, to no effect.
HANDLER2(getgroups, count, list)
{
    return (int32_t)count < 0 ? -EINVAL : 0;
}

// What they are does not matter, but the list must be there.
HANDLER2(setgroups, count, list)
{
    if ((uint32_t)count > GROUP_LIMIT)
        return -EINVAL;
    for (uint32_t i = 0; i < (uint32_t)count; i++) {
        uint32_t group;
        if (get_user(group, user_addr_make(list + i * sizeof(group))) != 0)
            return -EFAULT;
    }
    return 0;
}
