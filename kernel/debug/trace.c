// The event rings. trace_record() is called from entry paths, the scheduler and NMI handlers. Each
// ring is written by its own CPU alone; a slot is reserved by one instruction, so an NMI in between
// gets another. Invariant: a slot's head word is zero while the rest of it is being changed.
#include "debug/trace.h"

#include <stdatomic.h>

#include "cpu/clock.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "lib/protection.h"

_Static_assert((TRACE_RING_EVENTS & (TRACE_RING_EVENTS - 1)) == 0, "a power of two");

// struct trace_event as the ring sees it: type, cpu and thread in one word, stored at once.
struct slot {
    _Atomic uint64_t tsc;
    _Atomic uint64_t head;
    _Atomic uint64_t a;
    _Atomic uint64_t b;
};

_Static_assert(sizeof(struct slot) == sizeof(struct trace_event), "slot layout");

struct ring {
    struct slot *slots;
    _Atomic uint64_t next; // events recorded since boot
    uint32_t thread;       // as the last SWITCH said
};

bool trace_enabled = DEBUG_CHECKS;
static struct slot boot_slots[TRACE_RING_EVENTS];
static struct ring rings[CPU_LIMIT] = { [0] = { .slots = boot_slots } };

// One instruction on this CPU; without a lock prefix, since no other CPU writes.
static uint64_t reserve_slot(struct ring *ring)
{
    uint64_t index = 1;

    __asm__ volatile("xaddq %0, %1" : "+r"(index), "+m"(ring->next)::"memory");
    return index;
}

void trace_record(enum trace_type type, uint64_t a, uint64_t b)
{
    uint32_t cpu = this_cpu()->number;
    struct ring *ring = &rings[cpu];

    if (!ring->slots)
        return;
    struct slot *slot = &ring->slots[reserve_slot(ring) % TRACE_RING_EVENTS];
    uint64_t head = (uint64_t)ring->thread << 32 | (uint64_t)cpu << 16 | (uint64_t)type;
    atomic_store_explicit(&slot->head, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); // a compiler barrier only: x86 keeps store order
    atomic_store_explicit(&slot->tsc, read_tsc(), memory_order_relaxed);
    atomic_store_explicit(&slot->a, a, memory_order_relaxed);
    atomic_store_explicit(&slot->b, b, memory_order_relaxed);
    atomic_store_explicit(&slot->head, head, memory_order_release);
    if (type == TRACE_SWITCH)
        ring->thread = (uint32_t)a;
}

void trace_add_cpu(uint32_t cpu, struct trace_event *events)
{
    if (cpu < CPU_LIMIT)
        rings[cpu].slots = (struct slot *)events;
}

uint64_t trace_count(uint32_t cpu, uint64_t *lost)
{
    uint64_t next = cpu < CPU_LIMIT ? atomic_load(&rings[cpu].next) : 0;

    *lost = next > TRACE_RING_EVENTS ? next - TRACE_RING_EVENTS : 0;
    return next - *lost;
}

// False when the event with this number is not there any more, or not yet whole.
static bool read_event(struct ring *ring, uint64_t number, struct trace_event *event)
{
    struct slot *slot = &ring->slots[number % TRACE_RING_EVENTS];
    uint64_t head = atomic_load_explicit(&slot->head, memory_order_acquire);

    event->tsc = atomic_load_explicit(&slot->tsc, memory_order_relaxed);
    event->a = atomic_load_explicit(&slot->a, memory_order_relaxed);
    event->b = atomic_load_explicit(&slot->b, memory_order_relaxed);
    event->type = (uint16_t)head;
    event->cpu = (uint16_t)(head >> 16);
    event->thread = (uint32_t)(head >> 32);
    atomic_thread_fence(memory_order_acquire);
    return head != 0 && head == atomic_load_explicit(&slot->head, memory_order_relaxed) &&
           atomic_load(&ring->next) <= number + TRACE_RING_EVENTS;
}

size_t trace_copy(uint32_t cpu, uint64_t first, struct trace_event *events, size_t count)
{
    uint64_t lost;
    uint64_t held = trace_count(cpu, &lost);
    size_t copied = 0;

    if (cpu >= CPU_LIMIT || !rings[cpu].slots || first >= held)
        return 0;
    uint64_t end = held - first < count ? held : first + count;
    for (uint64_t i = first; i < end; i++)
        if (read_event(&rings[cpu], lost + i, &events[copied]))
            copied++;
    return copied;
}

static const char *type_name(uint16_t type)
{
#define TRACE_NAME(number, name, a_meaning, b_meaning) [number] = #name,
    static const char *const names[] = { TRACE_EVENTS(TRACE_NAME) };
#undef TRACE_NAME

    return type < ARRAY_SIZE(names) && names[type] ? names[type] : "?";
}

static void print_event(const struct trace_event *event)
{
    uint64_t us = clock_ns_from_tsc(event->tsc) / 1000;

    log_emergency_line("panic", "  %llu.%06llu thread %u %s 0x%llx 0x%llx",
                       (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
                       event->thread, type_name(event->type), (unsigned long long)event->a,
                       (unsigned long long)event->b);
}

void trace_print_last(size_t count)
{
    uint32_t cpu = this_cpu()->number;
    uint64_t lost;
    uint64_t held = trace_count(cpu, &lost);
    uint64_t first = held > count ? held - count : 0;

    if (cpu >= CPU_LIMIT || !rings[cpu].slots)
        return;
    for (uint64_t i = first; i < held; i++) {
        struct trace_event event;
        if (read_event(&rings[cpu], lost + i, &event))
            print_event(&event);
    }
}
