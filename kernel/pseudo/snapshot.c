// Content made at open or at the first read, kept in page frames until the file is closed. Called
// by the pseudo files. Invariant: pages below `size` are all there.
#include "pseudo/snapshot.h"

#include "abi/errno.h"
#include "lib/format.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define LINE_SIZE 256u
#define DROP_STEP 16u // pages freed between two preemption points

static OBJECT_CACHE(snapshot_cache, "snapshot", struct snapshot);

// The page that the next byte goes to; NULL: no memory.
static struct frame *last_page(struct snapshot *snapshot)
{
    uint64_t index = snapshot->size / PAGE_SIZE;
    if (snapshot->size % PAGE_SIZE != 0)
        return page_tree_get(&snapshot->pages, index);
    preempt_point();
    struct frame *frame = frame_allocate(FRAME_KERNEL);
    if (frame && page_tree_put(&snapshot->pages, index, frame) != 0) {
        frame_release(frame);
        frame = NULL;
    }
    return frame;
}

void snapshot_append(struct snapshot *snapshot, const void *data, size_t length)
{
    const char *bytes = data;
    while (length > 0 && !snapshot->failed) {
        struct frame *frame = last_page(snapshot);
        if (!frame) {
            snapshot->failed = true;
            return;
        }
        size_t in_page = snapshot->size % PAGE_SIZE;
        size_t chunk = min_of(length, PAGE_SIZE - in_page);
        memcpy((char *)frame_pointer(frame) + in_page, bytes, chunk);
        snapshot->size += chunk;
        bytes += chunk;
        length -= chunk;
    }
}

void snapshot_append_escaped(struct snapshot *snapshot, const char *text, const char *newline,
                             const char *backslash)
{
    while (*text) {
        size_t plain = 0;
        while (text[plain] && text[plain] != '\n' && text[plain] != '\\')
            plain++;
        snapshot_append(snapshot, text, plain);
        text += plain;
        if (!*text)
            return;
        const char *escape = *text++ == '\n' ? newline : backslash;
        snapshot_append(snapshot, escape, strlen(escape));
        preempt_point();
    }
}

void snapshot_replace_start(struct snapshot *snapshot, const void *data, size_t length)
{
    if (snapshot->failed)
        return;
    kassert(length <= snapshot->size && length <= PAGE_SIZE);
    memcpy(frame_pointer(page_tree_get(&snapshot->pages, 0)), data, length);
}

void snapshot_print(struct snapshot *snapshot, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    preempt_point(); // a page of short lines is long to format
    va_start(arguments, format);
    size_t length = format_text_va(line, sizeof(line), format, arguments);
    va_end(arguments);
    snapshot_append(snapshot, line, min_of(length, sizeof(line) - 1));
}

static void drop_content(struct snapshot *snapshot)
{
    uint64_t end = snapshot->pages.page_count; // dense, so the count is the end
    while (end > 0) {
        end = end > DROP_STEP ? end - DROP_STEP : 0;
        page_tree_truncate(&snapshot->pages, end);
        preempt_point();
    }
    snapshot->size = 0;
}

static int make_content(struct snapshot *snapshot, snapshot_fill fill)
{
    snapshot->failed = false;
    snapshot->error = 0;
    fill(snapshot);
    return snapshot->failed ? -ENOMEM : snapshot->error;
}

static void free_snapshot(struct snapshot *snapshot)
{
    drop_content(snapshot);
    object_release(&snapshot_cache, snapshot);
}

static struct snapshot *create_snapshot(struct file *file, snapshot_fill refill)
{
    struct snapshot *snapshot = object_allocate(&snapshot_cache);
    if (!snapshot)
        return NULL;
    mutex_init(&snapshot->mutex, "snapshot", MUTEX_RANK_SNAPSHOT);
    snapshot->inode = file->inode;
    snapshot->refill = refill;
    return snapshot;
}

int snapshot_open(struct file *file, snapshot_fill fill)
{
    struct snapshot *snapshot = create_snapshot(file, NULL);
    if (!snapshot)
        return -ENOMEM;
    int error = make_content(snapshot, fill);
    if (error)
        free_snapshot(snapshot);
    else
        file->data = snapshot;
    return error;
}

int snapshot_open_fresh(struct file *file, snapshot_fill fill)
{
    file->data = create_snapshot(file, fill);
    return file->data ? 0 : -ENOMEM;
}

static int64_t read_content(struct snapshot *snapshot, struct user_iterator *target,
                            uint64_t *position)
{
    int64_t moved = 0;
    while (target->remaining > 0 && *position < snapshot->size) {
        uint64_t left = min_of(target->remaining, snapshot->size - *position);
        size_t chunk = min_of(left, PAGE_SIZE - *position % PAGE_SIZE);
        const char *page = frame_pointer(page_tree_get(&snapshot->pages, *position / PAGE_SIZE));
        size_t copied = user_iterator_write(target, page + *position % PAGE_SIZE, chunk);
        *position += copied;
        moved += (int64_t)copied;
        if (copied < chunk)
            return moved ? moved : -EFAULT;
        preempt_point();
    }
    return moved;
}

int64_t snapshot_read(struct file *file, struct user_iterator *target, uint64_t *position)
{
    struct snapshot *snapshot = file->data;
    int64_t result = 0;
    mutex_acquire(&snapshot->mutex);
    if (snapshot->refill && (*position == 0 || !snapshot->is_made)) {
        drop_content(snapshot);
        result = make_content(snapshot, snapshot->refill);
        snapshot->is_made = result == 0;
    }
    if (result == 0)
        result = read_content(snapshot, target, position);
    mutex_release(&snapshot->mutex);
    return result;
}

int64_t snapshot_seek(struct file *file, int64_t offset, int whence)
{
    struct snapshot *snapshot = file->data;
    return file_seek_within(file, offset, whence, snapshot->size);
}

void snapshot_release(struct file *file)
{
    if (file->data)
        free_snapshot(file->data);
}
