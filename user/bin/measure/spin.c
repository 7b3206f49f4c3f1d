// The rows about what a spinning program loses to the clock. Called through rows.c. A spinner reads
// the counter all the time; where two readings lie far apart, somebody else had the CPU.
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <x86intrin.h>

#include "program.h"
#include "rows.h"

#define WINDOWS 5
#define GAP_LIMIT SAMPLE_LIMIT
#define FAR_APART 8 // times the usual step
#define STEP_LOOKS 1000
#define START_NS 2000 // from setting the window to being in the loop
#define TICK_US 1000

struct window {
    uint64_t begin, end, far;
    // Of two: the other one spins already; the window is set; cycles in which the other got on.
    atomic_bool other_runs, is_set;
    volatile uint64_t others_work;
};

struct outcome {
    double loss_ppm, interrupts_per_second;
};

static uint64_t usual_step;
static struct outcome lone[WINDOWS], two[WINDOWS];
static unsigned lone_count, two_count;
static double gaps[GAP_LIMIT]; // lone
static unsigned gap_count;

void spin_prepare(const struct row *row)
{
    usual_step = UINT64_MAX;
    uint64_t before = __rdtsc();
    for (int i = 0; i < STEP_LOOKS; i++) {
        uint64_t now = __rdtsc();
        usual_step = now - before < usual_step ? now - before : usual_step;
        before = now;
    }
}

static void keep_gap(uint64_t cycles)
{
    if (gap_count < GAP_LIMIT)
        gaps[gap_count++] = (double)cycles;
}

// Until the window ends. The cycles in it during which the program got on.
static uint64_t spin(const struct window *window, bool keep)
{
    uint64_t work = 0, before = __rdtsc(), now;
    if (keep)
        profile_begin();
    for (; before < window->end; before = now) {
        now = __rdtsc();
        if (now - before > window->far) {
            if (keep)
                keep_gap(now - before - usual_step);
        } else if (before >= window->begin && now <= window->end) {
            work += now - before;
        }
    }
    if (keep)
        profile_end();
    return work;
}

// Timer interrupts of all processors until now; negative where the system does not say.
static double timer_interrupts(void)
{
    char line[1024], *word, *next;
    double sum = -1;
    FILE *file = fopen("/proc/interrupts", "re");
    if (!file)
        return sum;
    while (sum < 0 && fgets(line, sizeof(line), file)) {
        word = line + strspn(line, " ");
        if (strncmp(word, "LOC:", 4) != 0)
            continue;
        sum = 0;
        for (word += 4;; word = next) {
            unsigned long long value = strtoull(word, &next, 10);
            if (next == word)
                break;
            sum += (double)value;
        }
    }
    fclose(file);
    return sum;
}

static struct window window_after(double delay_ns, long milliseconds)
{
    struct window window = { .far = usual_step * FAR_APART };
    window.begin = __rdtsc() + (uint64_t)timing_cycles(delay_ns);
    window.end = window.begin + (uint64_t)timing_cycles((double)milliseconds * 1e6);
    return window;
}

static double loss_ppm(const struct window *window, uint64_t work)
{
    uint64_t all = window->end - window->begin;
    return work < all ? (double)(all - work) / (double)all * 1e6 : 0;
}

static double per_second(double interrupts, uint64_t since)
{
    return interrupts / timing_ns((double)(__rdtsc() - since)) * 1e9;
}

static void spin_alone(long milliseconds)
{
    for (; lone_count < WINDOWS; lone_count++) {
        double before = timer_interrupts();
        uint64_t since = __rdtsc();
        struct window window = window_after(START_NS, milliseconds);
        uint64_t work = spin(&window, true);
        // The first and the last step lie across the edges.
        lone[lone_count].loss_ppm = loss_ppm(&window, work + 2 * usual_step);
        double after = timer_interrupts();
        lone[lone_count].interrupts_per_second =
            before < 0 ? -1 : per_second(after - before, since);
    }
}

static void spin_beside(void *argument)
{
    struct window *window = argument;
    atomic_store(&window->other_runs, true);
    while (!atomic_load(&window->is_set) && !helper_is_orphan())
        continue;
    window->others_work = spin(window, false);
}

static void spin_as_two(long milliseconds)
{
    struct window *window = memory_shared(sizeof(*window));
    for (; window && two_count < WINDOWS; two_count++) {
        double before = timer_interrupts();
        uint64_t since = __rdtsc();
        *window = (struct window){ 0 };
        pid_t other = helper_start(spin_beside, window);
        if (other < 0)
            break;
        while (!atomic_load(&window->other_runs)) // what starting it costs lies before the window
            sched_yield();
        struct window set = window_after(START_NS, milliseconds);
        window->begin = set.begin, window->end = set.end, window->far = set.far;
        atomic_store(&window->is_set, true);
        uint64_t work = spin(window, false);
        child_wait(other);
        two[two_count].loss_ppm = loss_ppm(window, work + window->others_work);
        double after = timer_interrupts();
        two[two_count].interrupts_per_second = before < 0 ? -1 : per_second(after - before, since);
    }
    if (window)
        munmap(window, sizeof(*window));
}

static unsigned copy_losses(const struct outcome *outcomes, unsigned count, double *values)
{
    for (unsigned i = 0; i < count; i++)
        values[i] = outcomes[i].loss_ppm;
    return count;
}

static unsigned copy_rates(const struct outcome *outcomes, unsigned count, double *values)
{
    for (unsigned i = 0; i < count; i++) {
        values[i] = outcomes[i].interrupts_per_second;
        if (values[i] < 0)
            return (unsigned)row_skipped("/proc/interrupts has no LOC line");
    }
    return count;
}

unsigned lone_rate(const struct row *row, long count, double *values)
{
    spin_alone(count);
    return copy_rates(lone, lone_count, values);
}

unsigned lone_loss(const struct row *row, long count, double *values)
{
    spin_alone(count);
    return copy_losses(lone, lone_count, values);
}

unsigned lone_gap(const struct row *row, long count, double *values)
{
    spin_alone(count);
    if (!gap_count)
        return (unsigned)row_skipped("nothing interrupts a program that is alone");
    memcpy(values, gaps, gap_count * sizeof(*gaps));
    return gap_count;
}

unsigned two_rate(const struct row *row, long count, double *values)
{
    spin_as_two(count);
    return copy_rates(two, two_count, values);
}

unsigned two_loss(const struct row *row, long count, double *values)
{
    spin_as_two(count);
    return copy_losses(two, two_count, values);
}

unsigned ignored_timer(const struct row *row, long count, double *values)
{
    struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } }, none = { { 0, 0 }, { 0, 0 } };
    gap_count = 0;
    signal(SIGALRM, SIG_IGN);
    if (setitimer(ITIMER_REAL, &tick, NULL) != 0)
        return (unsigned)row_failed("setitimer");
    struct window window = window_after(START_NS, count);
    spin(&window, true);
    setitimer(ITIMER_REAL, &none, NULL);
    signal(SIGALRM, SIG_DFL);
    unsigned seen = gap_count;
    memcpy(values, gaps, seen * sizeof(*gaps));
    gap_count = lone_count = 0; // the lone rows, if they come, take theirs anew
    return seen ? seen : (unsigned)row_failed("no interrupt was seen");
}
