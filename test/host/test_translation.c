// Page-table roots and TLB flushes on several CPUs, by random histories against TLBs that keep
// every translation until they are told to drop it. A page of a space holds a number that nothing
// else ever held, so that any stale translation shows; roots are reused as soon as they are free.
#include <string.h>

#include "cpu/features.h"
#include "cpu/isolation.h"
#include "cpu/pcid.h"
#include "cpu/registers.h"
#include "machine.h"
#include "mem/page_table.h"
#include "mem/translation.h"
#include "stubs.h"
#include "test.h"
#include "threads.h"

#define CPUS 4
#define SPACES 9 // more than there are PCIDs in use
#define PAGES 64
#define PCID_OF_USER 0x800u
#define PCIDS (2 * (PCID_SLOTS + 1)) // with isolation: the kernel's, then ring 3's

struct space {
    struct translation translation;
    bool exists;
    uint64_t pages[PAGES];
};

struct area {
    struct cpu_entry_page entry;
    struct percpu cpu;
};

// What a CPU's TLB holds: 0 is nothing.
struct tlb {
    uint64_t pages[PCIDS][PAGES];
    struct fake_cpu registers; // while another CPU is the one that runs
};

static struct space spaces[SPACES];
static struct area areas[CPUS];
static struct tlb tlbs[CPUS];
static uint32_t running; // whose registers fake_cpu has
static uint64_t last_number;
static uint64_t kept, dropped; // loads of CR3

static uint64_t *tagged(uint32_t cpu)
{
    uint64_t pcid = fake_cpu.cr4 & CR4_PCIDE ? fake_cpu.cr3 & CR3_PCID_MASK : 0;

    if (pcid & PCID_OF_USER)
        pcid = (pcid & ~(uint64_t)PCID_OF_USER) + PCID_SLOTS + 1;
    CHECK(pcid < PCIDS);
    return tlbs[cpu].pages[pcid];
}

static void hear_load(uint64_t cr3)
{
    bool keep = cr3 & CR3_NO_FLUSH;

    CHECK(!keep || (fake_cpu.cr4 & CR4_PCIDE));
    CHECK((fake_cpu.cr4 & CR4_PCIDE) || (cr3 & CR3_PCID_MASK) == 0);
    kept += keep;
    dropped += !keep;
    if (!keep)
        memset(tagged(running), 0, sizeof(tlbs->pages[0]));
}

static void hear_drop_page(uint64_t address)
{
    CHECK(address / PAGE_SIZE < PAGES);
    tagged(running)[address / PAGE_SIZE] = 0;
}

static void hear_drop_all(void)
{
    memset(tlbs[running].pages, 0, sizeof(tlbs->pages));
}

static void enter_cpu(struct percpu *cpu)
{
    tlbs[running].registers = fake_cpu;
    running = cpu->number;
    fake_cpu = tlbs[running].registers;
    threads_cpu = cpu;
}

// The walk: which space's tables CR3 names.
static struct space *walked_space(void)
{
    uint64_t walked = fake_cpu.cr3 & ~CR3_PCID_MASK;

    for (size_t i = 0; i < SPACES; i++) {
        if (!spaces[i].exists)
            continue;
        phys_addr root = spaces[i].translation.root;
        if (root.value == walked || (isolation_is_on && page_table_companion(root).value == walked))
            return &spaces[i];
    }
    CHECK_EQUAL(fake_cpu.cr3, kernel_page_table_root.value); // no freed root, no number of others
    return NULL;
}

static void fill_page(uint32_t page)
{
    const struct space *space = walked_space();

    if (space && tagged(running)[page] == 0)
        tagged(running)[page] = space->pages[page];
}

static void see_page(const struct translation *active, uint32_t page)
{
    const struct space *space = walked_space();

    CHECK(space && &space->translation == active);
    fill_page(page);
    CHECK_EQUAL(tagged(running)[page], space->pages[page]);
}

// What the isolated entry code does on the way out (CHOOSE_EXIT_CR3) and on the way in.
static void leave_kernel(struct cpu_entry_page *page)
{
    uint64_t cr3 = page->user_cr3;

    page->user_cr3 |= page->no_flush;
    write_cr3(cr3);
    CHECK(!isolation_is_on ||
          (fake_cpu.cr3 & ~CR3_PCID_MASK) != threads_cpu->translation_active->root.value);
}

// The program that is active reads a page, and so may the kernel.
static void read_page(uint32_t page)
{
    struct translation *active = threads_cpu->translation_active;
    struct cpu_entry_page *entry = cpu_entry_page(threads_cpu);

    if (!active)
        return;
    if (!isolation_is_on || random_below(2) == 0)
        see_page(active, page);
    if (!isolation_is_on)
        return;
    uint64_t kernel_cr3 = fake_cpu.cr3;
    leave_kernel(entry);
    see_page(active, page);
    fill_page((uint32_t)random_below(PAGES));
    write_cr3(entry->kernel_cr3);
    CHECK_EQUAL(fake_cpu.cr3, kernel_cr3);
}

