// Polled output on COM1 (16550). Used only after ExitBootServices: before that the firmware's
// console mirrors itself there if it wants to. A missing or dead UART costs a bounded time.
#include "serial.h"

#include <stdbool.h>

#include "cpu.h"

#define COM1 0x3f8u
#define COM_DIVISOR_LOW (COM1 + 0) // with the divisor latch open
#define COM_DIVISOR_HIGH (COM1 + 1)
#define COM_INTERRUPT_ENABLE (COM1 + 1)
#define COM_FIFO_CONTROL (COM1 + 2)
#define COM_LINE_CONTROL (COM1 + 3)
#define COM_LINE_STATUS (COM1 + 5)
#define COM_SCRATCH (COM1 + 7)

#define LINE_CONTROL_8N1 0x03u
#define LINE_CONTROL_DIVISOR_LATCH 0x80u
#define LINE_STATUS_EMPTY 0x20u // THRE
#define POLL_LIMIT 100000u

static bool find_uart(void)
{
    port_write(COM_SCRATCH, 0x5a);
    if (port_read(COM_SCRATCH) != 0x5a)
        return false;
    port_write(COM_SCRATCH, 0xa5);
    return port_read(COM_SCRATCH) == 0xa5;
}

static void set_up_uart(void)
{
    port_write(COM_INTERRUPT_ENABLE, 0);
    port_write(COM_LINE_CONTROL, LINE_CONTROL_DIVISOR_LATCH);
    port_write(COM_DIVISOR_LOW, 1); // 115200 baud
    port_write(COM_DIVISOR_HIGH, 0);
    port_write(COM_LINE_CONTROL, LINE_CONTROL_8N1);
    port_write(COM_FIFO_CONTROL, 0x07); // on, both emptied
}

static void send_byte(uint8_t byte)
{
    for (uint32_t i = 0; i < POLL_LIMIT; i++) {
        if (port_read(COM_LINE_STATUS) & LINE_STATUS_EMPTY)
            break;
        processor_pause();
    }
    port_write(COM1, byte);
}

void serial_print_line(const char *text)
{
    if (!find_uart())
        return;
    set_up_uart();
    for (; *text; text++)
        send_byte((uint8_t)*text);
    send_byte('\r');
    send_byte('\n');
}
