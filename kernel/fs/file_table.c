// Descriptor tables. Called by the system calls, fork, exec and exit. Invariant: a slot below
// `capacity` holds a file exactly when its bit in `used` is set; files are released with no lock
// held.
#include "fs/file_table.h"

#include "abi/errno.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define FIRST_CAPACITY 64u // a multiple of 64: whole words of the bitmaps

static OBJECT_CACHE(table_cache, "file-table", struct file_table);

// The three arrays of a table, in one allocation that begins with `files`.
struct slots {
    struct file **files;
    uint64_t *close_on_exec;
    uint64_t *used;
};

// `files` is NULL when there is no memory.
static struct slots allocate_slots(uint32_t capacity)
{
    size_t words = capacity / 64;
    struct slots slots = {
        .files = memory_allocate(capacity * sizeof(struct file *) + 2 * words * sizeof(uint64_t)),
    };
    if (slots.files) {
        slots.close_on_exec = (uint64_t *)(slots.files + capacity);
        slots.used = slots.close_on_exec + words;
    }
    return slots;
}

static void set_slots(struct file_table *table, const struct slots *slots, uint32_t capacity)
{
    table->files = slots->files;
    table->close_on_exec = slots->close_on_exec;
    table->used = slots->used;
    table->capacity = capacity;
}

static struct file_table *create_table(uint32_t capacity)
{
    struct file_table *table = object_allocate(&table_cache);
    if (!table)
        return NULL;
    struct slots slots = allocate_slots(capacity);
    if (!slots.files) {
        object_release(&table_cache, table);
        return NULL;
    }
    atomic_store_explicit(&table->references, 1, memory_order_relaxed);
    spinlock_init(&table->lock, "file table", LOCK_RANK_FILE_TABLE);
    set_slots(table, &slots, capacity);
    return table;
}

struct file_table *file_table_create(void)
{
    return create_table(FIRST_CAPACITY);
}

// Copies the slots of `from`, whose lock is held; `to` is nobody else's yet and not smaller.
static void copy_slots(struct file_table *to, const struct file_table *from)
{
    size_t slot = 0;
    while ((slot = bitmap_find_set(from->used, slot, from->capacity)) < from->capacity) {
        file_reference(from->files[slot]);
        to->files[slot] = from->files[slot];
        slot++;
    }
    memcpy(to->used, from->used, from->capacity / 8);
    memcpy(to->close_on_exec, from->close_on_exec, from->capacity / 8);
}

struct file_table *file_table_copy(struct file_table *table)
{
    for (;;) {
        spinlock_acquire(&table->lock);
        uint32_t capacity = table->capacity;
        spinlock_release(&table->lock);
        struct file_table *copy = create_table(capacity);
        if (!copy)
            return NULL;
        spinlock_acquire(&table->lock);
        bool fits = table->capacity <= capacity; // it may have grown meanwhile
        if (fits)
            copy_slots(copy, table);
        spinlock_release(&table->lock);
        if (fits)
            return copy;
        file_table_release(copy);
    }
}

void file_table_reference(struct file_table *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
}

static void end_table(struct file_table *table)
{
    size_t slot = 0;
    while ((slot = bitmap_find_set(table->used, slot, table->capacity)) < table->capacity) {
        file_release(table->files[slot++]);
        preempt_point();
    }
    memory_release(table->files);
    object_release(&table_cache, table);
}

static void end_table_late(struct late_release *what)
{
    end_table(container_of(what, struct file_table, late));
}

static inline bool drop_reference(struct file_table *table)
{
    return atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1;
}

void file_table_release(struct file_table *table)
{
    if (drop_reference(table))
        end_table(table);
}

void file_table_release_late(struct file_table *table)
{
    if (drop_reference(table))
        late_release_add(&table->late, end_table_late);
}

struct file *file_table_get(struct file_table *table, int descriptor)
{
    struct file *file = NULL;
    spinlock_acquire(&table->lock);
    if (descriptor >= 0 && (uint32_t)descriptor < table->capacity)
        file = table->files[descriptor];
    if (file)
        file_reference(file);
    spinlock_release(&table->lock);
    return file;
}

int file_table_next(struct file_table *table, int from)
{
    spinlock_acquire(&table->lock);
    size_t slot = bitmap_find_set(table->used, (size_t)from, table->capacity);
    bool found = slot < table->capacity;
    spinlock_release(&table->lock);
    return found ? (int)slot : -1;
}

// Doubles the capacity until `descriptor` has a slot. -ENOMEM.
never_inlined static int grow_to(struct file_table *table, uint32_t descriptor)
{
    uint32_t capacity = FIRST_CAPACITY;
    while (capacity <= descriptor)
        capacity *= 2;
    struct slots slots = allocate_slots(capacity);
    if (!slots.files)
        return -ENOMEM;
    struct file **unused = slots.files;
    spinlock_acquire(&table->lock);
    if (capacity > table->capacity) {
        unused = table->files;
        memcpy(slots.files, table->files, table->capacity * sizeof(struct file *));
        memcpy(slots.used, table->used, table->capacity / 8);
        memcpy(slots.close_on_exec, table->close_on_exec, table->capacity / 8);
        set_slots(table, &slots, capacity);
    }
    spinlock_release(&table->lock);
    memory_release(unused);
    return 0;
}

