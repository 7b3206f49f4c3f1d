// Calls between CPUs. Each CPU has a stack of requests, pushed by a compare-and-swap and taken
// whole by its interrupt handler. Invariant: a request stays where it lies, on the caller's stack
// as a rule, until `unanswered` is zero, and the decrement is the last access of who serves it.
#include "cpu/ipi.h"

#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "lib/panic.h"

struct ipi_call {
    void (*function)(void *argument);
    void *argument;
    atomic_uint unanswered;
};

// One for each CPU that is called.
struct ipi_request {
    struct ipi_request *next;
    struct ipi_call *call;
    const struct percpu *cpu;
    atomic_bool answered;
};

#define REQUESTS_AT_ONCE 16u
#define STALL_LOOKS 1024u // one look at the clock in so many turns

void (*ipi_stalled)(const struct percpu *cpu, uint64_t waited_ticks);
uint64_t ipi_stall_ticks;

void ipi_reschedule(const struct percpu *cpu)
{
    lapic_send(cpu->apic_id, VECTOR_RESCHEDULE);
}

void ipi_serve(void)
{
    struct ipi_request *request = atomic_exchange(&this_cpu()->ipi_requests, NULL);

    while (request) {
        struct ipi_request *next = request->next; // gone after the decrement
        struct ipi_call *call = request->call;
        call->function(call->argument);
        atomic_store_explicit(&request->answered, true, memory_order_relaxed);
        atomic_fetch_sub_explicit(&call->unanswered, 1, memory_order_release);
        request = next;
    }
}

// The interrupt is needed only for the first request of a stack: who pushes on top of another knows
// that its interrupt is on its way and takes this one as well.
static void post(struct percpu *cpu, struct ipi_request *request)
{
    struct ipi_request *top = atomic_load_explicit(&cpu->ipi_requests, memory_order_relaxed);

    do
        request->next = top;
    while (!atomic_compare_exchange_weak(&cpu->ipi_requests, &top, request));
    if (!top)
        lapic_send(cpu->apic_id, VECTOR_CALL);
}

static void complain(const struct ipi_request *requests, uint32_t count, uint64_t waited_ticks)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!atomic_load_explicit(&requests[i].answered, memory_order_relaxed)) {
            ipi_stalled(requests[i].cpu, waited_ticks);
            return;
        }
    }
}

static void wait_for_answers(const struct ipi_call *call, const struct ipi_request *requests,
                             uint32_t count)
{
    uint64_t since = 0;

    for (uint32_t turn = 1; atomic_load_explicit(&call->unanswered, memory_order_acquire); turn++) {
        cpu_relax();
        if (turn % STALL_LOOKS != 0 || !ipi_stalled)
            continue;
        uint64_t now = read_tsc();
        if (since == 0)
            since = now;
        if (now - since > ipi_stall_ticks)
            complain(requests, count, now - since);
    }
}

// To some of the CPUs, from number `first`; returns the number to go on with.
static inline uint32_t post_some(const struct cpu_mask *cpus, struct ipi_call *call, uint32_t first,
                                 struct ipi_request requests[REQUESTS_AT_ONCE], uint32_t *posted)
{
    uint32_t count = 0;
    uint32_t number = first;

    interrupts_off(); // an interrupt handler that sends must not come between two register writes
    for (; number < cpu_count() && count < REQUESTS_AT_ONCE; number++) {
        struct percpu *cpu = cpu_by_number(number);
        if (!cpu_mask_has(cpus, number))
            continue;
        if (cpu == this_cpu()) {
            call->function(call->argument);
            continue;
        }
        atomic_fetch_add_explicit(&call->unanswered, 1, memory_order_relaxed);
        requests[count].call = call;
        requests[count].cpu = cpu;
        atomic_init(&requests[count].answered, false);
        post(cpu, &requests[count++]);
    }
    interrupts_restore();
    *posted = count;
    return number;
}

static uint32_t call_some(const struct cpu_mask *cpus, struct ipi_call *call, uint32_t first)
{
    struct ipi_request requests[REQUESTS_AT_ONCE];
    uint32_t count;

    uint32_t number = post_some(cpus, call, first, requests, &count);
    wait_for_answers(call, requests, count);
    return number;
}

void ipi_call(const struct cpu_mask *cpus, void (*function)(void *argument), void *argument)
{
    struct ipi_call call = { .function = function, .argument = argument };

    spinlock_assert_held_count(0);
    kassert(interrupts_are_on() || cpu_count() == 1);
    for (uint32_t number = 0; number < cpu_count();)
        number = call_some(cpus, &call, number);
}

// What nobody waits for cannot lie on a stack. Its place is taken again so much later that it has
// been answered long ago; should it not be, the next one waits.
#define POSTED 64u
struct posted_call {
    struct ipi_call call;
    struct ipi_request requests[REQUESTS_AT_ONCE];
    uint64_t argument[IPI_POST_SIZE / sizeof(uint64_t)];
    uint32_t count;
};

static struct posted_call *take_place(void)
{
    static struct posted_call places[POSTED];
    static atomic_uint next;
    struct posted_call *place = &places[atomic_fetch_add(&next, 1) % POSTED];

    wait_for_answers(&place->call, place->requests, place->count);
    return place;
}

void ipi_post(const struct cpu_mask *cpus, void (*function)(void *argument), const void *argument,
              size_t size)
{
    kassert(size <= IPI_POST_SIZE);
    for (uint32_t number = 0; number < cpu_count();) {
        struct posted_call *place = take_place();
        __builtin_memcpy(place->argument, argument, size);
        place->call.function = function;
        place->call.argument = place->argument;
        number = post_some(cpus, &place->call, number, place->requests, &place->count);
    }
}

void ipi_call_all(void (*function)(void *argument), void *argument)
{
    struct cpu_mask all;

    __builtin_memset(&all, 0xff, sizeof(all));
    ipi_call(&all, function, argument);
}
