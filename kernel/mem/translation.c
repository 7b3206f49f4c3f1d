// Loading page-table roots and flushing TLBs, here and on other CPUs. Called by the switch, by vm/
// and by the end of an address space. SDM vol. 3A, 4.10.4 (what invalidates), 4.10.5 (other CPUs).
#include "mem/translation.h"

#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/isolation.h"
#include "cpu/pcid.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "debug/trace.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "mem/page_table.h"

// Above this many pages one reload of everything is cheaper than single invalidations. With PCIDs
// and isolation always: INVLPG drops nothing of the user's PCID (SDM vol. 3A, 4.10.4.1), which a
// reload notes to be dropped as well.
#define SINGLE_PAGE_LIMIT 32u
static uint64_t single_page_limit = SINGLE_PAGE_LIMIT;

static bool loads_are_simple = true; // CR3 takes the root's address and nothing else is to be done

#define PCID_OF_USER 0x800ull // the number of a space in ring 3's tables is the other's and this

// What called CPUs are told; on the caller's stack.
struct flush {
    struct translation *translation;
    uint64_t start, end;
    uint64_t generation; // after it
};

bool translation_init(struct translation *translation)
{
    struct percpu *cpu = this_cpu();

    translation->root = page_table_create();
    // CPUs count for themselves, the remainder tells them apart; 0 stays unused.
    translation->context = ++cpu->contexts_made * CPU_LIMIT + cpu->number;
    return translation->root.value != 0;
}

void translation_cpu_init(void)
{
    if (cpu_features.pcid || isolation_is_on)
        __atomic_store_n(&loads_are_simple, false, __ATOMIC_RELAXED);
    if (cpu_features.pcid && isolation_is_on)
        __atomic_store_n(&single_page_limit, 0, __ATOMIC_RELAXED);
    if (!cpu_features.pcid)
        return;
    kassert(read_cr3() == kernel_page_table_root.value); // number 0, or PCIDE faults
    write_cr4(read_cr4() | CR4_PCIDE);
}

static bool is_active(struct percpu *cpu, const struct translation *translation)
{
    return atomic_load(&cpu->translation_active) == translation;
}

static bool is_loaded(struct percpu *cpu, const struct translation *translation)
{
    return atomic_load(&cpu->translation_loaded) == translation;
}

// With isolation, what the entry code loads for this root: `number` is the PCID. The kernel's is
// kept up to date in the kernel, so entries keep what it tags. The user's is flushed by the next
// way out, once (cpu/entry_macros.inc, CHOOSE_EXIT_CR3), unless `keep`. Interrupts are off or the
// CPU is on the kernel's CR3 and stays in the kernel: CR3 is neither the old `user_cr3` nor the new
// one, by which an NMI between these stores would know ring 3's tables: a root that is in use is
// nobody's companion.
static void set_entry_roots(struct percpu *cpu, const struct translation *translation,
                            uint64_t number, bool keep)
{
    struct cpu_entry_page *page = cpu_entry_page(cpu);
    uint64_t user = page_table_companion(translation->root).value;

    page->no_flush = cpu_features.pcid ? CR3_NO_FLUSH : 0;
    page->kernel_cr3 = translation->root.value | number | page->no_flush;
    page->user_cr3 = user | (number ? number | PCID_OF_USER : 0) | (keep ? CR3_NO_FLUSH : 0);
}

// CR3 for what is loaded; written as it is, it drops all of its translations. With isolation the
// way out drops those of ring 3's tables, too.
static uint64_t loaded_cr3(struct percpu *cpu, const struct translation *translation)
{
    if (likely(!cpu_features.pcid))
        return translation->root.value;
    uint64_t number = pcid_number(&cpu->pcid);
    if (isolation_is_on)
        set_entry_roots(cpu, translation, number, false);
    return translation->root.value | number;
}

// Can what ring 3's number of the slot tags stay? Not if the slot's last flush was left to a way
// out that never came, since the CPU went to another space before.
static bool choose_pcid(struct percpu *cpu, const struct translation *next, uint64_t generation,
                        bool *keep_user)
{
    struct pcid_slots *slots = &cpu->pcid;

    if (isolation_is_on)
        slots->slots[slots->current].user_is_behind =
            !(cpu_entry_page(cpu)->user_cr3 & CR3_NO_FLUSH);
    bool keep = pcid_choose(slots, cpu->translation_generation, next->context, generation);
    *keep_user = keep && !slots->slots[slots->current].user_is_behind;
    return keep;
}