// Fills or empties a slot; what was there goes to the caller. Lock held.
static struct file *exchange_slot(struct file_table *table, uint32_t slot, struct file *file,
                                  bool close_on_exec)
{
    struct file *previous = table->files[slot];
    table->files[slot] = file;
    bitmap_clear(table->close_on_exec, slot);
    bitmap_clear(table->used, slot);
    if (file)
        bitmap_set(table->used, slot);
    if (file && close_on_exec)
        bitmap_set(table->close_on_exec, slot);
    return previous;
}

// Fills the lowest free slot from `minimum` on, and says which. -EMFILE when all below the limit
// are taken; -EAGAIN when *missing has to be made first.
static int fill_lowest(struct file_table *table, struct file *file, uint32_t minimum,
                       uint32_t limit, bool close_on_exec, uint32_t *missing)
{
    int result = -EMFILE;
    spinlock_acquire(&table->lock);
    uint32_t end = min_of(limit, table->capacity), slot = end;
    if (minimum < end)
        slot = (uint32_t)bitmap_find_clear(table->used, minimum, end);
    if (slot < end) {
        table->files[slot] = file;
        bitmap_set(table->used, slot);
        if (close_on_exec) // the bit of an empty slot is clear
            bitmap_set(table->close_on_exec, slot);
        result = (int)slot;
    } else if (table->capacity < limit) {
        *missing = max_of(minimum, table->capacity);
        result = -EAGAIN;
    }
    spinlock_release(&table->lock);
    return result;
}

int file_table_install(struct file_table *table, struct file *file, int minimum, uint32_t limit,
                       bool close_on_exec)
{
    limit = min_of(limit, FILE_TABLE_LIMIT);
    if (minimum < 0 || (uint32_t)minimum >= limit)
        return -EMFILE;
    for (;;) {
        uint32_t missing = 0;
        int slot = fill_lowest(table, file, (uint32_t)minimum, limit, close_on_exec, &missing);
        if (slot != -EAGAIN)
            return slot;
        int error = grow_to(table, missing);
        if (error)
            return error;
    }
}

int file_table_replace(struct file_table *table, struct file *file, int descriptor, uint32_t limit,
                       bool close_on_exec)
{
    if (descriptor < 0 || (uint32_t)descriptor >= min_of(limit, FILE_TABLE_LIMIT))
        return -EBADF;
    uint32_t slot = (uint32_t)descriptor;
    spinlock_acquire(&table->lock);
    bool has_slot = slot < table->capacity; // never shrinks
    spinlock_release(&table->lock);
    if (!has_slot) {
        int error = grow_to(table, slot);
        if (error)
            return error;
    }
    file_reference(file);
    spinlock_acquire(&table->lock);
    struct file *previous = exchange_slot(table, slot, file, close_on_exec);
    spinlock_release(&table->lock);
    if (previous)
        file_release(previous);
    return descriptor;
}

int file_table_close(struct file_table *table, int descriptor)
{
    struct file *file = NULL;
    spinlock_acquire(&table->lock);
    if (descriptor >= 0 && (uint32_t)descriptor < table->capacity)
        file = exchange_slot(table, (uint32_t)descriptor, NULL, false);
    spinlock_release(&table->lock);
    if (!file)
        return -EBADF;
    file_release(file);
    return 0;
}

void file_table_uninstall(struct file_table *table, int descriptor, struct file *file)
{
    spinlock_acquire(&table->lock);
    bool is_there = table->files[descriptor] == file; // the table never shrinks
    if (is_there)
        (void)exchange_slot(table, (uint32_t)descriptor, NULL, false);
    spinlock_release(&table->lock);
    if (is_there)
        file_release(file);
}

// Lock held.
static bool descriptor_is_open(const struct file_table *table, int descriptor)
{
    return descriptor >= 0 && (uint32_t)descriptor < table->capacity && table->files[descriptor];
}

int file_table_get_flags(struct file_table *table, int descriptor)
{
    int flags = -EBADF;
    spinlock_acquire(&table->lock);
    if (descriptor_is_open(table, descriptor))
        flags = bitmap_test(table->close_on_exec, (size_t)descriptor) ? FD_CLOEXEC : 0;
    spinlock_release(&table->lock);
    return flags;
}

int file_table_set_flags(struct file_table *table, int descriptor, bool close_on_exec)
{
    int result = -EBADF;
    spinlock_acquire(&table->lock);
    if (descriptor_is_open(table, descriptor)) {
        result = 0;
        if (close_on_exec)
            bitmap_set(table->close_on_exec, (size_t)descriptor);
        else
            bitmap_clear(table->close_on_exec, (size_t)descriptor);
    }
    spinlock_release(&table->lock);
    return result;
}

// The lowest descriptor at or above *slot that is marked, taken out; NULL when there is none.
static struct file *take_marked(struct file_table *table, uint32_t *slot)
{
    struct file *file = NULL;
    spinlock_acquire(&table->lock);
    *slot = (uint32_t)bitmap_find_set(table->close_on_exec, *slot, table->capacity);
    if (*slot < table->capacity)
        file = exchange_slot(table, *slot, NULL, false);
    spinlock_release(&table->lock);
    return file;
}

void file_table_close_on_exec(struct file_table *table)
{
    uint32_t slot = 0;
    for (struct file *file; (file = take_marked(table, &slot));) {
        file_release(file);
        preempt_point();
    }
}
