// Lottery scheduling (OSTEP chapter 9): tickets are the weights of nice values; each slice is drawn
// among those who wait. A slice that was won is had to its end: who waited for the clock or a
// device, or made way, has the rest of it first. Costs a walk over the threads that wait, from the
// one with the most tickets, as in the book.
#include "sched/lottery.h"

#include "debug/random.h"
#include "lib/panic.h"

static void lottery_init(struct policy_queue *queue)
{
    list_init(&queue->lottery.threads);
    list_init(&queue->lottery.winners);
    queue->lottery.random = random_u64() | 1;
}

// Xorshift: cheap, never 0, and all that a lottery needs of chance. The upper half is the better.
static uint64_t draw_below(struct lottery_queue *lottery, uint64_t limit)
{
    uint64_t x = lottery->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    lottery->random = x;
    return (x >> 32) * limit >> 32; // limit < 2^32: below 50000 threads at nice -20
}

// Most tickets first. Mostly all have the same number, and the place is the last.
static void insert_by_tickets(struct lottery_queue *lottery, struct policy_entity *entity)
{
    struct list_node *place = &lottery->threads;

    while (place->previous != &lottery->threads &&
           list_entry(place->previous, struct policy_entity, link)->weight < entity->weight)
        place = place->previous;
    list_insert_before(place, &entity->link);
    lottery->tickets += entity->weight;
    entity->holds_tickets = true;
}

static void lottery_enqueue(struct policy_queue *queue, struct thread *thread,
                            enum runnable_reason reason)
{
    struct policy_entity *entity = &thread->policy;
    bool has_won = reason == RUNNABLE_WOKEN_BY_INTERRUPT || reason == RUNNABLE_PREEMPTED;

    if (has_won && entity->slice_left != 0) {
        list_append(&queue->lottery.winners, &entity->link);
        return;
    }
    entity->slice_left = 0;
    insert_by_tickets(&queue->lottery, entity);
    if (reason == RUNNABLE_YIELDED)
        queue->lottery.yielded = thread;
}

static void lottery_dequeue(struct policy_queue *queue, struct thread *thread)
{
    if (thread->policy.holds_tickets)
        queue->lottery.tickets -= thread->policy.weight;
    thread->policy.holds_tickets = false;
    if (queue->lottery.yielded == thread)
        queue->lottery.yielded = NULL;
    list_remove(&thread->policy.link);
}

struct thread *lottery_take(struct policy_queue *queue, uint64_t winning_ticket)
{
    list_for_each (link, &queue->lottery.threads) {
        struct thread *thread = list_entry(link, struct thread, policy.link);
        if (winning_ticket < thread->policy.weight) {
            lottery_dequeue(queue, thread);
            return thread;
        }
        winning_ticket -= thread->policy.weight;
    }
    panic("lottery: a ticket that nobody holds won");
}

// Who has just given its turn away is not in this drawing if there are others.
static struct thread *draw(struct policy_queue *queue)
{
    struct lottery_queue *lottery = &queue->lottery;
    struct thread *left_out = lottery->yielded;

    if (left_out) {
        lottery_dequeue(queue, left_out);
        if (list_is_empty(&lottery->threads))
            return left_out;
    }
    struct thread *next = lottery_take(queue, draw_below(lottery, lottery->tickets));
    if (left_out)
        insert_by_tickets(lottery, &left_out->policy);
    return next;
}

static struct thread *lottery_pick_next(struct policy_queue *queue)
{
    struct lottery_queue *lottery = &queue->lottery;
    struct thread *next;

    if (!list_is_empty(&lottery->winners)) {
        next = list_first(&lottery->winners, struct thread, policy.link);
        lottery_dequeue(queue, next);
    } else if (!list_is_empty(&lottery->threads)) {
        next = draw(queue);
        next->policy.slice_left = queue->slice_ticks;
    } else {
        return NULL;
    }
    lottery->yielded = NULL;
    return next;
}

static bool lottery_should_preempt(const struct policy_queue *queue, const struct thread *woken,
                                   enum runnable_reason reason)
{
    return reason == RUNNABLE_WOKEN_BY_INTERRUPT && woken->policy.slice_left != 0;
}

static struct thread *lottery_find_for(const struct policy_queue *queue, uint32_t cpu_number)
{
    struct thread *thread = policy_list_find_for(&queue->lottery.threads, cpu_number);

    return thread ? thread : policy_list_find_for(&queue->lottery.winners, cpu_number);
}

const struct policy policy_lottery = {
    .name = "lottery",
    .init = lottery_init,
    .enqueue = lottery_enqueue,
    .dequeue = lottery_dequeue,
    .pick_next = lottery_pick_next,
    .should_preempt = lottery_should_preempt,
    .find_for = lottery_find_for,
};
