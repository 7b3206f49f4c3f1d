// Debug builds: /proc/fail, the failures injected so far; /proc/fail_trail, where the last one was;
// /proc/PID/fail-nth, by which a thread asks for one in its next system call: `N`, or `KIND N`
// where only points of that kind count; `N+`: the N-th and all behind it (debug/fail.h). Read back,
// it tells how many points were missing; 0: the failure was injected. Called through file.c.
#include "abi/errno.h"
#include "debug/fail.h"
#include "debug/symbols.h"
#include "lib/string.h"
#include "pseudo/devices.h"
#include "pseudo/proc_inode.h"

#if DEBUG_CHECKS

#define SYMBOL_SIZE 96u
#define REQUEST_SIZE 32u
#define COUNT_LIMIT 1000000000u

static void fill_fail(struct snapshot *text)
{
    struct fail_report report;
    uint64_t sum = 0;

    fail_report_get(&report);
    for (uint32_t kind = 0; kind < FAIL_KIND_COUNT; kind++)
        sum += report.injected[kind];
    snapshot_print(text, "injected %llu\n", (unsigned long long)sum);
    for (uint32_t kind = 0; kind < FAIL_KIND_COUNT; kind++)
        snapshot_print(text, "%s %llu\n", fail_kind_name(kind),
                       (unsigned long long)report.injected[kind]);
}

SNAPSHOT_FILE(fail, fill_fail);

static void fill_fail_trail(struct snapshot *text)
{
    struct fail_report report;
    char symbol[SYMBOL_SIZE];

    fail_report_get(&report);
    snapshot_print(text, "%s", fail_kind_name(report.kind));
    for (uint32_t i = 0; i < FAIL_TRAIL_LENGTH && report.trail[i] != 0; i++) {
        symbols_format_return(symbol, sizeof(symbol), report.trail[i]);
        snapshot_print(text, " %s", symbol);
    }
    snapshot_print(text, "\n");
}

SNAPSHOT_FILE(fail_trail, fill_fail_trail);

// Only the running thread's plan can be looked at without a lock.
static void fill_fail_nth(struct snapshot *text, struct process *process)
{
    if (process == current_process())
        snapshot_print(text, "%u\n", fail_plan_remaining());
    else
        text->error = -EINVAL;
}

static void make_fail_nth(struct snapshot *text)
{
    proc_text_make(text, fill_fail_nth);
}

static int open_fail_nth(struct file *file)
{
    return snapshot_open_fresh(file, make_fail_nth);
}

// [KIND ]N[+], and the end of the line.
static bool parse_request(const char *text, uint32_t *kinds, uint32_t *n, bool *goes_on)
{
    const char *space = strchr(text, ' ');
    const char *digit = space ? space + 1 : text;

    *kinds = space ? fail_kinds_named(text, (size_t)(space - text)) : fail_kinds_named("any", 3);
    *n = 0;
    if (*kinds == 0 || *digit < '0' || *digit > '9')
        return false;
    for (; *digit >= '0' && *digit <= '9' && *n < COUNT_LIMIT / 10; digit++)
        *n = *n * 10 + (uint32_t)(*digit - '0');
    *goes_on = *digit == '+';
    digit += *goes_on;
    return *digit == '\0' || *digit == '\n';
}

static bool is_of_caller(const struct file *file)
{
    struct process *process = proc_inode_process(file->inode);
    bool is_own = process && process == current_process();

    if (process)
        process_release(process);
    return is_own;
}

static int64_t write_fail_nth(struct file *file, struct user_iterator *source, uint64_t *position)
{
    char text[REQUEST_SIZE] = { 0 };
    int64_t length = (int64_t)source->remaining;
    uint32_t kinds, n;
    bool goes_on;

    if (source->remaining >= sizeof(text) || !is_of_caller(file))
        return -EINVAL;
    if (user_iterator_read(source, text, (size_t)length) < (size_t)length)
        return -EFAULT;
    if (!parse_request(text, &kinds, &n, &goes_on))
        return -EINVAL;
    fail_plan_arm(kinds, n, goes_on);
    return length;
}

const struct file_operations proc_fail_nth_operations = {
    .read = snapshot_read,
    .write = write_fail_nth,
    .seek = snapshot_seek,
    .release = snapshot_release,
    .open = open_fail_nth,
};

#endif
