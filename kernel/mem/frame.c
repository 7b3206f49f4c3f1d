// Hands out frames and takes them back. Single ones come from and go to magazines of the CPU, one
// for each kind, which no other CPU touches: no lock; `frames_busy` tells interrupts to go past
// them. Whole chains go to and from frame_buddy.c. What lies at other CPUs is asked for by IPI when
// nothing else is left. Contents (zeroing, poison) are written while nobody else has the frame.
#include "mem/frame.h"

#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "debug/fail.h"
#include "debug/symbols.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame_internal.h"

#define FRAME_POISON 0x5a // visible in a dump, and not canonical as a pointer

phys_addr frame_address(const struct frame *frame)
{
    return phys_make(frame_number(frame) << PAGE_SHIFT);
}

void *frame_pointer(const struct frame *frame)
{
    return direct_map_pointer(frame_address(frame));
}

struct frame *frame_at(phys_addr address)
{
    uint64_t number = address.value >> PAGE_SHIFT;

    if (number >= frame_allocator.frame_limit)
        return NULL;
    struct frame *frame = &frame_allocator.descriptors[number];
    return frame->use == FRAME_RESERVED ? NULL : frame;
}

struct frame *frame_of_pointer(const void *pointer)
{
    uint64_t number = ((uint64_t)pointer - DIRECT_MAP_BASE) >> PAGE_SHIFT;

    kassert(number < frame_allocator.frame_limit);
    return &frame_allocator.descriptors[number];
}

// Only an interrupt can find it busy, and it ends before who made it so goes on.
static inline bool enter_magazines(struct percpu *cpu)
{
    if (unlikely(atomic_load_explicit(&cpu->frames_busy, memory_order_relaxed)))
        return false;
    atomic_store_explicit(&cpu->frames_busy, true, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return true;
}

static inline void leave_magazines(struct percpu *cpu)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&cpu->frames_busy, false, memory_order_relaxed);
}

// For when the first chain is empty.
never_inlined static struct frame *refill_and_pop(struct frame_magazine *magazine, uint32_t kind)
{
    if (magazine->spare.count > 0) {
        magazine->loaded = magazine->spare;
        magazine->spare = (struct frame_chain){ 0 };
    } else if (kind == KIND_DIRTY ||
               __atomic_load_n(&frame_allocator.depots[kind].chain_count, __ATOMIC_RELAXED) > 0) {
        magazine->loaded = frames_take_chain(kind);
    }
    return chain_pop(&magazine->loaded);
}

// For when the first chain is full.
never_inlined static void make_room(struct frame_magazine *magazine, uint32_t kind)
{
    frames_put_chain(kind, magazine->spare, false);
    magazine->spare = magazine->loaded;
    magazine->loaded = (struct frame_chain){ 0 };
}

// A frame that lies ready here; NULL when there is none, or when it is busy.
static inline struct frame *take_ready(struct percpu *cpu, uint32_t kind)
{
    struct frame_magazine *magazine = &cpu->frame_magazines[kind];

    if (!enter_magazines(cpu))
        return NULL;
    struct frame *frame = chain_pop(&magazine->loaded);
    if (unlikely(frame == NULL))
        frame = refill_and_pop(magazine, kind);
    leave_magazines(cpu);
    return frame;
}

// Interrupts are off.
static void hand_back(void *busy)
{
    struct percpu *cpu = this_cpu();

    if (!enter_magazines(cpu)) {
        atomic_store((atomic_bool *)busy, true);
        return;
    }
    for (uint32_t kind = 0; kind < FRAME_KINDS; kind++) {
        frames_put_chain(kind, cpu->frame_magazines[kind].loaded, true);
        frames_put_chain(kind, cpu->frame_magazines[kind].spare, true);
        cpu->frame_magazines[kind] = (struct frame_magazine){ 0 };
    }
    leave_magazines(cpu);
}

// What lies at CPUs goes to the depots. With interrupts off nobody else can be asked: those who
// allocate in an interrupt or under a spinlock take no for an answer earlier than others.
static void reclaim_from_cpus(void)
{
    atomic_bool busy;

    if (!interrupts_are_on()) {
        hand_back(&busy);
        return;
    }
    do {
        atomic_store(&busy, false);
        ipi_call_all(hand_back, &busy);
    } while (atomic_load(&busy));
}

never_inlined static struct frame *find_single(void)
{
    struct frame *frame = frames_take_single();

    if (frame != NULL || frame_allocator.descriptors == NULL)
        return frame;
    reclaim_from_cpus();
    return frames_take_single();
}

