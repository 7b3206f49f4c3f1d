// Wakes further CPUs. Called by boot/processors.c on the boot CPU. Invariant: at most one CPU is
// expected at a time, by its APIC id, and only that one can leave the trampoline; its pages are
// never given back, so whoever comes late finds them and comes to rest.
#include "cpu/processor.h"

#include "boot_info.h"
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/interrupts.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "cpu/trampoline.h"
#include "lib/panic.h"
#include "lib/string.h"

#define PAGE_ENTRY_PRESENT 1ull
#define PAGE_ENTRY_WRITE 2ull
#define ROOT_ENTRIES 512u
#define KERNEL_HALF 256u // first root entry of the kernel's half
#define CPUID_LONG_MODE (1u << 29)
#define CPUID_NX (1u << 20)
#define SECOND_STARTUP_NS 300000ull // SDM vol. 3A, 8.4.4.1 wants 200 us between the two
#define ANSWER_LIMIT_NS 3000000000ull
#define AFTER_RESET_NS 10000000ull

static struct trampoline_data *trampoline;
static uint64_t trampoline_page;

static size_t code_size(void)
{
    return (size_t)(trampoline_end - trampoline_start);
}

static void *low_page(uint64_t physical)
{
    return (void *)(DIRECT_MAP_BASE + physical);
}

// The kernel's own root may lie above 4 GiB, where a CPU in protected mode cannot name it, and does
// not map the page where that CPU runs. This one does, and nothing else of the lower half.
static void make_root(uint64_t page, phys_addr kernel_root)
{
    uint64_t *root = low_page(page + PAGE_SIZE);
    const uint64_t *kernel = low_page(kernel_root.value);
    uint64_t *upper = root;

    memset(root, 0, (TRAMPOLINE_PAGES - 1) * PAGE_SIZE);
    for (uint32_t i = KERNEL_HALF; i < ROOT_ENTRIES; i++)
        root[i] = kernel[i];
    for (uint64_t table = 2; table < TRAMPOLINE_PAGES; table++) {
        upper[0] = (page + table * PAGE_SIZE) | PAGE_ENTRY_PRESENT | PAGE_ENTRY_WRITE;
        upper = low_page(page + table * PAGE_SIZE);
    }
    upper[page / PAGE_SIZE] = page | PAGE_ENTRY_PRESENT | PAGE_ENTRY_WRITE;
}

static void make_gdt(struct trampoline_data *data, uint64_t data_address)
{
    data->gdt[TRAMPOLINE_CODE32 / 8] = 0x00cf9b000000ffffull; // flat
    data->gdt[TRAMPOLINE_DATA32 / 8] = 0x00cf93000000ffffull;
    data->gdt[TRAMPOLINE_CODE64 / 8] = 0x00af9b000000ffffull;
    data->gdt_pointer.limit = sizeof(data->gdt) - 1;
    data->gdt_pointer.base = (uint32_t)(data_address + offsetof(struct trampoline_data, gdt));
}

static struct trampoline_far far_pointer(const char *label, uint16_t selector)
{
    uint64_t address = trampoline_page + (uint64_t)(label - trampoline_start);

    return (struct trampoline_far){ (uint32_t)address, selector };
}

void processor_trampoline_init(uint64_t page, phys_addr kernel_root, uint64_t pat)
{
    struct trampoline_data *data = low_page(page + code_size());

    kassert(page + TRAMPOLINE_PAGES * PAGE_SIZE <= TRAMPOLINE_LIMIT);
    kassert(code_size() + sizeof(*data) <= PAGE_SIZE);
    trampoline_page = page;
    trampoline = data;
    memcpy(low_page(page), trampoline_start, code_size());
    memset(data, 0, sizeof(*data));
    make_root(page, kernel_root);
    make_gdt(data, page + code_size());
    data->offered = TRAMPOLINE_NOBODY;
    data->root32 = (uint32_t)(page + PAGE_SIZE);
    data->root = kernel_root.value;
    data->extended_features = CPUID_LONG_MODE | (cpu_features.nx ? CPUID_NX : 0);
    data->extended_enable = (uint32_t)(EFER_LME | (cpu_features.nx ? EFER_NXE : 0));
    data->pat[0] = (uint32_t)pat;
    data->pat[1] = (uint32_t)(pat >> 32);
    data->kernel_entry = (uint64_t)processor_entry;
    data->protected_entry = far_pointer(trampoline_protected, TRAMPOLINE_CODE32);
    data->long_entry = far_pointer(trampoline_long, TRAMPOLINE_CODE64);
}

void processor_reset(uint32_t apic_id)
{
    interrupts_off();
    lapic_send_init(apic_id);
    interrupts_restore();
}

static void send_startup(uint32_t apic_id)
{
    interrupts_off();
    lapic_send_startup(apic_id, trampoline_page);
    interrupts_restore();
}

static bool wait_until_taken(uint64_t limit_ns)
{
    uint64_t begin = clock_now_ns();

    while (atomic_load_explicit(&trampoline->taken, memory_order_acquire) == 0) {
        if (clock_now_ns() - begin > limit_ns)
            return false;
        cpu_relax();
    }
    return true;
}

// Taking the offer and taking it back are the same exchange, so exactly one of the two happens.
static bool take_back(uint32_t apic_id)
{
    uint32_t expected = apic_id;

    return atomic_compare_exchange_strong(&trampoline->offered, &expected, TRAMPOLINE_NOBODY);
}

bool processor_start(const struct processor_start *start)
{
    if (!trampoline)
        return false;
    trampoline->cpu = start->cpu;
    trampoline->stack_top = start->stack_top;
    trampoline->entry = start->entry;
    atomic_store(&trampoline->taken, 0);
    atomic_store(&trampoline->unfit, 0);
    atomic_store_explicit(&trampoline->offered, start->apic_id, memory_order_release);
    send_startup(start->apic_id);
    if (!wait_until_taken(SECOND_STARTUP_NS)) {
        send_startup(start->apic_id); // ignored by a CPU that heard the first
        if (!wait_until_taken(ANSWER_LIMIT_NS) && take_back(start->apic_id)) {
            processor_reset(
                start->apic_id); // should it come yet, it waits for a start-up IPI again
            return false;
        }
    }
    return true;
}

bool processor_is_unfit(void)
{
    return atomic_load_explicit(&trampoline->unfit, memory_order_acquire) != 0;
}

void processor_start_unexpected(uint32_t apic_id)
{
    if (!trampoline)
        return;
    processor_reset(apic_id);
    clock_spin_ns(AFTER_RESET_NS);
    send_startup(apic_id);
}

uint32_t processors_turned_away(void)
{
    return trampoline ? atomic_load(&trampoline->turned_away) : 0;
}