static void switch_somewhere(void)
{
    struct space *next = &spaces[random_below(SPACES)];

    if (random_below(3) == 0)
        translation_switch(threads_cpu, NULL);
    else if (next->exists)
        translation_switch(threads_cpu, &next->translation);
}

// Between being called and serving the call a CPU may do anything but free a space.
static void hear_cpu_change(struct percpu *cpu)
{
    bool is_called = cpu->number != running;

    enter_cpu(cpu);
    if (is_called && random_below(4) == 0)
        switch_somewhere();
}

static void change_pages(struct space *space)
{
    uint32_t first = (uint32_t)random_below(PAGES);
    uint32_t end = first + 1 + (uint32_t)random_below(random_below(4) == 0 ? PAGES - first : 1);

    for (uint32_t page = first; page < end; page++)
        space->pages[page] = ++last_number;
    translation_flush(&space->translation, first * PAGE_SIZE, end * PAGE_SIZE);
    for (uint32_t i = 0; i < CPUS; i++) { // whoever runs it now
        enter_cpu(&areas[i].cpu);
        for (uint32_t page = first; page < end; page++) {
            if (threads_cpu->translation_active == &space->translation)
                read_page(page);
        }
    }
}

static void start_space(struct space *space)
{
    *space = (struct space){ .exists = true };
    CHECK(translation_init(&space->translation));
    for (uint32_t page = 0; page < PAGES; page++)
        space->pages[page] = ++last_number;
}

// Its threads have gone, wherever they ran.
static void end_space(struct space *space)
{
    struct percpu *caller = threads_cpu;

    for (uint32_t i = 0; i < CPUS; i++) {
        enter_cpu(&areas[i].cpu);
        if (threads_cpu->translation_active == &space->translation)
            translation_switch(threads_cpu, NULL);
    }
    enter_cpu(caller);
    space->exists = false;
    translation_abandon(&space->translation);
    for (uint32_t i = 0; i < CPUS; i++) {
        enter_cpu(&areas[i].cpu);
        (void)walked_space();
    }
    page_table_destroy(space->translation.root);
}

static void start_cpus(bool pcid, bool invpcid)
{
    machine_start_mapped(64 * MIB);
    cpu_features.pge = true;
    cpu_features.pcid = pcid;
    cpu_features.invpcid = invpcid;
    fake_tlb = (struct fake_tlb){ hear_load, hear_drop_page, hear_drop_all };
    after_cpu_change = hear_cpu_change;
    for (uint32_t i = 0; i < CPUS; i++) {
        areas[i].cpu.number = i;
        percpu_table[i] = &areas[i].cpu;
        tlbs[i].registers = (struct fake_cpu){ .cr3 = kernel_page_table_root.value,
                                               .cr4 = isolation_is_on ? 0 : CR4_PGE };
    }
    percpu_count = CPUS;
    fake_cpu = tlbs[0].registers;
    for (uint32_t i = 0; i < CPUS; i++) {
        enter_cpu(&areas[i].cpu);
        translation_cpu_init();
        CHECK_EQUAL((fake_cpu.cr4 & CR4_PCIDE) != 0, pcid);
    }
}

static void run_history(bool pcid, bool invpcid)
{
    start_cpus(pcid, invpcid);
    for (int step = 0; step < 200000; step++) {
        struct space *space = &spaces[random_below(SPACES)];
        enter_cpu(&areas[random_below(CPUS)].cpu);
        uint64_t action = random_below(100);
        if (action == 0 && space->exists)
            end_space(space);
        else if (action < 5 && !space->exists)
            start_space(space);
        else if (action < 25)
            switch_somewhere();
        else if (action < 40 && space->exists)
            change_pages(space);
        else if (action == 40)
            translation_flush_kernel();
        else if (action < 60)
            fill_page((uint32_t)random_below(PAGES)); // by speculation, also of who is lazy
        else
            read_page((uint32_t)random_below(PAGES));
    }
}

TEST_PROTECTION("shootdown", translation_histories)
{
    run_history(false, false);
    CHECK_EQUAL(kept, 0);
}

TEST_PROTECTION("shootdown", translation_histories_with_pcid)
{
    run_history(true, false);
    CHECK(kept > dropped / 10);
}

TEST_PROTECTION("shootdown", translation_histories_with_invpcid)
{
    run_history(true, true);
    CHECK(kept > dropped / 10);
}

TEST_PROTECTION("shootdown", translation_histories_with_isolation)
{
    isolation_is_on = true;
    run_history(false, false);
    CHECK_EQUAL(kept, 0);
}

