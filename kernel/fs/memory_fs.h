// The memory file system: the root tree that initramfs archives unpack into.
#pragma once

#include "fs/path.h"

// Creates the root directory. Panics without memory (boot only).
void memory_fs_init(void);
struct inode *memory_fs_root(void); // no reference is taken
// Unpacks one or several concatenated newc archives into the tree, contents copied into page frames
// once. Later entries replace earlier ones. On a broken archive: logs one plain sentence that names
// the initramfs and the offset, keeps what was unpacked, returns -EINVAL (-ENOMEM: no memory).
// Passes preemption points.
must_check int memory_fs_unpack(const void *archive, size_t size);
// Shutdown: releases the whole tree. No process may be left.
void memory_fs_destroy(void);
