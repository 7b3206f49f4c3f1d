// Argument and environment strings on their way from the old program to the new one: copied once,
// back to back, in kernel memory. Called by execve and by the start of the first process.
// Invariant: `text` holds exactly `count` terminated strings in `size` bytes.
#include "proc/exec.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"
#include "vm/user_copy.h"

#define FIRST_CAPACITY 256u // most programs get little; a power of two
#define STRINGS_PER_PREEMPT_POINT 16u

void exec_strings_free(struct exec_strings *strings)
{
    memory_release(strings->text);
    *strings = (struct exec_strings){ 0 };
}

// Doubles the buffer, up to the limit.
static int grow_text(struct exec_strings *strings, size_t *capacity)
{
    if (*capacity >= EXEC_STRINGS_LIMIT)
        return -E2BIG;
    size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
    char *text = memory_allocate(wanted);
    if (!text)
        return -ENOMEM;
    if (strings->text)
        memcpy(text, strings->text, strings->size);
    memory_release(strings->text);
    strings->text = text;
    *capacity = wanted;
    return 0;
}

static int append_user_string(struct exec_strings *strings, size_t *capacity, user_addr source)
{
    for (;;) {
        if (strings->text) {
            int64_t length = copy_string_from_user(strings->text + strings->size, source,
                                                   *capacity - strings->size);
            if (length >= 0) {
                strings->size += (size_t)length + 1;
                strings->count++;
                return 0;
            }
            if (length != -ENAMETOOLONG)
                return (int)length;
        }
        int error = grow_text(strings, capacity);
        if (error)
            return error;
    }
}

int exec_strings_from_user(struct exec_strings *strings, user_addr array)
{
    *strings = (struct exec_strings){ 0 };
    if (user_addr_is_null(array))
        return 0; // as Linux: no array, no strings
    size_t capacity = 0;
    int error;
    for (;;) {
        uint64_t pointer;
        error = get_user(pointer, user_addr_offset(array, strings->count * sizeof(pointer)));
        if (error || pointer == 0)
            break;
        error = strings->count < EXEC_COUNT_LIMIT
                    ? append_user_string(strings, &capacity, user_addr_make(pointer))
                    : -E2BIG;
        if (error)
            break;
        if (strings->count % STRINGS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    if (error)
        exec_strings_free(strings);
    return error;
}

static char *append_string(char *target, const char *string)
{
    size_t size = strlen(string) + 1;
    memcpy(target, string, size);
    return target + size;
}

int exec_strings_from_kernel(struct exec_strings *strings, char *const array[])
{
    *strings = (struct exec_strings){ 0 };
    size_t size = 0;
    uint32_t count = 0;
    for (; array[count]; count++) {
        size += strlen(array[count]) + 1;
        if (count >= EXEC_COUNT_LIMIT || size > EXEC_STRINGS_LIMIT)
            return -E2BIG;
    }
    if (count == 0)
        return 0;
    char *text = memory_allocate(size);
    if (!text)
        return -ENOMEM;
    char *next = text;
    for (uint32_t i = 0; i < count; i++)
        next = append_string(next, array[i]);
    *strings = (struct exec_strings){ .text = text, .size = size, .count = count };
    return 0;
}

int exec_strings_replace_first(struct exec_strings *strings, const char *const front[],
                               uint32_t count)
{
    size_t skipped = strings->count ? strlen(strings->text) + 1 : 0;
    size_t kept = strings->size - skipped;
    size_t size = kept;
    for (uint32_t i = 0; i < count; i++)
        size += strlen(front[i]) + 1;
    if (size > EXEC_STRINGS_LIMIT)
        return -E2BIG;
    char *text = memory_allocate(size);
    if (!text)
        return -ENOMEM;
    char *next = text;
    for (uint32_t i = 0; i < count; i++)
        next = append_string(next, front[i]);
    if (kept)
        memcpy(next, strings->text + skipped, kept);
    memory_release(strings->text);
    strings->text = text;
    strings->size = size;
    strings->count = strings->count - (strings->count ? 1 : 0) + count;
    return 0;
}
