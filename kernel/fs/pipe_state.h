// The inside of a pipe, shared by pipe.c (moving bytes), pipe_memory.c and fifo.c (pipes that have
// a name).
#pragma once

#include "fs/pipe.h"

#define PIPE_SLOT_COUNT 16u

// Part of a page that is still to be read: never empty while in use. A slot in no use may keep its
// page for the next write.
struct pipe_slot {
    struct frame *frame;
    uint32_t offset, length;
};

struct pipe {
    struct mutex mutex;                      // guards slots and first
    struct wait_queue queue;                 // readers, writers and openers of both ends
    struct pipe_slot slots[PIPE_SLOT_COUNT]; // a ring
    uint32_t first;
    bool has_page;                // ever; the others count as further ones
    atomic_bool was_limited;      // a writer found no room once, maybe before all slots were full
    atomic_uint slot_count;       // in use; written under the mutex, read without it
    atomic_uint users;            // open files
    atomic_uint readers, writers; // open files that can
    atomic_uint reader_opens, writer_opens; // ever; an opener sees here that a partner came by
};

// No users yet. Its first page is set aside. NULL and *error: -ENFILE when pipes have their share
// of memory, -ENOMEM.
must_check struct pipe *pipe_allocate(int *error);
void pipe_free(struct pipe *pipe);
// Further ones than each pipe's first.
must_check bool pipe_may_have_more_pages(void);
must_check bool pipe_add_page(struct pipe *pipe, struct pipe_slot *slot); // false: no memory
// Counts the file in, by its access mode, and binds it to the pipe.
void pipe_attach(struct pipe *pipe, struct file *file);
// Counts it out and wakes whom that concerns. True: it was the last user, who frees the pipe; if
// not, the pipe must not be touched any more.
must_check bool pipe_detach(struct pipe *pipe, struct file *file);

int fifo_open(struct file *file);
void fifo_release(struct file *file);
