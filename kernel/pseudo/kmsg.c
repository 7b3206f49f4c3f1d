// /dev/kmsg: reading gives the log's text as it was at open, once; writing adds a line. Called
// through file.c. What a program writes is printable when it reaches the log.
#include "abi/errno.h"
#include "debug/log.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/scheduler.h"

// Line by line, by positions since boot: what other CPUs log meanwhile may push lines out of the
// ring, but neither shifts nor repeats those that are there.
static void append_lines(struct snapshot *snapshot, bool with_levels)
{
    char line[LOG_LINE_LIMIT];
    enum log_level level;
    uint64_t position = 0, end = log_end();
    while (position < end && !snapshot->failed) {
        size_t length = log_copy_line(line, sizeof(line), &position, &level);
        if (length == 0)
            return;
        if (with_levels)
            snapshot_print(snapshot, "<%d>", level);
        snapshot_append(snapshot, line, length);
        preempt_point();
    }
}

static void fill_log(struct snapshot *snapshot)
{
    append_lines(snapshot, false);
}

// /proc/kmsg: the records as syslog(2) gives them.
static void fill_records(struct snapshot *snapshot)
{
    append_lines(snapshot, true);
}

SNAPSHOT_FILE(proc_kmsg, fill_records);

static int open_kmsg(struct file *file)
{
    return file_is_readable(file) ? snapshot_open(file, fill_log) : 0;
}

// "<N>" in front gives the level, as on Linux; returns what follows it.
static const char *parse_level(const char *line, enum log_level *level)
{
    *level = LOG_NOTICE;
    if (line[0] != '<' || line[1] < '0' || line[1] > '7' || line[2] != '>')
        return line;
    *level = (enum log_level)max_of(line[1] - '0', (int)LOG_ERROR);
    return line + 3;
}

static int64_t write_kmsg(struct file *file, struct user_iterator *source, uint64_t *position)
{
    char line[LOG_LINE_LIMIT];
    size_t length = source->remaining;
    if (length >= sizeof(line))
        return -EINVAL;
    if (user_iterator_read(source, line, length) < length)
        return -EFAULT;
    int64_t written = (int64_t)length;
    if (length > 0 && line[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length; i++) {
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
    }
    line[length] = '\0';
    enum log_level level;
    const char *text = parse_level(line, &level);
    log_line(level, "user", "%s", text);
    return written;
}

const struct file_operations kmsg_operations = {
    .read = snapshot_read,
    .write = write_kmsg,
    .release = snapshot_release,
    .open = open_kmsg,
};
