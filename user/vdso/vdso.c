// The vDSO: the clocks and the CPU's number without a system call. The kernel maps this shared
// object (one page, no relocations) into every program, with the data that vdso_data.h describes at
// the page's end. Invariant: each function returns what the system call of its name would.
#include <stddef.h>

#include "abi/file.h"
#include "syscalls.h"
#include "vdso_data.h"

#define NS_PER_SECOND 1000000000u

enum {
    REALTIME = 0,
    MONOTONIC = 1,
    MONOTONIC_RAW = 4,
    REALTIME_COARSE = 5,
    MONOTONIC_COARSE = 6,
    BOOTTIME = 7,
};
#define WALL_CLOCKS (1u << REALTIME | 1u << REALTIME_COARSE)
#define BOOT_CLOCKS                                                                                \
    (1u << MONOTONIC | 1u << MONOTONIC_RAW | 1u << MONOTONIC_COARSE | 1u << BOOTTIME)

int __vdso_clock_gettime(int clock, struct abi_timespec *time);
int __vdso_clock_getres(int clock, struct abi_timespec *resolution);
int __vdso_gettimeofday(struct abi_timeval *time, int32_t zone[2]);
int64_t __vdso_time(int64_t *result);
int64_t __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused);

// The names without a prefix, as Linux exports them too.
#define ALIAS(name)                                                                                \
    extern __typeof__(__vdso_##name) name __attribute__((weak, alias("__vdso_" #name)))
ALIAS(clock_gettime);
ALIAS(clock_getres);
ALIAS(gettimeofday);
ALIAS(time);
ALIAS(getcpu);

extern const char __ehdr_start[] __attribute__((visibility("hidden"))); // where this object begins

static inline const struct vdso_data *kernel_data(void)
{
    return (const struct vdso_data *)(__ehdr_start + VDSO_DATA_OFFSET);
}

static inline int tsc_is_trusted(const struct vdso_data *data)
{
    return __atomic_load_n(&data->tsc_trusted, __ATOMIC_RELAXED) != 0;
}

// RDTSC alone may be executed before the loads in front of it, so that a thread that has just seen
// another's reading could see less. RDTSCP waits for all earlier instructions; elsewhere LFENCE
// does (SDM vol. 2B, RDTSC). Nothing needs to wait behind: the system call fences its own reading.
static inline uint64_t read_tsc_in_order(const struct vdso_data *data)
{
    uint32_t low, high;

    if (data->has_rdtscp)
        __asm__ volatile("rdtscp" : "=a"(low), "=d"(high) : : "rcx", "memory");
    else
        __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

// Kernel time in nanoseconds, by the arithmetic of kernel/cpu/clock.c.
static inline uint64_t kernel_time_ns(const struct vdso_data *data)
{
    uint64_t tsc = read_tsc_in_order(data);

    if (tsc <= data->start_tsc)
        return 0;
    unsigned __int128 product = (unsigned __int128)(tsc - data->start_tsc) * data->ns_per_tick;
    return (uint64_t)(product >> VDSO_SCALE_SHIFT);
}

static inline int is_one_of(int clock, uint32_t clocks)
{
    return (uint32_t)clock < 32 && (clocks >> clock & 1);
}

int __vdso_clock_gettime(int clock, struct abi_timespec *time)
{
    const struct vdso_data *data = kernel_data();

    if (!is_one_of(clock, WALL_CLOCKS | BOOT_CLOCKS) || !tsc_is_trusted(data))
        return (int)system_call(SYS_CLOCK_GETTIME, clock, (long)time);
    uint64_t now_ns = kernel_time_ns(data);
    time->seconds = (int64_t)(now_ns / NS_PER_SECOND);
    time->nanoseconds = (int64_t)(now_ns % NS_PER_SECOND);
    if (is_one_of(clock, WALL_CLOCKS))
        time->seconds += (int64_t)data->boot_unix_seconds;
    return 0;
}

int __vdso_clock_getres(int clock, struct abi_timespec *resolution)
{
    if (!is_one_of(clock, WALL_CLOCKS | BOOT_CLOCKS))
        return (int)system_call(SYS_CLOCK_GETRES, clock, (long)resolution);
    if (resolution)
        *resolution = (struct abi_timespec){ .seconds = 0, .nanoseconds = 1 };
    return 0;
}

int __vdso_gettimeofday(struct abi_timeval *time, int32_t zone[2])
{
    const struct vdso_data *data = kernel_data();

    if (!tsc_is_trusted(data))
        return (int)system_call(SYS_GETTIMEOFDAY, (long)time, (long)zone);
    if (time) {
        uint64_t now_ns = kernel_time_ns(data);
        time->seconds = (int64_t)(now_ns / NS_PER_SECOND + data->boot_unix_seconds);
        time->microseconds = (int64_t)(now_ns % NS_PER_SECOND / 1000);
    }
    if (zone)
        zone[0] = zone[1] = 0; // UTC
    return 0;
}

int64_t __vdso_time(int64_t *result)
{
    const struct vdso_data *data = kernel_data();

    if (!tsc_is_trusted(data))
        return system_call(SYS_TIME, (long)result, 0);
    int64_t seconds = (int64_t)(kernel_time_ns(data) / NS_PER_SECOND + data->boot_unix_seconds);
    if (result)
        *result = seconds;
    return seconds;
}

// The kernel writes the CPU's number where programs can read it: into IA32_TSC_AUX, and as the
// limit of a data segment. The thread may move before it looks at the answer, as with the system
// call.
int64_t __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused)
{
    uint64_t number;

    if (kernel_data()->has_rdpid)
        __asm__ volatile("rdpid %0" : "=r"(number));
    else
        __asm__ volatile("lsl %1, %0" : "=r"(number) : "r"((uint64_t)VDSO_CPU_NUMBER_SELECTOR));
    if (cpu)
        *cpu = (uint32_t)number;
    if (node)
        *node = 0;
    return 0;
}
