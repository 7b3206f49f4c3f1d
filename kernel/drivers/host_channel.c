// The host channel: standard streams and the wait status of an exec run, in frames over COM3.
// Called through the nodes in /dev/exec and from the COM3 interrupt. Invariant: frames leave whole,
// one after the other, since the output mutex is held from a frame's first byte to its last.
#include "drivers/host_channel.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/ioapic.h"
#include "cpu/percpu.h"
#include "debug/log.h"
#include "dev/serial.h"
#include "drivers/host_input.h"
#include "exec_channel.h"
#include "fs/memory_fs.h"
#include "lib/panic.h"
#include "sched/mutex.h"
#include "sched/scheduler.h"

#define BURST_LIMIT 256u            // bytes taken in by one interrupt
#define OUTPUT_STEP 256u            // bytes sent between two preemption points
#define OUTPUT_POLLS 1000u          // of a full transmitter before the writer sleeps
#define OUTPUT_PAUSE_NS 1000000ull  // how long it sleeps
#define PATIENCE_NS 600000000000ull // without a byte going out, until the host is given up
#define READ_CHUNK EXEC_INPUT_WINDOW

static struct serial_port port;
static struct mutex output_mutex;
static struct wait_queue output_pause;
static bool output_is_dead;                     // guarded by output_mutex
static uint8_t output_buffer[EXEC_FRAME_LIMIT]; // guarded by output_mutex
static bool takes_input;                        // by interrupt; set once
static struct mutex input_mutex;                // one reader at a time
static uint8_t input_buffer[READ_CHUNK];        // guarded by input_mutex

// Sleeps for a moment, whatever signals are pending.
static void pause_output(void)
{
    uint64_t deadline_ns = clock_now_ns() + OUTPUT_PAUSE_NS;
    struct waiter waiter = { 0 };
    wait_prepare(&output_pause, &waiter, WAIT_UNINTERRUPTIBLE);
    int result = wait_block(deadline_ns); // -ETIMEDOUT: nobody wakes this queue
    wait_finish(&output_pause, &waiter);
    kassert(result != -ERESTARTSYS);
}

// The host is slow to read, perhaps because somebody reads its output page by page: waits, as a
// program waits at a full pipe, but without being interrupted, since the frame has begun. False
// when the host must be taken for gone. output_mutex held.
static bool wait_for_host(uint64_t stuck_since_ns)
{
    if (clock_now_ns() - stuck_since_ns >= PATIENCE_NS) {
        log_warning("channel", "the host does not read: output ends here");
        return false;
    }
    pause_output();
    return true;
}

// Interrupts stay on: the port is polled, and the mutex guards it. Once a frame was broken off, the
// host cannot make sense of another. output_mutex held.
static void send_bytes(const uint8_t *bytes, size_t length)
{
    uint64_t stuck_since_ns = clock_now_ns();
    uint32_t polls = 0;
    while (length > 0 && !output_is_dead) {
        size_t sent = serial_try_write(&port, bytes, min_of(length, (size_t)OUTPUT_STEP));
        bytes += sent;
        length -= sent;
        preempt_point();
        if (sent > 0) {
            stuck_since_ns = clock_now_ns();
            polls = 0;
        } else if (++polls >= OUTPUT_POLLS) {
            output_is_dead = !wait_for_host(stuck_since_ns);
        }
    }
}

// output_mutex held.
static void send_frame_locked(uint8_t channel, const void *payload, uint32_t length)
{
    uint8_t header[EXEC_FRAME_HEADER_SIZE] = { channel, (uint8_t)length, (uint8_t)(length >> 8),
                                               (uint8_t)(length >> 16), (uint8_t)(length >> 24) };
    send_bytes(header, sizeof(header));
    send_bytes(payload, length);
}

static void send_frame(uint8_t channel, const void *payload, uint32_t length)
{
    mutex_acquire(&output_mutex);
    send_frame_locked(channel, payload, length);
    mutex_release(&output_mutex);
}