never_inlined static struct frame *find_block(uint32_t order)
{
    struct frame *frame = frames_take_block(order);

    if (frame != NULL || frame_allocator.descriptors == NULL)
        return frame;
    reclaim_from_cpus();
    frames_merge_depots();
    return frames_take_block(order);
}

// One instruction, so that an interrupt that counts as well comes before or after it.
static inline void count_used(struct percpu *cpu, uint32_t use, int64_t count)
{
    __asm__("addq %1, %0" : "+m"(cpu->frames_used[use]) : "er"(count) : "cc");
}

// Debug builds: a free frame that is poisoned is marked. SAN=1: its first word: who gave it back.
#define POISON_WORD 0x5a5a5a5a5a5a5a5aull

static void mark_poisoned(struct frame *frame, uint64_t place)
{
    for (uint32_t i = 0; i < 1u << frame->order; i++) {
        frame[i].slab = FRAME_POISONED;
        if (SANITIZER)
            *(uint64_t *)frame_pointer(&frame[i]) = place;
    }
}

never_inlined static void check_poison(const struct frame *frame)
{
    const uint64_t *words = frame_pointer(frame);
    char place[96];

    for (uint32_t i = 1; i < PAGE_SIZE / sizeof(*words); i++) {
        if (words[i] == POISON_WORD)
            continue;
        symbols_format_return(place, sizeof(place), words[0]);
        panic("frame 0x%llx was written after its release: 0x%llx at offset %u; given back by %s",
              (unsigned long long)frame_number(frame), (unsigned long long)words[i], i * 8, place);
    }
}

// One that nobody gave back since the boot, or that came back blank, is not poisoned yet: a fresh
// machine's zeroes would hide who forgets to write. Who takes more than a chain's worth clears it
// anyway, and to fill it twice is a long stretch.
never_inlined static void spoil(struct frame *frame, uint32_t order)
{
    for (uint32_t i = 0; i < 1u << order; i++) {
        if (frame[i].slab != FRAME_POISONED && order <= CHAIN_ORDER)
            memset(frame_pointer(&frame[i]), FRAME_POISON, PAGE_SIZE);
        else if (SANITIZER && frame[i].slab == FRAME_POISONED)
            check_poison(&frame[i]);
        frame[i].slab = 0;
    }
}

static inline void hand_out(struct percpu *cpu, struct frame *frame, uint32_t order,
                            enum frame_use use)
{
    // A free block that someone still refers to would be handed to two owners.
    kassert(atomic_load_explicit(&frame->references, memory_order_relaxed) == 0);
    __atomic_store_n(&frame->use, (uint8_t)use, __ATOMIC_RELAXED);
    count_used(cpu, use, 1ll << order);
    atomic_store_explicit(&frame->references, 1, memory_order_relaxed);
}

static bool is_to_fail(enum frame_use use)
{
    return fail_here(use == FRAME_PAGE_TABLE ? FAIL_TABLE
                     : use == FRAME_STACK    ? FAIL_STACK
                                             : FAIL_FRAME);
}

struct frame *frame_allocate(enum frame_use use)
{
    struct percpu *cpu = this_cpu();

    if (is_to_fail(use))
        return NULL;
    kassert(use > FRAME_RESERVED && use < FRAME_USE_COUNT);
    struct frame *frame = take_ready(cpu, KIND_DIRTY);
    if (unlikely(frame == NULL))
        frame = find_single();
    if (DEBUG_CHECKS && frame != NULL)
        spoil(frame, 0);
    if (frame != NULL)
        hand_out(cpu, frame, 0, use);
    return frame;
}

struct frame *frames_allocate(uint32_t order, enum frame_use use)
{
    kassert(order < FRAME_ORDER_LIMIT && use > FRAME_RESERVED && use < FRAME_USE_COUNT);
    if (order == 0)
        return frame_allocate(use);
    if (is_to_fail(use))
        return NULL;
    struct frame *frame = find_block(order);
    if (DEBUG_CHECKS && frame != NULL)
        spoil(frame, order);
    if (frame != NULL)
        hand_out(this_cpu(), frame, order, use);
    return frame;
}

struct frame *frame_allocate_zeroed(enum frame_use use)
{
    struct frame *frame = frame_allocate(use);

    // What an earlier owner left there must not be seen by the next one.
    if (PROTECT_ZERO && frame != NULL)
        memset(frame_pointer(frame), 0, PAGE_SIZE);
    return frame;
}

