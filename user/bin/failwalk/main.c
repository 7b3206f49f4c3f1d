// Every system call with good arguments, again and again: the first of its points that may fail
// does, then the second, until one passes through without a failure (kernel/debug/fail.h). Each try
// is a process. It must end as what failed asks for (judge.h) and leave nothing behind: /proc/live
// before and after is the same. `failwalk [-v] [-s STEP] [NAME...]` walks rows whose names begin
// so; with STEP only every so-many-th point. Exits 1 if any was bad.
#include "failwalk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "judge.h"
#include "live.h"

#define TRY_LIMIT_NS 20000000000ull
#define POINT_LIMIT 3000u
#define OWN_PAGES 8           // that the walker touches for the first time on its way
#define PLACE_SIZE (8 * PAGE) // with room below and above for who needs more than the page

struct scene scene;
struct outcome *outcome;

static const struct row_group groups[] = {
    { name_rows, &name_row_count },     { file_rows, &file_row_count },
    { memory_rows, &memory_row_count }, { process_rows, &process_row_count },
    { signal_rows, &signal_row_count }, { wait_rows, &wait_row_count },
};

static unsigned point; // that is to fail in this try; 0: none
static long plan_file;
static unsigned step = 1, bad_count;
static bool verbose;

// No library here: between this and the call no page may be touched for the first time.
void plan_arm_as(const char *kind, const char *end)
{
    char text[32];
    unsigned length = 0, unit = 1;
    if (point == 0)
        return;
    while (*kind)
        text[length++] = *kind++;
    while (unit <= point / 10)
        unit *= 10;
    for (; unit > 0; unit /= 10)
        text[length++] = (char)('0' + point / unit % 10);
    while (*end)
        text[length++] = *end++;
    (void)CALL(SYS_write, plan_file, text, length);
}

void plan_arm(void)
{
    plan_arm_as("", "");
}

static int try(void *argument)
{
    const struct row *row = argument;
    plan_file = CALL(SYS_open, "/proc/self/fail-nth", O_RDWR);
    if (row->prepare)
        row->prepare();
    outcome->done = false;
    if (row->number != SYS_rt_sigreturn)
        plan_arm();
    long result = row->act();
    (void)CALL(SYS_getpid); // the plan is over
    outcome->result = result;
    outcome->done = true;
    (void)CALL(SYS_exit_group, 0);
    return 0;
}

static void bad(const struct row *row, const char *what, int status, long result)
{
    char trail[512];
    bad_count++;
    printf("BAD %s: point %u: %s: status %#x result %ld\n", row->name, point, what,
           (unsigned)status, result);
    if (point > 0)
        printf("  %s\n", live_last_failure(trail, sizeof(trail)));
}

static void make_old(void)
{
    char page[PAGE] = "text\n";
    int file = open(OLD, O_RDWR | O_CREAT, 0644);
    for (unsigned i = 0; i < FILE_PAGES; i++) {
        if (write(file, page, sizeof(page)) != (ssize_t)sizeof(page))
            fail(OLD);
    }
    close(file);
}

// What a try may have left in the folder, or changed there.
static void tidy(void)
{
    struct stat status;
    (void)unlink(NEW);
    (void)rmdir(NEW_BOX);
    (void)unlink(BOX "/renamed");
    if (stat(OLD, &status) != 0 || status.st_size != FILE_PAGES * PAGE)
        make_old();
}

// True: a failure was injected. `whole` is what the call returns without one, and is told so.
static bool try_once(const struct row *row, long *whole)
{
    bool timed_out;
    char trail[512];
    uint64_t before = live_injected();
    outcome->done = false;
    int status = child_wait_limited(child_start(try, (void *)row), TRY_LIMIT_NS, &timed_out);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    bool injected = live_injected() != before;
    long result = outcome->done ? outcome->result : 0;
    struct trial trial = { status, outcome->done, result, *whole,
                           injected ? live_last_failure(trail, sizeof(trail)) : NULL };
    const char *wrong = timed_out ? "hung" : judge_trial(row, &trial);
    if (wrong)
        bad(row, wrong, status, result);
    if (!injected)
        *whole = result;
    if (verbose)
        printf("  %s %u: status %#x result %ld %s\n", row->name, point, (unsigned)status, result,
               injected ? trail : "");
    tidy();
    return injected;
}