// One frame of what the program writes; the bytes sent, or -EFAULT and nothing sent.
static int64_t send_from_user(uint8_t channel, struct user_iterator *source)
{
    mutex_acquire(&output_mutex);
    size_t chunk = min_of(source->remaining, (uint64_t)EXEC_FRAME_LIMIT);
    bool whole = user_iterator_read(source, output_buffer, chunk) == chunk;
    if (whole)
        send_frame_locked(channel, output_buffer, (uint32_t)chunk);
    mutex_release(&output_mutex);
    return whole ? (int64_t)chunk : -EFAULT;
}

// Between frames a signal ends the write with what has gone out, as with a full pipe.
static int64_t write_stream(uint8_t channel, struct user_iterator *source)
{
    int64_t moved = 0;
    while (source->remaining > 0) {
        if (moved > 0 && thread_has_work(current_thread()))
            break;
        int64_t sent = send_from_user(channel, source);
        if (sent < 0)
            return moved ? moved : sent;
        moved += sent;
    }
    return moved;
}

static int64_t write_stdout(struct file *file, struct user_iterator *source, uint64_t *position)
{
    return write_stream(EXEC_CHANNEL_STDOUT, source);
}

static int64_t write_stderr(struct file *file, struct user_iterator *source, uint64_t *position)
{
    return write_stream(EXEC_CHANNEL_STDERR, source);
}

static int64_t write_trace(struct file *file, struct user_iterator *source, uint64_t *position)
{
    return write_stream(EXEC_CHANNEL_TRACE, source);
}

static int64_t write_status(struct file *file, struct user_iterator *source, uint64_t *position)
{
    uint8_t status[4];
    if (source->remaining != sizeof(status))
        return -EINVAL;
    if (user_iterator_read(source, status, sizeof(status)) < sizeof(status))
        return -EFAULT;
    send_frame(EXEC_CHANNEL_STATUS, status, sizeof(status));
    return sizeof(status);
}

static int wait_for_input(void)
{
    struct wait_queue *queue = host_input_queue();
    struct waiter waiter = { 0 };
    int result = 0;
    while (!result) {
        wait_prepare(queue, &waiter, WAIT_INTERRUPTIBLE);
        if (host_input_is_ready())
            break;
        result = wait_block(WAIT_FOREVER);
    }
    wait_finish(queue, &waiter);
    return result;
}

// What is queued, as far as it fits; what the program's memory does not take stays queued.
// *acknowledge is what the host should be told was read. 0: nothing is queued.
static int64_t read_queued(struct user_iterator *target, uint32_t *acknowledge)
{
    int64_t result = 0;
    mutex_acquire(&input_mutex);
    size_t chunk = min_of(target->remaining, (uint64_t)sizeof(input_buffer));
    chunk = host_input_peek(input_buffer, chunk);
    if (chunk > 0) {
        result = -EFAULT;
        if (user_iterator_write(target, input_buffer, chunk) == chunk) {
            *acknowledge = host_input_consume(chunk);
            result = (int64_t)chunk;
        }
    }
    mutex_release(&input_mutex);
    return result;
}

static int64_t read_stdin(struct file *file, struct user_iterator *target, uint64_t *position)
{
    uint32_t acknowledge = 0;
    int64_t result = 0;
    while (target->remaining > 0) {
        result = read_queued(target, &acknowledge);
        if (result != 0 || host_input_at_end())
            break;
        result = file_is_nonblocking(file) && !host_input_is_ready() ? -EAGAIN : wait_for_input();
        if (result != 0)
            break;
    }
    if (acknowledge > 0) {
        uint8_t count[4] = { (uint8_t)acknowledge, (uint8_t)(acknowledge >> 8),
                             (uint8_t)(acknowledge >> 16), (uint8_t)(acknowledge >> 24) };
        send_frame(EXEC_CHANNEL_ACK, count, sizeof(count));
    }
    return result;
}

