// What the kernel code under test calls below or beside it: panic, log, spinlocks, the pieces of
// the CPU. The spinlocks check ranks as the kernel's do, since there is one "CPU" only.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/pcid.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "debug/log.h"
#include "lib/panic.h"
#include "stubs.h"
#include "test.h"

#define HELD_LIMIT 8

// No entry area: nothing of this process is in the tables under test.
__asm__(".globl entry_text_start, entry_text_end, entry_data_start, entry_data_end\n"
        "entry_text_start = 0; entry_text_end = 0; entry_data_start = 0; entry_data_end = 0\n");

void *panic_jump[5];
static bool panic_is_expected;
static char panic_message[512];

static const struct spinlock *held_locks[HELD_LIMIT];
static unsigned held_count;

char log_last_line[512];
struct fake_cpu fake_cpu;
struct fake_msrs fake_msrs;
struct fake_tlb fake_tlb;

void panic_expect(void)
{
    panic_is_expected = true;
    panic_message[0] = '\0';
}

void panic_check(const char *file, int line, const char *part)
{
    panic_is_expected = false;
    held_count = 0;
    if (strstr(panic_message, part) == NULL)
        test_fail(file, line, "panic says \"%s\", not \"%s\"", panic_message, part);
}

noreturn_function static void end_in_panic(void)
{
    if (panic_is_expected)
        __builtin_longjmp(panic_jump, 1);
    fprintf(stderr, "  panic: %s\n", panic_message);
    abort();
}

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(panic_message, sizeof(panic_message), format, arguments);
    va_end(arguments);
    end_in_panic();
}

void panic_at(const struct trap_frame *frame, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(panic_message, sizeof(panic_message), format, arguments);
    va_end(arguments);
    end_in_panic();
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(log_last_line, sizeof(log_last_line), format, arguments);
    va_end(arguments);
}

void spinlock_acquire(struct spinlock *lock)
{
    if (held_count > 0 && held_locks[held_count - 1]->rank >= lock->rank)
        panic("lock %s acquired while %s is held", lock->name, held_locks[held_count - 1]->name);
    if (held_count == HELD_LIMIT)
        panic("too many locks");
    held_locks[held_count++] = lock;
}

void spinlock_release(struct spinlock *lock)
{
    if (held_count == 0 || held_locks[held_count - 1] != lock)
        panic("lock %s released out of order", lock->name);
    held_count--;
}

void spinlock_assert_held_count(uint32_t count)
{
    if (held_count != count)
        panic("%u locks are held, not %u", held_count, count);
}

void write_msr(uint32_t number, uint64_t value)
{
    fake_cpu.msr_number = number;
    fake_cpu.msr_value = value;
    if (fake_msrs.write)
        fake_msrs.write(number, value);
}

uint64_t read_msr(uint32_t number)
{
    if (!fake_msrs.read)
        abort();
    return fake_msrs.read(number);
}

uint64_t (*fake_tsc)(void);

uint64_t read_tsc(void)
{
    static uint64_t count;

    return fake_tsc ? fake_tsc() : ++count;
}

static void drop_all(void)
{
    fake_cpu.global_flushes++;
    if (fake_tlb.drop_all)
        fake_tlb.drop_all();
}

void invalidate_all_contexts(void)
{
    drop_all();
}

uint64_t read_cr4(void)
{
    return fake_cpu.cr4;
}

void write_cr4(uint64_t value)
{
    if ((fake_cpu.cr4 & CR4_PGE) != 0 && (value & CR4_PGE) == 0)
        drop_all();
    fake_cpu.cr4 = value;
}

uint64_t read_cr3(void)
{
    return fake_cpu.cr3;
}

void write_cr3(uint64_t value)
{
    fake_cpu.cr3 = value & ~CR3_NO_FLUSH;
    if (fake_tlb.load)
        fake_tlb.load(value);
}

uint64_t read_rflags(void)
{
    return held_count == 0 ? 1 << 9 : 0;
}

// Nothing answers, unless a case has something that does.
struct fake_ports fake_ports;

uint8_t port_read8(uint16_t port)
{
    return fake_ports.read ? fake_ports.read(port) : UINT8_MAX;
}

void port_write8(uint16_t port, uint8_t value)
{
    if (fake_ports.write)
        fake_ports.write(port, value);
}

uint32_t port_read32(uint16_t port)
{
    return fake_ports.read32 ? fake_ports.read32(port) : UINT32_MAX;
}

struct fake_device fake_device;

uint32_t device_read32(const volatile void *address)
{
    return fake_device.read32(address);
}

void device_write32(volatile void *address, uint32_t value)
{
    fake_device.write32(address, value);
}

void invalidate_page(uint64_t address)
{
    fake_cpu.invalidations++;
    fake_cpu.last_invalidated = address;
    if (fake_tlb.drop_page)
        fake_tlb.drop_page(address);
}
