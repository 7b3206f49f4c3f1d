// 16550 serial ports. Probed before use: a missing UART reads 0xff and is left alone. Nothing waits
// for the UART. Any context.
#pragma once

#include "lib/types.h"

struct serial_port {
    uint16_t base;
    bool present;
};

#define SERIAL_COM1 0x3f8u
#define SERIAL_COM3 0x3e8u

// 115200 8N1, FIFO on. False when there is no UART.
bool serial_open(struct serial_port *port, uint16_t base);
// Without waiting: returns how many bytes the UART took, for callers that may lose none.
must_check size_t serial_try_write(struct serial_port *port, const void *data, size_t length);
// Can the UART take bytes now?
bool serial_can_write(const struct serial_port *port);
// One received byte, or -1 when there is none.
int serial_read(struct serial_port *port);
// Which interrupts the port may raise (IER bits 0 and 1; OUT2 drives the line): when bytes have
// come, and while it can take bytes to send. Turning one on makes a new edge if its reason holds.
void serial_interrupts(struct serial_port *port, bool received, bool can_send);
