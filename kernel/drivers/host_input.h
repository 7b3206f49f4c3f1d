// The receiving half of the host channel: bytes from COM3 become standard input. For drivers/ only.
#pragma once

#include "lib/types.h"
#include "sched/wait.h"

void host_input_init(void);
// Feeds one received byte to the frame parser. True when a reader should be woken (by
// host_input_wake()). Interrupts off; takes the input lock.
must_check bool host_input_receive(uint8_t byte);
void host_input_wake(void);
// Nothing will come any more.
void host_input_close(void);
// Copies up to `size` bytes of what is queued, without taking them out.
size_t host_input_peek(void *buffer, size_t size);
// Takes out bytes that a program has read. Returns how many bytes should be acknowledged to the
// host now; 0 while more may be gathered.
must_check uint32_t host_input_consume(size_t count);
// Readable: bytes are queued, or the end was reached. Safe between wait_prepare() and wait_block().
bool host_input_is_ready(void);
bool host_input_at_end(void); // and nothing is queued
struct wait_queue *host_input_queue(void);
