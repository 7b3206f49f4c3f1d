// The order of loading and flushing page-table roots, with CPUs that are threads, and interrupts
// that come anywhere. Each CPU's TLB keeps what it is not told to drop. A page's entry is a number
// that grows; once a flush of it has returned, nobody may see less.
#include <sched.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/interrupts.h"
#include "cpu/pcid.h"
#include "cpu/registers.h"
#include "debug/trace.h"
#include "mem/page_table.h"
#include "mem/translation.h"
#include "parallel/cpus.h"
#include "test.h"

#define CPUS 4u
#define SPACES 4u
#define PAGES 8u
#define TURNS 6000u
#define PCIDS (PCID_SLOTS + 1)

struct space {
    struct translation translation;
    atomic_bool locked;           // as by the space's mutex
    atomic_bool closed;           // it ends: nobody may load it
    atomic_uint users;            // CPUs that have it active, or are about to
    atomic_ullong live_root;      // 0: the tables are freed
    atomic_ullong pages[PAGES];   // what the tables say
    atomic_ullong flushed[PAGES]; // what everybody must see by now
};

struct machine {
    uint64_t cr3, cr4;
    uint64_t tlb[PCIDS][PAGES];
    uint64_t random;
    struct space *using;
};

struct cpu_features cpu_features;
phys_addr kernel_page_table_root = { 1ull << 40 };
bool trace_enabled;
static struct space spaces[SPACES];
static _Thread_local struct machine machine;
static atomic_ullong roots_made;

static uint64_t translate(uint64_t page);

void trace_record(enum trace_type type, uint64_t a, uint64_t b)
{
}

phys_addr page_table_create(void)
{
    return (phys_addr){ (atomic_fetch_add(&roots_made, 1) + 1) * PAGE_SIZE };
}

static uint64_t *tagged(void)
{
    return machine.tlb[machine.cr4 & CR4_PCIDE ? machine.cr3 & CR3_PCID_MASK : 0];
}

uint64_t read_cr3(void)
{
    return machine.cr3;
}

static uint64_t random_up_to(uint64_t limit)
{
    machine.random = machine.random * 6364136223846793005ull + 1442695040888963407ull;
    return (machine.random >> 33) % limit;
}

// What CR3 still holds may be walked up to here, however long that takes.
void write_cr3(uint64_t value)
{
    if (random_up_to(4) == 0) {
        sched_yield();
        (void)translate(random_up_to(PAGES));
    }
    interrupts_off(); // one instruction
    machine.cr3 = value & ~CR3_NO_FLUSH;
    if (!(value & CR3_NO_FLUSH))
        memset(tagged(), 0, sizeof(machine.tlb[0]));
    interrupts_restore();
}

uint64_t read_cr4(void)
{
    return machine.cr4;
}

void write_cr4(uint64_t value)
{
    machine.cr4 = value;
}

void invalidate_page(uint64_t address)
{
    tagged()[address / PAGE_SIZE] = 0;
}

void invalidate_all_contexts(void)
{
}

// A walk by whatever CR3 holds, also by speculation; 0: that is the kernel's root.
static uint64_t translate(uint64_t page)
{
    uint64_t found = 0;

    interrupts_off(); // one instruction
    uint64_t root = machine.cr3 & ~CR3_PCID_MASK;
    if (root != kernel_page_table_root.value) {
        uint64_t *entry = &tagged()[page];
        struct space *space = NULL;
        for (uint32_t i = 0; i < SPACES; i++) {
            if (atomic_load_explicit(&spaces[i].live_root, memory_order_relaxed) == root)
                space = &spaces[i];
        }
        CHECK(space != NULL); // a walk through freed tables
        if (*entry == 0)
            *entry = atomic_load_explicit(&space->pages[page], memory_order_relaxed);
        found = *entry;
    }
    interrupts_restore();
    return found;
}

static void use_space(struct space *next)
{
    struct space *last = machine.using;

    if (next) {
        atomic_fetch_add(&next->users, 1);
        if (atomic_load(&next->closed)) {
            atomic_fetch_sub(&next->users, 1);
            return;
        }
    }
    interrupts_off();
    translation_switch(this_cpu(), next ? &next->translation : NULL);
    machine.using = next;
    interrupts_restore();
    if (last)
        atomic_fetch_sub(&last->users, 1);
}

static void read_page(void)
{
    uint64_t page = random_up_to(PAGES);

    if (!machine.using) {
        (void)translate(page);
        return;
    }
    uint64_t wanted = atomic_load_explicit(&machine.using->flushed[page], memory_order_acquire);
    CHECK(translate(page) >= wanted);
}

static void open_space(struct space *space)
{
    memset(&space->translation, 0, sizeof(space->translation));
    CHECK(translation_init(&space->translation));
    for (uint32_t page = 0; page < PAGES; page++) // nothing old has numbers like these
        atomic_store(&space->flushed[page], atomic_fetch_add(&space->pages[page], 1000) + 1000);
    atomic_store(&space->live_root, space->translation.root.value);
    atomic_store(&space->closed, false);
}

static void renew_space(struct space *space)
{
    atomic_store(&space->closed, true);
    if (atomic_load(&space->users) != 0) {
        atomic_store(&space->closed, false);
        return;
    }
    translation_abandon(&space->translation);
    atomic_store(&space->live_root, 0);
    open_space(space);
}

static void change_pages(struct space *space)
{
    uint64_t first = random_up_to(PAGES);
    uint64_t end = first + 1 + random_up_to(PAGES - first);
    uint64_t now[PAGES];

    for (uint64_t page = first; page < end; page++)
        now[page] = atomic_fetch_add_explicit(&space->pages[page], 1, memory_order_relaxed) + 1;
    translation_flush(&space->translation, first * PAGE_SIZE, end * PAGE_SIZE);
    for (uint64_t page = first; page < end; page++)
        atomic_store_explicit(&space->flushed[page], now[page], memory_order_release);
}

static void work(uint32_t number)
{
    machine = (struct machine){ .cr3 = kernel_page_table_root.value,
                                .cr4 = CR4_PGE,
                                .random = number + 1 };
    translation_cpu_init();
    cpus_meet();
    for (uint32_t i = 0; i < TURNS; i++) {
        struct space *space = &spaces[random_up_to(SPACES)];
        uint64_t action = random_up_to(100);
        if (action < 15 && !atomic_exchange(&space->locked, true)) {
            if (action == 0)
                renew_space(space);
            else
                change_pages(space);
            atomic_store(&space->locked, false);
        } else if (action < 45) {
            use_space(random_up_to(3) != 0 ? space : NULL);
        }
        for (uint32_t reads = 0; reads < 5; reads++)
            read_page();
    }
    use_space(NULL);
}

static void run_cpus(bool pcid)
{
    cpu_features.pge = true;
    cpu_features.pcid = pcid;
    for (uint32_t i = 0; i < SPACES; i++)
        open_space(&spaces[i]);
    cpus_run(CPUS, work);
}

TEST_PROTECTION("shootdown", translation_cpus_at_once)
{
    run_cpus(false);
}

TEST_PROTECTION("shootdown", translation_cpus_at_once_with_pcid)
{
    run_cpus(true);
}
