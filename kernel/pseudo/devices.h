// Operations of the nodes in /dev and /proc that pseudo.c makes. For this folder only.
#pragma once

#include "fs/file.h"

extern const struct file_operations null_operations;
extern const struct file_operations zero_operations;
extern const struct file_operations full_operations;
extern const struct file_operations random_operations;
extern const struct file_operations kmsg_operations;

extern const struct file_operations trace_file_operations;
extern const struct file_operations live_operations;
extern const struct file_operations uptime_operations;
extern const struct file_operations meminfo_operations;
extern const struct file_operations version_operations;

extern const struct link_operations executable_link_operations;
