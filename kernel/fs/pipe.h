// Pipes: 16 page slots, 64 KiB. Writes up to PIPE_ATOMIC_LIMIT bytes are all or nothing; a slot is
// freed only when it is fully read, as on Linux.
#pragma once

#include "fs/file.h"

// Two new files, one reference each: ends[0] reads, ends[1] writes. `flags`: O_NONBLOCK.
must_check int pipe_create(uint32_t flags, struct file *ends[2]);
// Made by pipe_create(), not found by name.
bool pipe_is_unnamed(const struct inode *inode);
uint64_t pipes_live(void);
