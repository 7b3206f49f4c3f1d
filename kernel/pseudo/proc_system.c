// The text files in /proc about the system as a whole: uptime, loadavg, version, mounts and what is
// in sys/kernel. Called through file.c. Every text is made at open.
#include "abi/errno.h"
#include "cpu/clock.h"
#include "lib/load_average.h"
#include "lib/string.h"
#include "proc/inspect.h"
#include "proc/system_name.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/policy.h"
#include "sched/scheduler.h"

#define NS_PER_CENTISECOND 10000000ull
#define NS_PER_MICROSECOND 1000u
#define PID_LIMIT_SHOWN 32768

typedef unsigned long long number;

static const struct command_line *command_line;

void proc_system_init(const struct command_line *line)
{
    command_line = line;
}

static void fill_uptime(struct snapshot *text)
{
    struct scheduler_times times;
    scheduler_times(&times);
    uint64_t up = clock_now_ns() / NS_PER_CENTISECOND, idle = times.idle_ns / NS_PER_CENTISECOND;
    snapshot_print(text, "%llu.%02llu %llu.%02llu\n", (number)up / 100, (number)up % 100,
                   (number)idle / 100, (number)idle % 100);
}

SNAPSHOT_FILE(uptime, fill_uptime);

static void fill_loadavg(struct snapshot *text)
{
    uint64_t averages[LOAD_AVERAGE_COUNT];
    struct process_totals totals;
    scheduler_load_averages(averages);
    process_count_totals(&totals);
    for (uint32_t i = 0; i < LOAD_AVERAGE_COUNT; i++) {
        uint64_t rounded = averages[i] + LOAD_ONE / 200;
        snapshot_print(text, "%llu.%02llu ", (number)(rounded / LOAD_ONE),
                       (number)(rounded % LOAD_ONE * 100 / LOAD_ONE));
    }
    snapshot_print(text, "%u/%llu %u\n", scheduler_runnable_count(), (number)threads_live(),
                   totals.last_pid);
}

SNAPSHOT_FILE(loadavg, fill_loadavg);

// The policies there are, the chosen one in brackets, and its slice before any division.
static void fill_sched(struct snapshot *text)
{
    const struct thread_rights ordinary = { 0 };
    const struct policy *policy;
    snapshot_print(text, "policy");
    for (uint32_t i = 0; (policy = policy_by_number(i)); i++)
        snapshot_print(text, policy == policy_chosen ? " [%s]" : " %s", policy->name);
    snapshot_print(text, "\nslice_us %llu\n",
                   (number)(thread_slice_ns(&ordinary) / NS_PER_MICROSECOND));
}

SNAPSHOT_FILE(sched, fill_sched);

static void fill_version(struct snapshot *text)
{
    snapshot_print(text, SYSTEM_NAME " version " SYSTEM_RELEASE " (clang %s) " SYSTEM_VERSION "\n",
                   __clang_version__);
}

SNAPSHOT_FILE(version, fill_version);

static void fill_mounts(struct snapshot *text)
{
    snapshot_print(text, "tmpfs / tmpfs rw 0 0\nproc /proc proc rw 0 0\n");
}

SNAPSHOT_FILE(mounts, fill_mounts);

static void fill_filesystems(struct snapshot *text)
{
    snapshot_print(text, "nodev\ttmpfs\nnodev\tproc\n");
}

SNAPSHOT_FILE(filesystems, fill_filesystems);

static void append_words(struct snapshot *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool needs_quotes = words[i][0] == '\0' || strchr(words[i], ' ');
        if (text->size > 0)
            snapshot_print(text, " ");
        snapshot_print(text, needs_quotes ? "\"" : "");
        snapshot_append(text, words[i], strlen(words[i]));
        snapshot_print(text, needs_quotes ? "\"" : "");
    }
}

// Put together again from the words that the kernel found in it.
static void fill_kernel_command_line(struct snapshot *text)
{
    static const char *const separator[] = { "--" };
    append_words(text, command_line->words, command_line->word_count);
    if (command_line->init_word_count > 0) {
        append_words(text, separator, 1);
        append_words(text, command_line->init_words, command_line->init_word_count);
    }
    snapshot_print(text, "\n");
}

SNAPSHOT_FILE(kernel_command_line, fill_kernel_command_line);

static void fill_ostype(struct snapshot *text)
{
    snapshot_print(text, SYSTEM_NAME "\n");
}

SNAPSHOT_FILE(ostype, fill_ostype);

static void fill_osrelease(struct snapshot *text)
{
    snapshot_print(text, SYSTEM_RELEASE "\n");
}

SNAPSHOT_FILE(osrelease, fill_osrelease);

static void fill_pid_max(struct snapshot *text)
{
    snapshot_print(text, "%d\n", PID_LIMIT_SHOWN);
}

SNAPSHOT_FILE(pid_max, fill_pid_max);

static void fill_hostname(struct snapshot *text)
{
    char name[HOST_NAME_LIMIT + 1];
    host_name_get(name);
    snapshot_print(text, "%s\n", name);
}

static int open_hostname(struct file *file)
{
    return snapshot_open_fresh(file, fill_hostname);
}

// Up to the first newline; what does not fit is cut.
static int64_t write_hostname(struct file *file, struct user_iterator *source, uint64_t *position)
{
    char name[HOST_NAME_LIMIT + 1] = { 0 };
    int64_t length = (int64_t)source->remaining;
    if (length == 0)
        return 0;
    size_t wanted = min_of(source->remaining, (uint64_t)HOST_NAME_LIMIT);
    if (user_iterator_read(source, name, wanted) < wanted)
        return -EFAULT;
    char *newline = (char *)strchr(name, '\n');
    if (newline)
        *newline = '\0';
    host_name_set(name);
    return length;
}

const struct file_operations hostname_operations = {
    .read = snapshot_read,
    .write = write_hostname,
    .seek = snapshot_seek,
    .release = snapshot_release,
    .open = open_hostname,
};
