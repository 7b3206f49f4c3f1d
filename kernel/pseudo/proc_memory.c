// /proc/PID/cmdline, environ and maps: what is read from a process's address space. Called through
// file.c. A reference keeps the space while its process may exit or execute another program.
#include "lib/string.h"
#include "mem/object_cache.h"
#include "proc/inspect.h"
#include "pseudo/proc_inode.h"

#define COPY_SIZE 512u
#define PATH_COLUMN 73u // as Linux aligns the paths of maps
#define DEVICE_MAJOR_SHIFT 8u
#define DESCRIPTION_SIZE 64u

typedef unsigned long long number;

// Pages that are bad by now, because the program unmapped them, end the text.
static void copy_area(struct snapshot *text, struct address_space *space, uint64_t start,
                      uint64_t end)
{
    char piece[COPY_SIZE];
    while (start < end && !text->failed) {
        size_t length = min_of(end - start, (uint64_t)sizeof(piece));
        if (address_space_read(space, start, piece, length) != 0)
            return;
        snapshot_append(text, piece, length);
        start += length;
    }
}

static void fill_command_line(struct snapshot *text, struct process *process)
{
    struct address_space *space = process_space_get(process);
    if (!space)
        return; // a zombie
    copy_area(text, space, space->argument_start, space->argument_end);
    address_space_release(space);
}

PROC_TEXT_FILE(proc_command_line, fill_command_line);

static void fill_environment(struct snapshot *text, struct process *process)
{
    struct address_space *space = process_space_get(process);
    if (!space)
        return; // a zombie
    copy_area(text, space, space->environment_start, space->environment_end);
    address_space_release(space);
}

PROC_TEXT_FILE(proc_environment, fill_environment);

struct maps_context {
    struct snapshot *text;
    const struct address_space *space;
    struct inode *executable; // may be NULL
    const char *executable_path;
};

// The file's path; NULL when nobody knows it.
static const char *path_of_file(const struct maps_context *context, const struct inode *inode)
{
    return inode == context->executable ? context->executable_path : inode->mapped_path;
}

static const char *name_of_region(const struct maps_context *context, const struct region *region,
                                  const struct inode *inode, char description[DESCRIPTION_SIZE])
{
    const struct address_space *space = context->space;
    if (inode)
        return path_of_file(context, inode);
    if (region->object && region->object->operations->describe) {
        region->object->operations->describe(region->object, description, DESCRIPTION_SIZE);
        return description;
    }
    if (region->grows_down)
        return "[stack]";
    bool is_heap = region->start < space->brk_end && region->end > space->brk_start;
    return is_heap && !region->object ? "[heap]" : NULL;
}

static void print_region(const struct region *region, void *argument)
{
    const struct maps_context *context = argument;
    struct snapshot *text = context->text;
    char description[DESCRIPTION_SIZE];
    struct inode *inode = region->object ? inode_of_object(region->object) : NULL;
    const char *name = name_of_region(context, region, inode, description);
    uint64_t device = inode ? inode->device : 0, before = text->size;
    snapshot_print(text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu", (number)region->start,
                   (number)region->end, region->protection & PROTECTION_READ ? 'r' : '-',
                   region->protection & PROTECTION_WRITE ? 'w' : '-',
                   region->protection & PROTECTION_EXECUTE ? 'x' : '-', region->shared ? 's' : 'p',
                   (number)(region->object_page * PAGE_SIZE),
                   (unsigned)(device >> DEVICE_MAJOR_SHIFT), (unsigned)(device & 0xff),
                   (number)(inode ? inode->number : 0));
    if (name) {
        uint64_t column = text->size - before;
        snapshot_print(text, "%*s", (int)(column < PATH_COLUMN ? PATH_COLUMN - column : 1), "");
        snapshot_append_escaped(text, name, "\\012", "\\");
        if (inode && inode->link_count == 0)
            snapshot_print(text, " (deleted)");
    }
    snapshot_print(text, "\n");
}

static void fill_maps(struct snapshot *text, struct process *process)
{
    struct address_space *space = process_space_get(process);
    if (!space)
        return; // a zombie
    struct maps_context context = { .text = text, .space = space };
    char *path = memory_allocate(PATH_LIMIT);
    context.executable = process_executable_get(process);
    if (path && process_executable_path(process, path, PATH_LIMIT) >= 0)
        context.executable_path = path;
    address_space_visit(space, print_region, &context);
    if (context.executable)
        inode_release(context.executable);
    memory_release(path);
    address_space_release(space);
}

PROC_TEXT_FILE(proc_maps, fill_maps);