static uint32_t poll_stdin(struct file *file, struct wait_queue **queue)
{
    if (queue)
        *queue = host_input_queue();
    if (host_input_at_end())
        return POLLHUP;
    return host_input_is_ready() ? POLLIN : 0;
}

static uint32_t poll_output(struct file *file, struct wait_queue **queue)
{
    return POLLOUT;
}

static int open_stream(struct file *file)
{
    file->position_use = POSITION_NONE;
    return 0;
}

// The host sends nothing before it has seen READY.
static int open_status(struct file *file)
{
    send_frame(EXEC_CHANNEL_READY, NULL, 0);
    return open_stream(file);
}

static void release_status(struct file *file)
{
    send_frame(EXEC_CHANNEL_BYE, NULL, 0);
}

static const struct file_operations stdin_operations = {
    .read = read_stdin,
    .poll = poll_stdin,
    .open = open_stream,
};

static const struct file_operations stdout_operations = {
    .write = write_stdout,
    .poll = poll_output,
    .open = open_stream,
};

static const struct file_operations stderr_operations = {
    .write = write_stderr,
    .poll = poll_output,
    .open = open_stream,
};

static const struct file_operations trace_operations = {
    .write = write_trace,
    .poll = poll_output,
    .open = open_stream,
};

static const struct file_operations status_operations = {
    .write = write_status,
    .poll = poll_output,
    .release = release_status,
    .open = open_status,
};

// A bad archive may be in the way: said, and the boot goes on.
static void check_made(int error, const char *path)
{
    if (error)
        log_error("channel", "%s cannot be made: error %d", path, -error);
}

static void make_directory(const char *path)
{
    int error = path_make_directory(memory_fs_root(), path, 0755);
    check_made(error == -EEXIST ? 0 : error, path);
}

static void make_stream(const char *path, const struct file_operations *operations)
{
    check_made(path_make_node(memory_fs_root(), path, S_IFIFO | 0600, 0, operations, NULL), path);
}

static void make_nodes(void)
{
    make_directory("/dev");
    make_directory("/dev/exec");
    make_stream("/dev/exec/stdin", &stdin_operations);
    make_stream("/dev/exec/stdout", &stdout_operations);
    make_stream("/dev/exec/stderr", &stderr_operations);
    make_stream("/dev/exec/status", &status_operations);
    make_stream("/dev/exec/trace", &trace_operations);
}

// The FIFO is switched on here, long before READY: doing that while the host sends loses bytes.
void host_channel_init(uint32_t interrupt_line, bool active_low, bool level_triggered)
{
    if (!serial_open(&port, SERIAL_COM3)) {
        log_info("channel", "no COM3: no channel to a host");
        return;
    }
    mutex_init(&output_mutex, "channel output", MUTEX_RANK_CHANNEL);
    wait_queue_init(&output_pause);
    mutex_init(&input_mutex, "channel input", MUTEX_RANK_CHANNEL);
    host_input_init();
    make_nodes();
    if (ioapic_route(interrupt_line, VECTOR_SERIAL, cpu_by_number(0)->apic_id, active_low,
                     level_triggered) == 0) {
        takes_input = true;
        serial_interrupts(&port, true, false);
        return;
    }
    log_warning("channel", "interrupt line %u has no I/O APIC: standard input is empty",
                interrupt_line);
    host_input_close();
}

bool host_channel_interrupt(void)
{
    bool wake = false;
    uint32_t count = 0;
    for (int byte; count < BURST_LIMIT && (byte = serial_read(&port)) >= 0; count++)
        wake |= host_input_receive((uint8_t)byte);
    if (wake)
        host_input_wake();
    return count > 0;
}

void host_channel_ask_again(void)
{
    if (!takes_input)
        return;
    serial_interrupts(&port, false, false);
    serial_interrupts(&port, true, false);
}
