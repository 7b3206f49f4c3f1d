// The frames that travel over COM3 between `test/qemu.py exec` on the host and the kernel's host
// channel driver. Every frame: one channel byte, a 32-bit little-endian length, then the bytes.
// The host sends nothing before READY; at most EXEC_INPUT_WINDOW bytes of DATA are unacknowledged.
#pragma once

#define EXEC_FRAME_HEADER_SIZE 5u
#define EXEC_FRAME_LIMIT 4096u // payload bytes at the most
#define EXEC_INPUT_WINDOW 4096u

// guest to host
#define EXEC_CHANNEL_READY 'R'  // empty: the guest listens
#define EXEC_CHANNEL_STDOUT 'O' // bytes of standard output
#define EXEC_CHANNEL_STDERR 'E' // bytes of standard error
#define EXEC_CHANNEL_ACK 'A'    // 32-bit count of DATA bytes the program has read
#define EXEC_CHANNEL_STATUS 'S' // 32-bit Linux wait status of the program
#define EXEC_CHANNEL_TRACE 'T'  // bytes of /proc/trace (when asked for)
#define EXEC_CHANNEL_BYE 'B'    // empty: nothing follows

// host to guest
#define EXEC_CHANNEL_DATA 'D' // bytes of standard input
#define EXEC_CHANNEL_EOF 'Z'  // empty: end of standard input
