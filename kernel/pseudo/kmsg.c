// /dev/kmsg: reading gives the log's text as it was at open, once; writing adds a line. Called
// through file.c. What a program writes is printable when it reaches the log.
#include "abi/errno.h"
#include "debug/log.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"

#define COPY_SIZE 512u

static void fill_log(struct snapshot *snapshot)
{
    char text[COPY_SIZE];
    size_t offset = 0;
    for (size_t copied; (copied = log_copy(text, sizeof(text), offset)) > 0; offset += copied)
        snapshot_append(snapshot, text, copied);
}

// /proc/kmsg: the records as syslog(2) gives them, as they were at open.
static void fill_records(struct snapshot *snapshot)
{
    char line[LOG_LINE_LIMIT];
    enum log_level level;
    uint64_t position = 0;
    for (size_t length; (length = log_copy_line(line, sizeof(line), &position, &level)) > 0;) {
        snapshot_print(snapshot, "<%d>", level);
        snapshot_append(snapshot, line, length);
    }
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
