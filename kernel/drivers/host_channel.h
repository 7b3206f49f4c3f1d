// The channel to `test/qemu.py exec` over COM3 (include/exec_channel.h): standard streams and the
// wait status travel in frames. Programs see stream devices that answer like pipes.
#pragma once

#include "lib/types.h"

// Probes COM3 and makes /dev/exec/{stdin,stdout,stderr,status,trace}. Opening /dev/exec/status
// sends READY; writing 4 bytes to it sends STATUS; its last close sends BYE. stdin blocks for DATA;
// stdout and stderr send every write as frames; trace sends what is written as TRACE frames. No
// COM3: no nodes, one log line.
void host_channel_init(uint32_t interrupt_line, bool active_low, bool level_triggered);
// From the vector entry; interrupts off. A bounded piece of work; true when there was
// something to do.
must_check bool host_channel_interrupt(void);
// Asks for another interrupt if there is a reason for one.
void host_channel_ask_again(void);
