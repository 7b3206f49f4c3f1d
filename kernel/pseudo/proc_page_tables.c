// /proc/page_tables: what the tables in use map of the kernel's half, read from the tables
// themselves: one line for each stretch of pages with the same rights. "kernel" are those that the
// kernel runs on, "user" those of ring 3: the same, or with kpti=on a set of their own (the
// reader's). Root's alone: it tells where the kernel lies. Called through file.c.
#include "cpu/isolation.h"
#include "mem/page_table.h"
#include "mem/page_walk.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "vm/address_space.h"

typedef unsigned long long number;

static bool have_same_rights(const struct mapped_page *one, const struct mapped_page *other)
{
    return one->write == other->write && one->execute == other->execute &&
           one->user == other->user && one->global == other->global;
}

static void print_stretch(struct snapshot *text, const char *tables,
                          const struct mapped_page *stretch)
{
    snapshot_print(text, "%s 0x%016llx 0x%llx r%c%c%s%s\n", tables, (number)stretch->start,
                   (number)stretch->size, stretch->write ? 'w' : '-', stretch->execute ? 'x' : '-',
                   stretch->user ? " user" : "", stretch->global ? " global" : "");
}

static void print_tables(struct snapshot *text, const char *tables, phys_addr root)
{
    struct mapped_page stretch = { 0 }, page;
    uint64_t address = 1; // 0 is past the top

    while (address != 0 && page_walk_kernel_half(root, address, &page)) {
        address = page.start + page.size;
        if (stretch.size != 0 && stretch.start + stretch.size == page.start &&
            have_same_rights(&stretch, &page)) {
            stretch.size += page.size;
            continue;
        }
        if (stretch.size != 0)
            print_stretch(text, tables, &stretch);
        stretch = page;
    }
    if (stretch.size != 0)
        print_stretch(text, tables, &stretch);
}

static void fill_page_tables(struct snapshot *text)
{
    struct address_space *space = current_address_space();
    phys_addr root = space->translation.root;

    print_tables(text, "kernel", root);
    print_tables(text, "user", isolation_is_on ? page_table_companion(root) : root);
    if (!isolation_is_on)
        return;
    mutex_acquire(&space->mutex); // another thread's fault may be between the one and the other
    bool same = page_walk_same_user_half(root, page_table_companion(root));
    mutex_release(&space->mutex);
    if (!same)
        snapshot_print(text, "the user halves differ\n");
}

SNAPSHOT_FILE(page_tables, fill_page_tables);