static void check_live(const char *name, const struct live *before, long own_pages)
{
    char difference[256];
    if (live_settle(before, difference, sizeof(difference), own_pages))
        return;
    bad_count++;
    printf("BAD %s: left behind: %s\n", name, difference);
}

// After a try in which nothing fails and in which what the kernel makes once is made. With every
// point, each row is judged by itself.
static unsigned walk(const struct row *row)
{
    static struct live before;
    unsigned tries = 0;
    long whole = 0;
    point = 0;
    judge_begin();
    (void)try_once(row, &whole);
    live_read(&before);
    for (point = 1; point < POINT_LIMIT; point += step, tries++) {
        if (!try_once(row, &whole))
            break;
    }
    if (point >= POINT_LIMIT)
        bad(row, "never passes", 0, 0);
    if (step == 1)
        check_live(row->name, &before, 0);
    return tries;
}

static bool is_wanted(const struct row *row, char *const names[])
{
    if (*names == NULL)
        return true;
    for (; *names; names++) {
        if (strncmp(row->name, *names, strlen(*names)) == 0)
            return true;
    }
    return false;
}

static void make_scene(void)
{
    char *memory = mmap(NULL, PLACE_COUNT * PLACE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 0, PLACE_COUNT * PLACE_SIZE);
    for (unsigned i = 0; i < PLACE_COUNT; i++)
        scene.places[i] = memory + i * PLACE_SIZE + 4 * PAGE;
    outcome = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(outcome, 0, PAGE);
    if (mkdir(FOLDER, 0755) != 0 || mkdir(BOX, 0755) != 0 || symlink(OLD, LINK) != 0)
        fail(FOLDER);
    int script = open(SCRIPT, O_WRONLY | O_CREAT, 0755);
    if (write(script, "#!/bin/busybox true\n", 20) != 20)
        fail(SCRIPT);
    close(script);
    make_old();
    scene.file = open(OLD, O_RDWR);
    // Once it was mapped, a file keeps its name.
    (void)munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, (int)scene.file, 0), PAGE);
    scene.folder = open(FOLDER, O_RDONLY | O_DIRECTORY);
    scene.null = open("/dev/null", O_RDWR);
}

static void remove_scene(void)
{
    (void)unlink(SCRIPT);
    (void)unlink(LINK);
    (void)unlink(OLD);
    (void)rmdir(BOX);
    if (rmdir(FOLDER) != 0)
        fail(FOLDER);
}

static unsigned rows, tries;

// What the walker itself touches when something is bad, so that it does not count as left behind.
static void warm_up(void)
{
    static struct live live;
    char text[512];
    long whole = 0;
    live_read(&live);
    (void)live_settle(&live, text, sizeof(text), 0);
    (void)live_last_failure(text, sizeof(text));
    for (point = 0; point < 3; point++)
        (void)try_once(&name_rows[0], &whole);
    printf("failwalk: every %uth point\n", step);
}

// Of the whole run, taken behind the first row, by which the walker has touched all that it has.
static struct live at_first;

static void walk_if_wanted(const struct row *row, char *const names[])
{
    if (!is_wanted(row, names))
        return;
    if (rows == 1)
        live_read_highest(&at_first);
    rows++;
    unsigned count = walk(row);
    tries += count;
    printf("%s: %u points\n", row->name, count * step);
}

static void walk_all(char *const names[])
{
    static bool known[CALL_LIMIT];
    struct row row;
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        for (size_t i = 0; i < *groups[g].count; i++) {
            walk_if_wanted(&groups[g].rows[i], names);
            if (groups[g].rows[i].number >= 0)
                known[groups[g].rows[i].number] = true;
        }
    }
    for (size_t i = 0; call_row_of_rest(i, known, &row); i++)
        walk_if_wanted(&row, names);
}

int main(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "vs:")) != -1;) {
        verbose |= option == 'v';
        step = option == 's' ? (unsigned)number_argument(optarg) : step;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (access("/proc/fail", F_OK) != 0)
        fail("the kernel is not a checked build");
    make_scene();
    warm_up();
    walk_all(argv + optind);
    point = 0;
    if (rows > 1)
        check_live("all", &at_first, OWN_PAGES);
    remove_scene();
    printf("failwalk: %u rows, %u failures, %u bad\n", rows, tries, bad_count);
    return bad_count != 0;
}
