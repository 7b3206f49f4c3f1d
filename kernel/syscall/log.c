// syslog(2): the kernel log as dmesg reads it, records "<level>[time] area: text".

#include "debug/log.h"
#include "abi/errno.h"
#include "lib/format.h"
#include "proc/process.h"
#include "sched/scheduler.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

#define RECORD_SIZE (LOG_LINE_LIMIT + 3) // with "<N>"
#define CONSOLE_LEVEL_LIMIT 8

enum action {
    ACTION_CLOSE,
    ACTION_OPEN,
    ACTION_READ, // would wait for new records: not there
    ACTION_READ_ALL,
    ACTION_READ_CLEAR,
    ACTION_CLEAR,
    ACTION_CONSOLE_OFF,
    ACTION_CONSOLE_ON,
    ACTION_CONSOLE_LEVEL,
    ACTION_SIZE_UNREAD,
    ACTION_SIZE_BUFFER,
};

static atomic_ullong cleared_position; // records before are not shown by ACTION_READ_ALL

// The record at *position; its length, 0 when there is none.
static size_t next_record(char record[RECORD_SIZE], uint64_t *position)
{
    enum log_level level;
    size_t length = log_copy_line(record + 3, LOG_LINE_LIMIT, position, &level);
    if (length == 0)
        return 0;
    record[0] = '<';
    record[1] = (char)('0' + level);
    record[2] = '>';
    return length + 3;
}

static uint64_t count_bytes(uint64_t position)
{
    char record[RECORD_SIZE];
    uint64_t total = 0;
    for (size_t length; (length = next_record(record, &position)) > 0; preempt_point())
        total += length;
    return total;
}

// The newest records that fit, whole.
static int64_t read_all(uint64_t buffer, uint64_t size, bool clear)
{
    char record[RECORD_SIZE];
    uint64_t position = atomic_load(&cleared_position), copied = 0;
    uint64_t left = count_bytes(position);
    for (size_t length; (length = next_record(record, &position)) > 0; preempt_point()) {
        bool fits = left <= size;
        left -= min_of(left, (uint64_t)length);
        if (!fits)
            continue;
        if (length > size - copied)
            break; // the log has grown meanwhile
        if (copy_to_user(user_addr_make(buffer + copied), record, length) != 0)
            return -EFAULT;
        copied += length;
    }
    if (clear)
        atomic_store(&cleared_position, position);
    return (int64_t)copied;
}

static void clear_log(void)
{
    char record[RECORD_SIZE];
    uint64_t position = atomic_load(&cleared_position);
    while (next_record(record, &position) > 0)
        preempt_point();
    atomic_store(&cleared_position, position);
}

static int64_t check_buffer(uint64_t buffer, int32_t size)
{
    if (!buffer || size < 0)
        return -EINVAL;
    return user_range_is_valid(user_addr_make(buffer), (uint64_t)size) ? 0 : -EFAULT;
}

HANDLER3(syslog, action_argument, buffer, size_argument)
{
    uint32_t action = (uint32_t)action_argument;
    int32_t size = (int32_t)size_argument;
    int64_t error;
    switch (action) {
    case ACTION_CLOSE:
    case ACTION_OPEN:
        return 0;
    case ACTION_READ:
        return -ENOSYS;
    case ACTION_READ_ALL:
    case ACTION_READ_CLEAR:
        error = check_buffer(buffer, size);
        return error || size == 0 ? error
                                  : read_all(buffer, (uint64_t)size, action == ACTION_READ_CLEAR);
    case ACTION_CLEAR:
        clear_log();
        return 0;
    case ACTION_CONSOLE_OFF:
        log_set_level(0);
        return 0;
    case ACTION_CONSOLE_ON:
        log_set_level(LOG_INFO);
        return 0;
    case ACTION_CONSOLE_LEVEL:
        if (size < 1 || size > CONSOLE_LEVEL_LIMIT)
            return -EINVAL;
        log_set_level((uint32_t)size - 1); // messages below the level are shown
        return 0;
    case ACTION_SIZE_UNREAD:
        return (int64_t)count_bytes(atomic_load(&cleared_position));
    case ACTION_SIZE_BUFFER:
        return LOG_RING_SIZE;
    default:
        return -EINVAL;
    }
}
