// Constants and structures of Linux's ABI that only the system-call layer needs.
#pragma once

#include "abi/file.h"
#include "abi/process.h"

#define O_TMPFILE_BIT 0x400000u
#define AT_NO_AUTOMOUNT 0x800u
#define AT_STATX_SYNC_TYPE 0x6000u

#define ACCESS_EXECUTE 1u
#define ACCESS_MASK 7u
#define OWNER_UNCHANGED UINT32_MAX
#define UTIME_NOW ((1 << 30) - 1)
#define UTIME_OMIT ((1 << 30) - 2)

#define FIOCLEX 0x5451u
#define FIONCLEX 0x5450u
#define FIONBIO 0x5421u

#define POLLRDNORM 0x040
#define POLLWRNORM 0x100

#define MAP_NORESERVE 0x4000u

#define MADV_NORMAL 0
#define MADV_WILLNEED 3
#define MADV_FREE 8
#define MADV_HUGEPAGE 14
#define MADV_DODUMP 17

#define TMPFS_MAGIC 0x01021994
#define PROC_MAGIC 0x9fa0
#define PIPE_MAGIC 0x50495045

#define PR_SET_NAME 15
#define PR_GET_NAME 16

#define RUSAGE_SELF 0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD 1

#define ROBUST_LIST_SIZE 24u
#define CPU_CLOCK_KIND_MASK 3
#define CPU_CLOCK_NONE 3
#define CPU_CLOCK_OF_THREAD 4
#define CPU_CLOCK_SHIFT 3
#define CLONE_ARGUMENTS_FIRST_SIZE 64u
#define CLOCK_TICKS_PER_SECOND 100u

struct abi_pollfd {
    int32_t fd;
    int16_t events;
    int16_t revents;
};
_Static_assert(sizeof(struct abi_pollfd) == 8, "struct pollfd");

struct abi_tms {
    int64_t user, system, children_user, children_system; // clock ticks
};

struct abi_clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
_Static_assert(sizeof(struct abi_clone_arguments) == 88, "struct clone_args");

struct abi_statx_timestamp {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t pad;
};

struct abi_statfs {
    int64_t type, block_size;
    uint64_t blocks, blocks_free, blocks_available, files, files_free;
    uint64_t id;
    int64_t name_length, fragment_size, flags, spare[4];
};
_Static_assert(sizeof(struct abi_statfs) == 120, "struct statfs");

#define STATX_BASIC_STATS 0x7ffu
#define STATX_RESERVED 0x80000000u

struct abi_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct abi_statx_timestamp atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id;
    uint32_t dio_mem_align, dio_offset_align;
    uint64_t spare[12];
};
_Static_assert(sizeof(struct abi_statx) == 256, "struct statx");