// CR3 for a root that was not loaded, with PCIDs or isolation.
never_inlined static uint64_t choose_cr3(struct percpu *cpu, const struct translation *next,
                                         uint64_t generation)
{
    uint64_t number = 0;
    bool keep = false, keep_user = false;

    if (cpu_features.pcid) {
        keep = choose_pcid(cpu, next, generation, &keep_user);
        number = pcid_number(&cpu->pcid);
    }
    if (isolation_is_on)
        set_entry_roots(cpu, next, number, keep_user);
    return next->root.value | number | (keep ? CR3_NO_FLUSH : 0);
}

static inline void write_root(struct percpu *cpu, struct translation *next, uint64_t generation)
{
    uint64_t cr3 = next->root.value;

    if (unlikely(!__atomic_load_n(&loads_are_simple, __ATOMIC_RELAXED)))
        cr3 = choose_cr3(cpu, next, generation);
    cpu->translation_generation = generation;
    write_cr3(cr3);
    // Only now has CR3 left what was loaded: who frees that looks at this.
    atomic_store_explicit(&cpu->translation_loaded, next, memory_order_release);
}

// Why no CPU is missed: each says in `translation_active` whose user half it uses (NULL: lazy) and
// in `translation_loaded` what CR3 holds. Two sides, each with a locked instruction, which is a
// full barrier (SDM vol. 3A, 8.2.3.9), between its store and its loads:
//
//     who flushes                                 who loads
//     1 entries change                            1 active = T
//     2 generation + 1                            2 its bit in T.cpus, if it is not there
//     3 for each bit in T.cpus: active == T?      3 reads the generation
//       then it is called, else not               4 CR3 = T.root, dropping what is older
//
// Either 3 on the left sees T active, and the CPU is called: its interrupt comes after 4, before
// the program runs. Or T became active after that look: then 3 on the right sees the new
// generation and 4 drops what came before it, and page walks after 4 see the new entries. The same
// holds for who goes lazy and comes back, for whom 4 happens only if the generation has changed.
void translation_load(struct percpu *cpu, struct translation *next)
{
    atomic_exchange(&cpu->translation_active, next);
    if (unlikely(!cpu_mask_has(&next->cpus, cpu->number)))
        cpu_mask_add_atomic(&next->cpus, cpu->number);
    uint64_t generation = atomic_load(&next->generation);
    // Back from a kernel thread, and nothing was flushed meanwhile: CR3 is costly, and stays.
    if (is_loaded(cpu, next) && cpu->translation_generation == generation)
        return;
    write_root(cpu, next, generation);
}

// On a CPU where the translation is active. Two flushes that overtake each other on their way are
// no matter: who is behind drops everything, and knows so for the second.
static void flush_active(struct percpu *cpu, const struct flush *flush)
{
    uint64_t *seen = &cpu->translation_generation;

    if (*seen >= flush->generation)
        return;
    uint64_t pages = (flush->end - flush->start) / PAGE_SIZE;
    if (*seen + 1 == flush->generation &&
        pages <= __atomic_load_n(&single_page_limit, __ATOMIC_RELAXED)) {
        for (uint64_t page = flush->start; page < flush->end; page += PAGE_SIZE)
            invalidate_page(page);
        *seen = flush->generation;
        return;
    }
    *seen = atomic_load(&flush->translation->generation); // before the flush: not too new
    write_cr3(loaded_cr3(cpu, flush->translation));
}

// On a called CPU, in its interrupt handler. Lazy or gone since: the generation will tell it.
static void serve_flush(void *argument)
{
    const struct flush *flush = argument;
    struct percpu *cpu = this_cpu();

    cpu->shootdowns_received++;
    cpu->shootdown_pages += (flush->end - flush->start) / PAGE_SIZE;
    if (is_active(cpu, flush->translation))
        flush_active(cpu, flush);
}

