// Rights that are taken away must be gone on every CPU when the call returns: threads write to
// pages all the time while another takes their rights, replaces them, and looks whether anything
// changes that may not. A CPU that still has the old translation is seen at once, or by whoever
// gets the page next.
#include "stress.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define PAGES 4
#define WRITERS 3

static uint8_t *area;
static atomic_bool is_over, fault_is_wrong;

// The instruction is repeated until it may be carried out.
static void wait_for_rights(int signal, siginfo_t *info, void *context)
{
    uint8_t *address = info->si_addr;
    if (address < area || address >= area + PAGES * PAGE)
        atomic_store(&fault_is_wrong, true);
    if (atomic_load(&fault_is_wrong))
        _exit(1);
    sched_yield();
}

// Each writer has a word of its own in every page.
static void *write_on(void *argument)
{
    size_t number = (size_t)argument;
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        volatile uint64_t *word = (uint64_t *)(area + i % PAGES * PAGE) + number;
        *word = *word + 1;
    }
    return NULL;
}

static int watch_page(struct slot *slot, const uint8_t *page)
{
    uint64_t words[WRITERS], again[WRITERS];
    memcpy(words, page, sizeof(words));
    for (unsigned i = random_below(slot, 200); i > 0; i--) {
        memcpy(again, page, sizeof(again));
        CHECK(memcmp(words, again, sizeof(words)) == 0);
        if (i % 50 == 0)
            sleep_ns(random_below(slot, 300000)); // an emulator may run one CPU at a time
    }
    return 0;
}

static int revoke_once(struct slot *slot, uint8_t *page)
{
    static const uint64_t zeros[WRITERS];
    if (random_below(slot, 2) == 0) {
        CHECK(mprotect(page, PAGE, PROT_READ) == 0);
    } else { // the frame goes away under the writers' hands
        CHECK(mmap(page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
        CHECK(memcmp(page, zeros, sizeof(zeros)) == 0);
    }
    if (watch_page(slot, page) != 0)
        return 1;
    CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
    return 0;
}

int run_revoke(struct slot *slot)
{
    struct sigaction action = { .sa_sigaction = wait_for_rights,
                                .sa_flags = SA_SIGINFO | SA_NODEFER };
    pthread_t writers[WRITERS];
    if (!threads_work())
        return 0;
    area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED && sigaction(SIGSEGV, &action, NULL) == 0);
    for (size_t i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&writers[i], NULL, write_on, (void *)i) == 0);
    while (goes_on(slot)) {
        if (revoke_once(slot, area + random_below(slot, PAGES) * PAGE) != 0)
            return 1;
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < WRITERS; i++)
        CHECK(pthread_join(writers[i], NULL) == 0);
    CHECK(!atomic_load(&fault_is_wrong));
    return 0;
}
