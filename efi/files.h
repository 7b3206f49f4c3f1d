// Files in the root of the partition that the loader was started from.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <efi.h>

struct boot_file {
    void *data;    // own pages (pages_allocate); NULL when size is 0
    uint64_t size; // bytes
    bool present;
};

// The root folder of the partition. Refuses when it cannot be opened.
EFI_FILE_HANDLE files_open_root(EFI_SYSTEM_TABLE *system, EFI_LOADED_IMAGE *loaded);
// Reads a whole file; present is false when there is none. Refuses a file that cannot be read.
struct boot_file file_read(EFI_FILE_HANDLE root, CHAR16 *path, const char *name);