// Does the CPU, whose bit is set, use the translation? If it does not even have it in CR3 its bit
// goes. It may load it at that moment and rely on the bit, so that is looked at once more.
static bool cpu_uses(struct translation *translation, struct percpu *cpu)
{
    if (is_active(cpu, translation))
        return true;
    if (is_loaded(cpu, translation))
        return false;
    cpu_mask_remove_atomic(&translation->cpus, cpu->number);
    bool active = is_active(cpu, translation);
    if (active || is_loaded(cpu, translation))
        cpu_mask_add_atomic(&translation->cpus, cpu->number);
    return active;
}

static bool cpu_has_loaded(struct translation *translation, struct percpu *cpu)
{
    return is_loaded(cpu, translation);
}

// The CPUs with a bit, but for this one, of which `wanted` is true; returns how many.
static uint32_t find_others(struct translation *translation, const struct percpu *self,
                            bool (*wanted)(struct translation *translation, struct percpu *cpu),
                            struct cpu_mask *others)
{
    uint32_t count = 0;

    for (uint32_t word = 0; word * 64 < cpu_count(); word++) {
        uint64_t bits = __atomic_load_n(&translation->cpus.words[word], __ATOMIC_SEQ_CST);
        if (word == self->number / 64)
            bits &= ~(1ull << self->number % 64);
        for (; bits != 0; bits &= bits - 1) {
            uint32_t number = word * 64 + (uint32_t)__builtin_ctzll(bits);
            if (!wanted(translation, cpu_by_number(number)))
                continue;
            cpu_mask_add(others, number);
            count++;
        }
    }
    return count;
}

never_inlined static void flush_others(struct percpu *cpu, struct flush *flush)
{
    struct cpu_mask others = { 0 };
    uint32_t count = find_others(flush->translation, cpu, cpu_uses, &others);

    if (count == 0)
        return;
    cpu->shootdowns_sent += count;
    if (PROTECT_SHOOTDOWN_WAIT)
        ipi_call(&others, serve_flush, flush);
    else
        ipi_post(&others, serve_flush, flush, sizeof(*flush));
}

void translation_flush_used(struct translation *translation, uint64_t start, uint64_t end)
{
    struct percpu *cpu = this_cpu();

    if (DEBUG_CHECKS) {
        kassert(interrupts_are_on());
        spinlock_assert_held_count(0);
    }
    trace(TRACE_SHOOTDOWN, start, (end - start) / PAGE_SIZE);
    struct flush flush = { translation, start, end,
                           atomic_fetch_add(&translation->generation, 1) + 1 };
    if (is_active(cpu, translation))
        flush_active(cpu, &flush);
    if (cpu_count() > 1 && PROTECT_SHOOTDOWN)
        flush_others(cpu, &flush);
}

// A lazy CPU goes to the kernel's root. A thread may do so with interrupts on: who interrupts it
// sees either root as good as the other.
static void leave_root(void *argument)
{
    struct translation *translation = argument;
    struct percpu *cpu = this_cpu();

    if (!is_loaded(cpu, translation))
        return;
    kassert(!is_active(cpu, translation));
    write_cr3(kernel_page_table_root.value);
    atomic_store(&cpu->translation_loaded, NULL);
}

void translation_abandon(struct translation *translation)
{
    struct cpu_mask others = { 0 };

    leave_root(translation);
    if (cpu_count() > 1 && find_others(translation, this_cpu(), cpu_has_loaded, &others) != 0)
        ipi_call(&others, leave_root, translation);
    translation->abandoned = true;
}

// INVLPG would leave what is cached of the way to a page under other PCIDs (4.10.4.1). Any change
// of CR4.PGE drops everything, global or not, whatever it was before.
static void flush_everything(void *argument)
{
    if (cpu_features.invpcid) {
        invalidate_all_contexts();
    } else if (cpu_features.pge) {
        uint64_t cr4 = read_cr4();
        write_cr4(cr4 ^ CR4_PGE);
        write_cr4(cr4);
    } else {
        write_cr3(read_cr3());
    }
}

void translation_flush_kernel(void)
{
    ipi_call_all(flush_everything, NULL);
}
