// The memory of pipes: the objects, and their pages, which have a share of all memory: what nobody
// reads must not take the machine. Called by pipe.c and fifo.c.
// Invariant: a quarter is for the first pages of pipes, and when it is used up there are no more of
// them; another is for all further pages, and when that is used up a pipe holds one.
#include "abi/errno.h"
#include "fs/pipe_state.h"
#include "mem/frame.h"
#include "mem/object_cache.h"

#define PIPE_SHARE 4u

static OBJECT_CACHE(pipe_cache, "pipe", struct pipe);
static atomic_ullong first_pages, further_pages;

static bool share_is_left(const atomic_ullong *pages)
{
    static atomic_ullong share; // memory does not grow
    uint64_t limit = atomic_load_explicit(&share, memory_order_relaxed);
    if (unlikely(limit == 0)) {
        struct frame_counts frames;
        frames_count(&frames);
        limit = frames.total / PIPE_SHARE;
        atomic_store_explicit(&share, limit, memory_order_relaxed);
    }
    return atomic_load_explicit(pages, memory_order_relaxed) < limit;
}

struct pipe *pipe_allocate(int *error)
{
    *error = -ENFILE;
    if (!share_is_left(&first_pages))
        return NULL;
    *error = -ENOMEM;
    struct pipe *pipe = object_allocate(&pipe_cache);
    if (!pipe)
        return NULL;
    atomic_fetch_add_explicit(&first_pages, 1, memory_order_relaxed);
    mutex_init(&pipe->mutex, "pipe", MUTEX_RANK_PIPE);
    wait_queue_init(&pipe->queue);
    return pipe;
}

void pipe_free(struct pipe *pipe)
{
    uint64_t pages = 0;
    for (uint32_t i = 0; i < PIPE_SLOT_COUNT; i++) {
        if (!pipe->slots[i].frame)
            continue;
        frame_release(pipe->slots[i].frame);
        pages++;
    }
    if (pages > 1)
        atomic_fetch_sub_explicit(&further_pages, pages - 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&first_pages, 1, memory_order_relaxed);
    object_release(&pipe_cache, pipe);
}

bool pipe_may_have_more_pages(void)
{
    return share_is_left(&further_pages);
}

bool pipe_add_page(struct pipe *pipe, struct pipe_slot *slot)
{
    slot->frame = frame_allocate(FRAME_PIPE);
    if (!slot->frame)
        return false;
    if (pipe->has_page)
        atomic_fetch_add_explicit(&further_pages, 1, memory_order_relaxed);
    pipe->has_page = true;
    return true;
}

uint64_t pipes_live(void)
{
    return object_cache_live(&pipe_cache);
}
