// Operations of the nodes in /dev and /proc that pseudo.c makes. For this folder only.
#pragma once

#include "fs/file.h"
#include "lib/command_line.h"

extern const struct file_operations null_operations;
extern const struct file_operations zero_operations;
extern const struct file_operations full_operations;
extern const struct file_operations random_operations;
extern const struct file_operations kmsg_operations;

extern const struct file_operations trace_file_operations;
extern const struct file_operations live_operations;
extern const struct file_operations fail_operations, fail_trail_operations; // debug builds
extern const struct file_operations uptime_operations;
extern const struct file_operations meminfo_operations;
extern const struct file_operations page_tables_operations;
extern const struct file_operations version_operations;
extern const struct file_operations latency_operations;
extern const struct file_operations loadavg_operations;
extern const struct file_operations mounts_operations;
extern const struct file_operations filesystems_operations;
extern const struct file_operations kernel_command_line_operations;
extern const struct file_operations proc_kmsg_operations;
extern const struct file_operations sched_operations;
extern const struct file_operations stat_operations;
extern const struct file_operations interrupts_operations;
extern const struct file_operations cpuinfo_operations;
extern const struct file_operations lock_statistics_operations;
extern const struct file_operations hostname_operations;
extern const struct file_operations ostype_operations;
extern const struct file_operations osrelease_operations;
extern const struct file_operations pid_max_operations;

// For /proc/cmdline. The line stays the caller's.
void proc_system_init(const struct command_line *line);