static bool frame_is_blank(const struct frame *frame)
{
    const uint64_t *words = frame_pointer(frame);
    uint64_t bits = 0;

    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        bits |= words[i];
    return bits == 0;
}

struct frame *frame_allocate_blank(enum frame_use use)
{
    struct percpu *cpu = this_cpu();

    if (is_to_fail(use))
        return NULL;
    struct frame *frame = take_ready(cpu, KIND_BLANK);
    if (likely(frame != NULL)) {
        hand_out(cpu, frame, 0, use);
        kassert(!DEBUG_CHECKS || frame_is_blank(frame));
        return frame;
    }
    frame = frame_allocate(use);
    if (frame != NULL)
        memset(frame_pointer(frame), 0, PAGE_SIZE);
    return frame;
}

never_inlined noreturn_function static void refuse(const struct frame *frame, const char *why)
{
    panic("frame 0x%llx %s (use %u)", (unsigned long long)frame_number(frame), why, frame->use);
}

// Drops a reference. True: it was the last one, and the block is the caller's to free. Who has the
// only one has nobody to race with: further ones are made of one that the maker has. Release: this
// owner's writes come before the reuse; acquire: so do those of all others.
inlined_always bool drop_reference(struct frame *frame)
{
    if (atomic_load_explicit(&frame->references, memory_order_acquire) == 1) {
        atomic_store_explicit(&frame->references, 0, memory_order_relaxed);
    } else {
        uint32_t before = atomic_fetch_sub_explicit(&frame->references, 1, memory_order_acq_rel);
        if (unlikely(before == 0))
            refuse(frame, "released without a reference");
        if (before != 1)
            return false;
    }
    if (unlikely(frame->use <= FRAME_RESERVED || frame->use >= FRAME_USE_COUNT))
        refuse(frame, "is not the allocator's to free");
    return true;
}

inlined_always void free_block(struct frame *frame, uint32_t kind)
{
    struct percpu *cpu = this_cpu();
    struct frame_magazine *magazine = &cpu->frame_magazines[kind];
    uint32_t order = frame->order;

    count_used(cpu, frame->use, -(1ll << order));
    if (unlikely(order > 0 || !enter_magazines(cpu))) {
        frames_put_block(frame, order);
        return;
    }
    if (unlikely(magazine->loaded.count >=
                 __atomic_load_n(&frame_allocator.chain_limit, __ATOMIC_RELAXED)))
        make_room(magazine, kind);
    __atomic_store_n(&frame->use, (uint8_t)FRAME_CHAINED, __ATOMIC_RELAXED);
    chain_push(&magazine->loaded, frame);
    leave_magazines(cpu);
}

inlined_always void release_frame(struct frame *frame)
{
    if (!drop_reference(frame))
        return;
    if (DEBUG_CHECKS) {
        memset(frame_pointer(frame), FRAME_POISON, PAGE_SIZE << frame->order);
        mark_poisoned(frame, (uint64_t)__builtin_return_address(0));
    }
    free_block(frame, KIND_DIRTY);
}

void frame_release(struct frame *frame)
{
    release_frame(frame);
}

void frames_release(struct frame *const frames[], uint32_t count)
{
    kassert(count <= FRAME_BATCH_LIMIT);
    for (uint32_t i = 0; i < count; i++)
        release_frame(frames[i]);
}

void frame_release_blank(struct frame *frame)
{
    bool last = drop_reference(frame);

    kassert(last && frame->order == 0);
    kassert(!DEBUG_CHECKS || frame_is_blank(frame));
    free_block(frame, KIND_BLANK);
}

static uint64_t sum_used(uint32_t use)
{
    struct percpu *cpu;
    int64_t sum = 0;

    for_each_cpu(cpu) sum += __atomic_load_n(&cpu->frames_used[use], __ATOMIC_RELAXED);
    return (uint64_t)max_of(sum, 0ll); // taken there, given back here, and not looked at at once
}

uint64_t frames_in_use(void)
{
    uint64_t sum = 0;

    for (uint32_t use = FRAME_RESERVED + 1; use < FRAME_USE_COUNT; use++)
        sum += sum_used(use);
    return sum;
}

void frames_count(struct frame_counts *counts)
{
    uint64_t used = 0;

    for (uint32_t use = 0; use < FRAME_USE_COUNT; use++)
        used += counts->used[use] = sum_used(use);
    counts->total = frame_allocator.total;
    counts->free = counts->total - min_of(used, counts->total);
    counts->descriptors =
        align_up(frame_allocator.frame_limit * sizeof(struct frame), PAGE_SIZE) >> PAGE_SHIFT;
}
