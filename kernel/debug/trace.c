// The event rings: recording and copying; trace_print.c puts them into words. trace_record() is
// called from entry paths, the scheduler and NMI handlers. Each ring is written by its own CPU
// alone. Invariant: a slot's head word carries the number of the event that is whole in it, and is
// stored last.
#include "debug/trace.h"

#include <stdatomic.h>

#include "cpu/registers.h"
#include "lib/string.h"

// struct trace_event as the ring has it. The head: thread << 32 | type << 24 | low bits of number.
struct slot {
    _Atomic uint64_t tsc;
    _Atomic uint64_t head;
    _Atomic uint64_t a;
    _Atomic uint64_t b;
};

_Static_assert(sizeof(struct slot) == sizeof(struct trace_event), "slot layout");

#define HEAD_TYPE_SHIFT 24u
#define HEAD_NUMBER_MASK ((1ull << HEAD_TYPE_SHIFT) - 1)
_Static_assert(TRACE_MAXIMUM_EVENTS <= HEAD_NUMBER_MASK / 2, "generations of a slot differ");

#define MEASURED_ROUNDS 4u
#define MEASURED_EVENTS 1024u

struct trace_ring {
    struct slot *slots; // NULL: none
    uint64_t mask;      // count - 1
    uint64_t thread;    // id of the running thread << 32
    uint64_t next;      // events recorded since boot; written by reserve_slot()
};

bool trace_enabled;
static struct trace_ring rings[CPU_LIMIT];
static uint64_t event_ticks;
static struct trace_event kept[TRACE_KEPT_LIMIT];
static size_t kept_count;

// One instruction, so what interrupts this CPU, an NMI too, comes wholly before or after it and
// gets a slot of its own. No lock prefix: no other CPU writes.
static inline uint64_t reserve_slot(struct trace_ring *ring)
{
    uint64_t number = 1;

    __asm__ volatile("xaddq %0, %1" : "+r"(number), "+m"(ring->next)::"memory");
    return number;
}

// Why this is safe in an NMI: between any two instructions here an NMI may record events of its
// own. It reserves others than ours, since `next` has moved on, and changes nothing that we hold in
// registers. A reader in that NMI (panic) finds our slot with the head of an event one or more
// rounds older, whose number is not the one it asks for, and leaves it out; x86 keeps the order of
// stores, so a head with the right number means that the rest is there.
__attribute__((preserve_most)) void trace_record(enum trace_type type, uint64_t a, uint64_t b)
{
    struct trace_ring *ring = this_cpu()->trace_ring;

    if (unlikely(!ring))
        return;
    uint64_t number = reserve_slot(ring);
    struct slot *slot = &ring->slots[number & ring->mask];
    uint64_t head = ring->thread | (uint64_t)type << HEAD_TYPE_SHIFT | (number & HEAD_NUMBER_MASK);
    atomic_store_explicit(&slot->tsc, read_tsc(), memory_order_relaxed);
    atomic_store_explicit(&slot->a, a, memory_order_relaxed);
    atomic_store_explicit(&slot->b, b, memory_order_relaxed);
    atomic_store_explicit(&slot->head, head, memory_order_release);
}

void trace_switched(uint32_t thread, uint64_t stack_top)
{
    struct trace_ring *ring = this_cpu()->trace_ring;

    if (ring)
        ring->thread = (uint64_t)thread << 32;
    trace_record(TRACE_SWITCHED, thread, stack_top);
}

uint64_t trace_short_name(const char *name)
{
    uint64_t text = 0;

    memcpy(&text, name, strnlen(name, sizeof(text)));
    return text;
}

void trace_name(uint32_t thread, uint32_t pid, const char *name)
{
    trace_record(TRACE_NAME, thread | (uint64_t)pid << 32, trace_short_name(name));
}

void trace_keep(enum trace_type type, uint64_t a, uint64_t b)
{
    if (kept_count < TRACE_KEPT_LIMIT)
        kept[kept_count++] =
            (struct trace_event){ .tsc = read_tsc(), .type = (uint16_t)type, .a = a, .b = b };
}

size_t trace_kept(const struct trace_event **events)
{
    *events = kept;
    return kept_count;
}

// The quickest of some rounds, while nobody else records: the ring is emptied afterwards.
static void measure_event(struct trace_ring *ring)
{
    for (uint32_t round = 0; round < MEASURED_ROUNDS; round++) {
        uint64_t begin = read_tsc();
        for (uint32_t i = 0; i < MEASURED_EVENTS; i++)
            trace_record(TRACE_STEP, STEP_BEGIN, i);
        uint64_t ticks = read_tsc() - begin;
        if (event_ticks == 0 || ticks < event_ticks)
            event_ticks = ticks;
    }
    memset(ring->slots, 0, (ring->mask + 1) * sizeof(*ring->slots));
    ring->next = 0;
}

void trace_add_ring(struct percpu *cpu, struct trace_event *events, uint32_t count)
{
    struct trace_ring *ring = &rings[cpu->number];

    ring->slots = (struct slot *)events;
    ring->mask = count - 1;
    cpu->trace_ring = ring;
    if (!trace_enabled)
        measure_event(ring);
    trace_enabled = true;
}

uint64_t trace_event_ticks(void)
{
    return event_ticks;
}

uint32_t trace_ring_events(void)
{
    return rings[0].slots ? (uint32_t)rings[0].mask + 1 : 0;
}

static uint64_t count_recorded(const struct trace_ring *ring)
{
    return __atomic_load_n(&ring->next, __ATOMIC_ACQUIRE);
}

uint64_t trace_count(uint32_t cpu, uint64_t *lost)
{
    *lost = 0;
    if (cpu >= CPU_LIMIT || !rings[cpu].slots)
        return 0;
    uint64_t next = count_recorded(&rings[cpu]);
    uint64_t room = rings[cpu].mask + 1;
    *lost = next > room ? next - room : 0;
    return next - *lost;
}

// False when the event with this number is not there any more, or not yet whole: the head must name
// it, and after the rest was read, no later event may have begun to replace it.
static bool read_event(struct trace_ring *ring, uint64_t number, struct trace_event *event)
{
    struct slot *slot = &ring->slots[number & ring->mask];
    uint64_t head = atomic_load_explicit(&slot->head, memory_order_acquire);

    event->tsc = atomic_load_explicit(&slot->tsc, memory_order_relaxed);
    event->a = atomic_load_explicit(&slot->a, memory_order_relaxed);
    event->b = atomic_load_explicit(&slot->b, memory_order_relaxed);
    event->type = (uint8_t)(head >> HEAD_TYPE_SHIFT);
    event->cpu = (uint16_t)(ring - rings);
    event->thread = (uint32_t)(head >> 32);
    atomic_thread_fence(memory_order_acquire);
    return event->type != 0 && (head & HEAD_NUMBER_MASK) == (number & HEAD_NUMBER_MASK) &&
           count_recorded(ring) <= number + ring->mask + 1;
}

size_t trace_copy(uint32_t cpu, uint64_t first, struct trace_event *events, size_t count)
{
    uint64_t lost;
    uint64_t end = trace_count(cpu, &lost) + lost;
    size_t copied = 0;

    for (uint64_t number = max_of(first, lost); number < end && number - first < count; number++)
        if (read_event(&rings[cpu], number, &events[copied]))
            copied++;
    return copied;
}
