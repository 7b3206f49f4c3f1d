// The host's name, which programs may change. Called by uname, sethostname and /proc. Guarded by a
// lock of its own.
#include "proc/system_name.h"

#include "cpu/spinlock.h"
#include "lib/string.h"

static struct spinlock name_lock = SPINLOCK_INIT("host name", LOCK_RANK_PROCESS);
static char host_name[HOST_NAME_LIMIT + 1] = "ringfence";

void host_name_get(char name[HOST_NAME_LIMIT + 1])
{
    spinlock_acquire(&name_lock);
    memcpy(name, host_name, sizeof(host_name));
    spinlock_release(&name_lock);
}

void host_name_set(const char *name)
{
    spinlock_acquire(&name_lock);
    memset(host_name, 0, sizeof(host_name));
    string_copy(host_name, name, sizeof(host_name));
    spinlock_release(&name_lock);
}