TEST_PROTECTION("shootdown", translation_histories_with_isolation_and_pcid)
{
    isolation_is_on = true;
    run_history(true, false);
    CHECK(kept > dropped / 10);
}

TEST_PROTECTION("shootdown", translation_histories_with_isolation_and_invpcid)
{
    isolation_is_on = true;
    run_history(true, true);
    CHECK(kept > dropped / 10);
}

TEST_PROTECTION("shootdown-wait", translation_histories_of_who_waits)
{
    run_history(false, false);
}

TEST(translation_lazy_cpu_is_not_called)
{
    start_cpus(false, false);
    start_space(&spaces[0]);
    struct translation *translation = &spaces[0].translation;
    for (uint32_t i = 0; i < CPUS; i++) {
        enter_cpu(&areas[i].cpu);
        translation_switch(threads_cpu, translation);
    }
    enter_cpu(&areas[1].cpu);
    translation_switch(threads_cpu, NULL); // lazy
    enter_cpu(&areas[2].cpu);
    start_space(&spaces[1]);
    translation_switch(threads_cpu, &spaces[1].translation); // gone
    enter_cpu(&areas[0].cpu);
    translation_flush(translation, 0, PAGE_SIZE);
    CHECK_EQUAL(areas[0].cpu.shootdowns_sent, 1);
    CHECK_EQUAL(areas[1].cpu.shootdowns_received, 0);
    CHECK_EQUAL(areas[2].cpu.shootdowns_received, 0);
    CHECK_EQUAL(areas[3].cpu.shootdowns_received, 1);
    CHECK_EQUAL(areas[3].cpu.shootdown_pages, 1);
    CHECK(cpu_mask_has(&translation->cpus, 1)); // it may still walk the tables
    CHECK(!cpu_mask_has(&translation->cpus, 2));
}

TEST(translation_lazy_return_keeps_cr3)
{
    start_cpus(false, false);
    start_space(&spaces[0]);
    translation_switch(threads_cpu, &spaces[0].translation);
    uint64_t loads = dropped;
    translation_switch(threads_cpu, NULL);
    translation_switch(threads_cpu, &spaces[0].translation);
    CHECK_EQUAL(dropped, loads);
    translation_switch(threads_cpu, NULL);
    translation_flush(&spaces[0].translation, 0, PAGE_SIZE); // as by /proc
    CHECK_EQUAL(dropped, loads);
    translation_switch(threads_cpu, &spaces[0].translation);
    CHECK_EQUAL(dropped, loads + 1);
}

TEST(pcid_selection)
{
    static const struct {
        const char *vendor;
        uint32_t family, model;
        bool pcid, pge, usable;
    } cases[] = {
        { "GenuineIntel", 6, 0x5e, true, true, true },
        { "GenuineIntel", 6, 0x5e, false, true, false },
        { "GenuineIntel", 6, 0x5e, true, false, false },
        { "GenuineIntel", 6, 0x97, true, true, false },
        { "GenuineIntel", 6, 0xbf, true, true, false },
        { "GenuineIntel", 6, 0xaa, true, true, true },
        { "AuthenticAMD", 0x19, 0x97, true, true, true },
        { "AuthenticAMD", 6, 0x97, true, true, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cpu_features features = { .family = cases[i].family,
                                         .model = cases[i].model,
                                         .pcid = cases[i].pcid,
                                         .pge = cases[i].pge };
        strcpy(features.vendor, cases[i].vendor);
        CHECK_EQUAL(pcid_is_usable(&features), cases[i].usable);
    }
}

TEST(pcid_reuse)
{
    struct pcid_slots slots = { 0 };

    for (uint64_t context = 1; context <= PCID_SLOTS; context++)
        CHECK(!pcid_choose(&slots, context == 1 ? 0 : 5, context, 5)); // a number's first use
    CHECK(pcid_choose(&slots, 5, 1, 5));                               // as it was left
    CHECK_EQUAL(pcid_number(&slots), 1);
    CHECK(pcid_choose(&slots, 6, 2, 5));
    CHECK(pcid_choose(&slots, 5, 1, 6));  // 1 was flushed to 6 before it was left
    CHECK(!pcid_choose(&slots, 6, 2, 7)); // a flush was missed
    CHECK(pcid_choose(&slots, 7, 2, 7));
    CHECK(!pcid_choose(&slots, 7, 100, 0)); // takes somebody's number over
    CHECK(pcid_choose(&slots, 0, 2, 7));
    CHECK(pcid_choose(&slots, 7, 100, 0));
    CHECK(!pcid_choose(&slots, 0, 1, 6)); // whose it was
    CHECK(pcid_choose(&slots, 6, 3, 5));
    CHECK(!pcid_choose(&slots, 5, 2, 7)); // 1 took the next one's
}
