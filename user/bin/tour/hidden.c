// Scene 9: three ways in which one process could see another's memory, and does not.
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instructions.h"
#include "refused.h"

#define PAGE 4096ul
#define FRESH_PAGES 64
#define SECRET_PLACE 0x30000000ul
#define SECRET 0x5ec2e75ec2e75ec2u
#define ALARM_SECONDS 10
#define LOOK_PAUSE_NS 5000000u

static volatile uint64_t word = 1; // inherited by every child, at the same address

static unsigned char *map_pages(void *address, size_t count)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (address ? MAP_FIXED : 0);
    void *memory = mmap(address, count * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int change_word(void *unused)
{
    word = SECRET;
    shared->results[0] = (int64_t)word;
    return 0;
}

static void same_address(void)
{
    shared_clear();
    word = 1;
    int status = child_run(change_word, NULL);
    note("one address, 0x%llx: A finds 0x%llx there, the tour 0x%llx",
         (unsigned long long)(uint64_t)&word, (unsigned long long)shared->results[0],
         (unsigned long long)word);
    expect(status == 0 && shared->results[0] == (int64_t)SECRET && word == 1,
           "what A writes into inherited memory is A's alone");
}

static int leave_secrets(void *unused)
{
    unsigned char *memory = map_pages(NULL, FRESH_PAGES);
    if (memory == NULL)
        return 1;
    for (size_t i = 0; i < FRESH_PAGES * PAGE; i += sizeof(uint64_t))
        *(volatile uint64_t *)(memory + i) = SECRET;
    return 0;
}

// The first word of each page, as the kernel gave it, for the parent to see.
static int find_secrets(void *unused)
{
    unsigned char *memory = map_pages(NULL, FRESH_PAGES);
    if (memory == NULL)
        return 1;
    for (size_t i = 0; i < FRESH_PAGES; i++) {
        memory[i * PAGE + PAGE - 1] = 0; // makes it be there
        memcpy((void *)&shared->words[i], memory + i * PAGE, sizeof(uint64_t));
    }
    return 0;
}

static void fresh_memory(void)
{
    size_t strange = 0;
    shared_clear();
    memset((void *)shared->words, 0xff, sizeof(shared->words));
    int left = child_run(leave_secrets, NULL);
    int found = child_run(find_secrets, NULL);
    for (size_t i = 0; i < FRESH_PAGES; i++)
        strange += shared->words[i] != 0;
    expect(left == 0 && found == 0 && strange == 0,
           "of A's %d pages full of secrets, B finds %zu in its fresh memory", FRESH_PAGES,
           strange);
}

static int keep_secret(void *unused)
{
    alarm(ALARM_SECONDS);
    unsigned char *memory = map_pages((void *)SECRET_PLACE, 1);
    if (memory == NULL)
        return 1;
    *(volatile uint64_t *)memory = SECRET;
    atomic_store(&shared->ready, 1);
    while (atomic_load(&shared->release) == 0)
        sleep_ns(LOOK_PAUSE_NS); // yields would fill the event ring
    return *(volatile uint64_t *)memory != SECRET;
}

static int act_read(void *address)
{
    return read_word(address);
}

static void other_space(void)
{
    static const struct forbidden look = { "the other reads there", act_read,
                                           (void *)SECRET_PLACE,    at_read_word,
                                           VECTOR_PAGE_FAULT,       SECRET_PLACE };
    shared_clear();
    pid_t keeper = child_start(keep_secret, NULL);
    while (atomic_load(&shared->ready) == 0 && waitpid(keeper, NULL, WNOHANG) == 0)
        sleep_ns(LOOK_PAUSE_NS); // yields would fill the event ring
    note("one process keeps a secret at 0x%lx, alive and well", SECRET_PLACE);
    refused_run(&look, true);
    atomic_store(&shared->release, 1);
    expect(child_wait(keeper) == 0, "the secret's keeper still had it, and exited");
}

void show_hidden(void)
{
    same_address();
    fresh_memory();
    other_space();
}
