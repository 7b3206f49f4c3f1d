// What a region of an address space maps, when it is not anonymous memory: something that yields
// frames by page index. Files implement it; vm does not know files.
#pragma once

#include "lib/types.h"
#include "mem/frame.h"

struct memory_object;

struct memory_object_operations {
    // The frame with this page of the object, with a reference for the caller. NULL with *error =
    // -ENOMEM, or -ERANGE past the end of the object. Called with the address-space mutex held;
    // may take spinlocks, must not sleep or touch user memory.
    struct frame *(*get_page)(struct memory_object *object, uint64_t index, int *error);
    void (*reference)(struct memory_object *object);
    void (*release)(struct memory_object *object);
    // Path for /proc maps; may be NULL.
    size_t (*describe)(struct memory_object *object, char *buffer, size_t size);
};

struct memory_object {
    const struct memory_object_operations *operations;
};
