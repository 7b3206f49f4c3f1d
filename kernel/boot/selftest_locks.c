// selftest=locks: every rule of spinlocks and mutexes broken once, in one boot. Debug builds panic
// at each, which comes back here (debug/panic_catch.h): a line says what the panic said, or that
// there was none.
#include "abi/errno.h"
#include "boot/selftest.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/spinlock.h"
#include "debug/log.h"
#include "debug/panic_catch.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "sched/mutex.h"
#include "sched/scheduler.h"
#include "sched/shared_mutex.h"
#include "vm/user_copy.h"

#define MESSAGE_SIZE 160u
#define USER_ADDRESS 0x10000000ull

static struct spinlock outer, inner;
static struct mutex low, high;
static struct shared_mutex shared;

static void make_locks(void)
{
    spinlock_init(&outer, "test outer", LOCK_RANK_FS);
    spinlock_init(&inner, "test inner", LOCK_RANK_DRIVER);
    mutex_init(&low, "test low", MUTEX_RANK_NAMESPACE);
    mutex_init(&high, "test high", MUTEX_RANK_PIPE);
    shared_mutex_init(&shared, "test shared", MUTEX_RANK_INODE_WRITE);
}

static void break_spinlock_order(void)
{
    spinlock_acquire(&inner);
    spinlock_acquire(&outer);
}

static void take_spinlock_twice(void)
{
    spinlock_acquire(&inner);
    spinlock_acquire(&inner);
}

static void release_foreign_spinlock(void)
{
    spinlock_release(&inner);
}

static void turn_interrupts_on_under_spinlock(void)
{
    spinlock_acquire(&inner);
    interrupts_enable_now();
    spinlock_release(&inner);
}

// As if one of the hardware's came through: by an instruction, so that no controller waits for an
// answer that it does not get.
static void be_interrupted_under_spinlock(void)
{
    spinlock_acquire(&inner);
    __asm__ volatile("int %0" : : "i"(VECTOR_RESCHEDULE) : "memory");
}

static void restore_interrupts_once_too_often(void)
{
    interrupts_restore();
}

static void switch_under_spinlock(void)
{
    spinlock_acquire(&outer);
    schedule(SWITCH_YIELDED);
}

static void switch_without_interrupts(void)
{
    interrupts_off();
    schedule(SWITCH_YIELDED);
}

static void wait_under_spinlock(void)
{
    spinlock_acquire(&outer);
    (void)!wait_block(WAIT_FOREVER);
}

static void pass_preemption_point_under_spinlock(void)
{
    spinlock_acquire(&outer);
    preempt_point();
}

static void do_nothing(void *argument)
{
}

static void call_cpus_under_spinlock(void)
{
    spinlock_acquire(&outer);
    ipi_call_all(do_nothing, NULL);
}

static void copy_under_spinlock(void)
{
    uint32_t word;

    spinlock_acquire(&outer);
    (void)!get_user(word, user_addr_make(USER_ADDRESS));
}

static void copy_without_interrupts(void)
{
    uint32_t word;

    interrupts_off();
    (void)!get_user(word, user_addr_make(USER_ADDRESS));
}

static void take_mutex_under_spinlock(void)
{
    spinlock_acquire(&outer);
    mutex_acquire(&low);
}

static void take_mutex_without_interrupts(void)
{
    interrupts_off();
    mutex_acquire(&low);
}

static void break_mutex_order(void)
{
    mutex_acquire(&high);
    mutex_acquire(&low);
}

static void break_shared_mutex_order(void)
{
    mutex_acquire(&high);
    shared_mutex_acquire_shared(&shared);
}

static void take_mutex_twice(void)
{
    mutex_acquire(&low);
    mutex_acquire(&low);
}

static void release_foreign_mutex(void)
{
    mutex_release(&low);
}

static void release_mutex_of_same_rank(void)
{
    static struct mutex other;

    mutex_init(&other, "test other", MUTEX_RANK_NAMESPACE);
    mutex_acquire(&low);
    mutex_release(&other);
}

static void end_with_mutex(void)
{
    mutex_acquire(&low);
    thread_exit();
}

static void provoke(const char *name, void (*act)(void))
{
    char message[MESSAGE_SIZE];
    struct thread *thread = current_thread();

    make_locks();
    bool panicked = panic_provoke(act, message, sizeof(message));
    thread->held_mutex_ranks = 0;
    atomic_store(&thread->state, THREAD_RUNNING);
    if (panicked)
        log_notice("selftest", "%s: caught: %s", name, message);
    else
        log_error("selftest", "%s: not caught", name);
}

void selftest_locks(void)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } acts[] = {
        { "spinlock order", break_spinlock_order },
        { "spinlock twice", take_spinlock_twice },
        { "spinlock foreign", release_foreign_spinlock },
        { "spinlock interrupts on", turn_interrupts_on_under_spinlock },
        { "interrupt under spinlock", be_interrupted_under_spinlock },
        { "interrupts restored", restore_interrupts_once_too_often },
        { "switch under spinlock", switch_under_spinlock },
        { "switch without interrupts", switch_without_interrupts },
        { "wait under spinlock", wait_under_spinlock },
        { "preemption under spinlock", pass_preemption_point_under_spinlock },
        { "call under spinlock", call_cpus_under_spinlock },
        { "copy under spinlock", copy_under_spinlock },
        { "copy without interrupts", copy_without_interrupts },
        { "mutex under spinlock", take_mutex_under_spinlock },
        { "mutex without interrupts", take_mutex_without_interrupts },
        { "mutex order", break_mutex_order },
        { "shared mutex order", break_shared_mutex_order },
        { "mutex twice", take_mutex_twice },
        { "mutex foreign", release_foreign_mutex },
        { "mutex of same rank", release_mutex_of_same_rank },
        { "end with mutex", end_with_mutex },
    };

    for (size_t i = 0; DEBUG_CHECKS && i < ARRAY_SIZE(acts); i++)
        provoke(acts[i].name, acts[i].act);
}
