// Futexes. Waiters stand in buckets by the hash of their word's key, each with a lock of its own.
// Called by the system calls and by the ends of threads.
// No wake-up is lost: the waiter reads the word under its bucket's lock and is in the bucket, and
// BLOCKED, before the lock is let go. Who changes the word and then wakes either changed it before
// that reading, which then sees it, or takes the lock after, and finds the waiter.

#include "proc/futex.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "sched/scheduler.h"
#include "sched/wait.h"
#include "vm/futex_key.h"
#include "vm/user_atomic.h"
#include "vm/user_copy.h"

#define BUCKET_COUNT 128u
#define WAKE_PIECE 64u // so many are woken, or moved, with interrupts off

_Static_assert(LOCK_RANK_FUTEX + BUCKET_COUNT - 1 <= LOCK_RANK_FUTEX_LAST, "a rank for each");

struct futex_bucket {
    struct spinlock lock;
    struct list_node waiters;
    uint64_t next_ticket;
} __attribute__((aligned(64)));

// On the waiter's stack. Fields change under the lock of the bucket it stands in, but `bucket`
// becoming NULL is also the waker's last access: from then on the stack is the waiter's again.
struct futex_waiter {
    struct list_node link;
    struct thread *thread;
    _Atomic(struct futex_bucket *) bucket; // NULL: woken, or never in one
    struct futex_key key;
    uint32_t bits;
    uint64_t ticket; // grows along a bucket
};

static struct futex_bucket buckets[BUCKET_COUNT];

void futex_init(void)
{
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        spinlock_init(&buckets[i].lock, "futex", LOCK_RANK_FUTEX + i);
        list_init(&buckets[i].waiters);
    }
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
    return &buckets[futex_key_hash(key) % BUCKET_COUNT];
}

int futex_take_key(struct futex_key *key, user_addr word, bool shared)
{
    if (user_addr_as_number(word) % sizeof(uint32_t) != 0)
        return -EINVAL;
    if (!user_range_is_valid(word, sizeof(uint32_t)))
        return -EFAULT;
    return address_space_futex_key(current_address_space(), word, shared, key);
}

static void enter_bucket(struct futex_waiter *waiter, struct futex_bucket *bucket)
{
    waiter->ticket = bucket->next_ticket++;
    list_append(&bucket->waiters, &waiter->link);
    atomic_store_explicit(&waiter->bucket, bucket, memory_order_relaxed);
}

static void leave_bucket(struct futex_waiter *waiter)
{
    list_remove(&waiter->link);
    atomic_store_explicit(&waiter->bucket, NULL, memory_order_release);
}

// The word's page may be away: then it is brought in with no lock held, and everything looked at
// anew. 0: in the bucket and BLOCKED.
static int begin_wait(struct futex_waiter *waiter, user_addr word, uint32_t expected)
{
    struct futex_bucket *bucket = bucket_of(&waiter->key);
    for (;;) {
        uint32_t value;
        spinlock_acquire(&bucket->lock);
        bool is_readable = user_load32_no_fault(&value, word) == 0;
        bool waits = is_readable && value == expected;
        if (waits) {
            enter_bucket(waiter, bucket);
            wait_prepare_alone(WAIT_INTERRUPTIBLE);
        }
        spinlock_release(&bucket->lock);
        if (waits)
            return 0;
        if (is_readable)
            return -EAGAIN;
        if (user_load32(&value, word) != 0)
            return -EFAULT;
        if (thread_has_work(waiter->thread))
            return -ERESTARTSYS;
    }
}

// The bucket it stands in, locked; NULL: it was woken. A requeue may move it meanwhile.
static struct futex_bucket *lock_bucket(const struct futex_waiter *waiter)
{
    for (;;) {
        struct futex_bucket *bucket = atomic_load_explicit(&waiter->bucket, memory_order_acquire);
        if (!bucket)
            return NULL;
        spinlock_acquire(&bucket->lock);
        if (atomic_load_explicit(&waiter->bucket, memory_order_relaxed) == bucket)
            return bucket;
        spinlock_release(&bucket->lock);
    }
}

// Who was woken was, whatever else ended its sleep at the same time.
static int sleep_in_bucket(struct futex_waiter *waiter, uint64_t deadline_ns)
{
    for (;;) {
        int result = wait_block(deadline_ns);
        struct futex_bucket *bucket = lock_bucket(waiter);
        if (!bucket)
            return 0;
        if (result != 0)
            leave_bucket(waiter);
        else
            wait_prepare_alone(WAIT_INTERRUPTIBLE); // woken, but not by a futex call
        spinlock_release(&bucket->lock);
        if (result != 0)
            return result;
    }
}

int futex_wait(user_addr word, uint32_t expected, uint32_t bits, uint64_t deadline_ns, bool shared)
{
    struct futex_waiter waiter = { .thread = current_thread(), .bits = bits };
    if (bits == 0)
        return -EINVAL;
    int result = futex_take_key(&waiter.key, word, shared);
    if (result)
        return result;
    result = begin_wait(&waiter, word, expected);
    if (result == 0) {
        result = sleep_in_bucket(&waiter, deadline_ns);
        wait_finish_alone();
    }
    futex_key_release(&waiter.key);
    return result;
}

// Woken first: until it is out of the bucket the thread cannot leave futex_wait().
static void wake_waiter(struct futex_waiter *waiter)
{
    (void)thread_wake(waiter->thread);
    leave_bucket(waiter);
}

