// The bystander's own process and what it tells. Invariant: its patterns differ from those of any
// attempt.
#include "bystander.h"

#include "registers.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEED 0x2c
#define SPINS 200000u
#define REST_NS 20000000u
#define FIRST_ROUND_NS 20000000000u

struct bystander {
    pid_t pid;
    volatile uint64_t rounds, run_ns;
    volatile bool ended;  // something had changed
    struct record record; // its complaint
};

static uint64_t bystander_spins __attribute__((used));
CODE(stand_by, "", "774: decq bystander_spins(%rip); jnz 774b");

static uint64_t own_run_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int stand_by(struct bystander *bystander, enum bystander_kind kind)
{
    pid_t parent = getppid();
    record = &bystander->record;
    if (kind == BYSTANDER_ON_CPU_0)
        pin_to_cpu(0);
    registers_seed = SEED;
    registers_prepare();
    while (getppid() == parent) {
        bystander_spins = SPINS;
        registers_run(code_stand_by.start);
        if (registers_compare(FLAGS_CHANGE)) {
            bystander->ended = true;
            return 1;
        }
        bystander->run_ns = own_run_ns();
        bystander->rounds++;
        if (kind == BYSTANDER_AT_REST)
            sleep_ns(REST_NS);
    }
    return 0;
}

struct bystander *bystander_start(enum bystander_kind kind)
{
    struct bystander *bystander =
        mmap(NULL, sizeof(*bystander), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bystander == MAP_FAILED)
        fail("no shared memory");
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        _exit(stand_by(bystander, kind));
    bystander->pid = pid;
    uint64_t limit = clock_ns() + FIRST_ROUND_NS;
    while (bystander->rounds == 0 && !bystander->ended && clock_ns() < limit)
        sleep_ns(1000000);
    return bystander;
}

uint64_t bystander_run_ns(const struct bystander *bystander)
{
    return bystander->run_ns;
}

bool bystander_has_ended(const struct bystander *bystander)
{
    return bystander->ended;
}

uint64_t bystander_rounds(const struct bystander *bystander)
{
    return bystander->rounds;
}

int bystander_end(struct bystander *bystander)
{
    int status, result = 0;
    kill(bystander->pid, SIGKILL);
    status = child_wait(bystander->pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL || bystander->rounds == 0)
        result =
            attempt_note("the bystander ended with %#x: %.100s", status, bystander->record.note);
    munmap(bystander, sizeof(*bystander));
    return result;
}
