// The parts of `selftest=` about reports that are disturbed: by an NMI at every line, by a fault
// while a line is printed, by an argument that cannot be read. Each adds a sink to the log, which
// is called in the middle of the report.
#include "boot/selftest.h"
#include "cpu/lapic.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "lib/panic.h"
#include "lib/string.h"

#define NOT_CANONICAL 0x8000000000000000ull
#define UNMAPPED 0x10ull

static bool is_armed;

static void wait_for_own_nmi(const char *text, size_t length)
{
    const struct percpu *cpu = this_cpu();
    uint64_t before = cpu->nmi_count;

    if (!is_armed)
        return;
    lapic_send_nmi(cpu->apic_id);
    while (__atomic_load_n(&cpu->nmi_count, __ATOMIC_ACQUIRE) == before)
        cpu_relax();
}

// The push faults, and so does the delivery of that fault, which finds no other stack.
void selftest_double_fault(void)
{
    static struct log_sink sink = { .write = wait_for_own_nmi, .name = "NMI" };

    log_add_sink(&sink);
    is_armed = true;
    __asm__ volatile("movq %0, %%rsp; pushq $0" : : "r"(NOT_CANONICAL) : "memory");
}

static bool begins(const char *text, size_t length, const char *word)
{
    return length >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

// In the middle of the first report, and at the last line of the second. The stamp's length is
// known: nobody runs for a day.
static void fault_at_words(const char *text, size_t length)
{
    static const size_t stamp_length = sizeof("[    0.000000] panic: ") - 1;

    if (!is_armed || length < stamp_length)
        return;
    text += stamp_length;
    length -= stamp_length;
    if (begins(text, length, "cr2 ") || begins(text, length, "halted"))
        *(volatile uint8_t *)UNMAPPED = 1;
}

static void add_faulty_sink(void)
{
    static struct log_sink sink = { .write = fault_at_words, .name = "faulty" };

    log_add_sink(&sink);
    is_armed = true;
}

void selftest_panic_in_panic(void)
{
    add_faulty_sink();
    panic("asked for by selftest=panic-in-panic");
}

void selftest_panic_argument(void)
{
    const char *volatile argument = (const char *)UNMAPPED;

    add_faulty_sink();
    panic("asked for with \"%s\" by selftest=panic-argument", argument);
}
