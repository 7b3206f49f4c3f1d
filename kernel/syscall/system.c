// The machine as a whole: its name, its memory, random numbers, and how it is switched off.

#include "abi/errno.h"
#include "cpu/clock.h"
#include "debug/random.h"
#include "lib/load_average.h"
#include "mem/frame.h"
#include "proc/process.h"
#include "proc/system_name.h"
#include "sched/scheduler.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

#define RANDOM_CHUNK 256u
#define LOAD_SHIFT 16 // fraction bits of sysinfo's loads

HANDLER1(uname, result)
{
    struct abi_utsname name = {
        .sysname = SYSTEM_NAME,
        .release = SYSTEM_RELEASE,
        .version = SYSTEM_VERSION,
        .machine = SYSTEM_MACHINE,
        .domainname = "(none)",
    };
    host_name_get(name.nodename);
    return put_user(user_addr_make(result), name);
}

HANDLER2(sethostname, address, length)
{
    char name[HOST_NAME_LIMIT + 1] = { 0 };
    if ((int32_t)length < 0 || (int32_t)length > (int32_t)HOST_NAME_LIMIT)
        return -EINVAL;
    if (copy_from_user(name, user_addr_make(address), (uint32_t)length) != 0)
        return -EFAULT;
    host_name_set(name);
    return 0;
}

HANDLER1(sysinfo, result)
{
    struct frame_counts frames;
    uint64_t averages[LOAD_AVERAGE_COUNT];
    frames_count(&frames);
    scheduler_load_averages(averages);
    struct abi_sysinfo info = {
        .uptime = (int64_t)(clock_now_ns() / 1000000000),
        .totalram = frames.total * PAGE_SIZE,
        .freeram = frames.free * PAGE_SIZE,
        .sharedram = frames.used[FRAME_FILE] * PAGE_SIZE,
        .procs = (uint16_t)processes_live(),
        .mem_unit = 1,
    };
    for (uint32_t i = 0; i < LOAD_AVERAGE_COUNT; i++)
        info.loads[i] = averages[i] >> (32 - LOAD_SHIFT);
    return put_user(user_addr_make(result), info);
}

HANDLER3(getrandom, buffer, length, flags)
{
    uint8_t chunk[RANDOM_CHUNK];
    uint32_t known = GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE;
    uint32_t both = GRND_RANDOM | GRND_INSECURE;
    if ((uint32_t)flags & ~known || (flags & both) == both)
        return -EINVAL;
    length = min_of(length, (uint64_t)INT32_MAX);
    if (!user_range_is_valid(user_addr_make(buffer), length))
        return -EFAULT;
    uint64_t done = 0;
    while (done < length && !(done && thread_has_work(current_thread()))) {
        size_t wanted = min_of(length - done, (uint64_t)RANDOM_CHUNK);
        random_fill(chunk, wanted);
        size_t copied = copy_to_user_partial(user_addr_make(buffer + done), chunk, wanted);
        done += copied;
        if (copied < wanted)
            return done ? (int64_t)done : -EFAULT;
        preempt_point();
    }
    return (int64_t)done;
}

static bool magic_is_right(uint32_t first, uint32_t second)
{
    bool second_is_right = second == REBOOT_MAGIC2 || second == REBOOT_MAGIC2A ||
                           second == REBOOT_MAGIC2B || second == REBOOT_MAGIC2C;
    return first == REBOOT_MAGIC1 && second_is_right;
}

HANDLER4(reboot, magic1, magic2, command, argument)
{
    if (!magic_is_right((uint32_t)magic1, (uint32_t)magic2))
        return -EINVAL;
    switch ((uint32_t)command) {
    case REBOOT_RESTART:
    case REBOOT_HALT:
    case REBOOT_POWER_OFF:
        process_shutdown((uint32_t)command);
    case REBOOT_CAD_ON:
    case REBOOT_CAD_OFF:
        process_set_restart_by_keys((uint32_t)command == REBOOT_CAD_ON);
        return 0;
    default:
        return -EINVAL;
    }
}