// Up to `count` of those that were there before `end`.
static uint32_t wake_piece(struct futex_bucket *bucket, const struct futex_key *key, uint32_t count,
                           uint32_t bits, uint64_t end)
{
    uint32_t woken = 0;
    list_for_each_safe (node, spare, &bucket->waiters) {
        struct futex_waiter *waiter = list_entry(node, struct futex_waiter, link);
        if (waiter->ticket >= end)
            break;
        if (!(waiter->bits & bits) || !futex_key_equal(&waiter->key, key))
            continue;
        wake_waiter(waiter);
        if (++woken >= count)
            break;
    }
    return woken;
}

uint32_t futex_wake_key(const struct futex_key *key, uint32_t count, uint32_t bits)
{
    struct futex_bucket *bucket = bucket_of(key);
    uint32_t woken = 0, piece, wanted;
    if ((int32_t)count < 1)
        count = 1;
    spinlock_acquire(&bucket->lock);
    uint64_t end = bucket->next_ticket;
    for (;;) {
        wanted = min_of(count - woken, WAKE_PIECE);
        piece = wake_piece(bucket, key, wanted, bits, end);
        woken += piece;
        spinlock_release(&bucket->lock);
        if (piece < WAKE_PIECE || woken >= count)
            return woken;
        preempt_point();
        spinlock_acquire(&bucket->lock);
    }
}

int64_t futex_wake(user_addr word, uint32_t count, uint32_t bits, bool shared)
{
    struct futex_key key;
    if (bits == 0)
        return -EINVAL;
    int error = futex_take_key(&key, word, shared);
    if (error)
        return error;
    uint32_t woken = futex_wake_key(&key, count, bits);
    futex_key_release(&key);
    return woken;
}

// Buckets lie in the order of their ranks.
static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    spinlock_acquire(&min_of(a, b)->lock);
    if (a != b)
        spinlock_acquire(&max_of(a, b)->lock);
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    if (a != b)
        spinlock_release(&max_of(a, b)->lock);
    spinlock_release(&min_of(a, b)->lock);
}

struct requeue {
    struct futex_key from_key, to_key;
    struct futex_bucket *from, *to;
    uint32_t wake_count, move_count; // at most
    uint32_t woken, moved;
    uint64_t next, end; // tickets: who comes next, who came too late
};

// Each waiter has a reference of its key's object; those of the old one go back later.
static void move_waiter(const struct requeue *requeue, struct futex_waiter *waiter)
{
    if (requeue->from != requeue->to) {
        list_remove(&waiter->link);
        enter_bucket(waiter, requeue->to);
    }
    waiter->key = requeue->to_key;
    futex_key_reference(&waiter->key);
}

// Both locks held. True: there may be more. Who moves within a bucket stays in front.
static bool requeue_piece(struct requeue *requeue)
{
    uint32_t left = WAKE_PIECE;
    list_for_each_safe (node, spare, &requeue->from->waiters) {
        struct futex_waiter *waiter = list_entry(node, struct futex_waiter, link);
        if (waiter->ticket >= requeue->end)
            break;
        if (waiter->ticket < requeue->next || !futex_key_equal(&waiter->key, &requeue->from_key))
            continue;
        if (left-- == 0)
            return true;
        requeue->next = waiter->ticket + 1;
        if (requeue->woken < requeue->wake_count) {
            wake_waiter(waiter);
            requeue->woken++;
        } else if (requeue->moved < requeue->move_count) {
            move_waiter(requeue, waiter);
            requeue->moved++;
        } else {
            break;
        }
    }
    return false;
}

static void requeue_rest(struct requeue *requeue)
{
    bool is_more;
    do {
        preempt_point();
        lock_two(requeue->from, requeue->to);
        is_more = requeue_piece(requeue);
        unlock_two(requeue->from, requeue->to);
    } while (is_more);
}

// Again and again until the word can be read under the locks.
static int requeue_if(struct requeue *requeue, user_addr word, const uint32_t *expected)
{
    for (;;) {
        uint32_t value = 0;
        lock_two(requeue->from, requeue->to);
        bool is_readable = !expected || user_load32_no_fault(&value, word) == 0;
        bool is_meant = is_readable && (!expected || value == *expected);
        requeue->end = requeue->from->next_ticket;
        bool is_more = is_meant && requeue_piece(requeue);
        unlock_two(requeue->from, requeue->to);
        if (is_more)
            requeue_rest(requeue);
        if (is_readable)
            return is_meant ? 0 : -EAGAIN;
        if (user_load32(&value, word) != 0)
            return -EFAULT;
        if (thread_has_work(current_thread()))
            return -ERESTARTNOINTR;
    }
}

int64_t futex_requeue(user_addr from, user_addr to, uint32_t wake_count, uint32_t move_count,
                      const uint32_t *expected, bool shared)
{
    struct requeue requeue = { .wake_count = wake_count, .move_count = move_count };
    int error = futex_take_key(&requeue.from_key, from, shared);
    if (error)
        return error;
    error = futex_take_key(&requeue.to_key, to, shared);
    if (!error) {
        requeue.from = bucket_of(&requeue.from_key);
        requeue.to = bucket_of(&requeue.to_key);
        error = requeue_if(&requeue, from, expected);
        for (uint32_t i = 0; i < requeue.moved; i++)
            futex_key_release(&requeue.from_key);
        futex_key_release(&requeue.to_key);
    }
    futex_key_release(&requeue.from_key);
    return error ? error : (int64_t)requeue.woken + requeue.moved;
}
