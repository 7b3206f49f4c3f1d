// The 16550 UART, polled. Owned by whoever opened the port: the log (COM1) or the host channel
// (COM3), who serialise. Invariant: no loop here depends on the UART to end. PC16550D data sheet.
#include "dev/serial.h"

#include "cpu/registers.h"

#define REGISTER_DATA 0u // divisor low while LINE_DIVISOR is set
#define REGISTER_INTERRUPTS 1u
#define REGISTER_FIFO 2u
#define REGISTER_LINE 3u
#define REGISTER_MODEM 4u
#define REGISTER_STATUS 5u

#define INTERRUPT_RECEIVED 0x01u
#define INTERRUPT_CAN_SEND 0x02u
#define INTERRUPT_MASK 0x0fu
#define FIFO_ON_AND_CLEAR 0xc7u // receive interrupt at 14 bytes, or after a pause
#define LINE_8N1 0x03u
#define LINE_DIVISOR 0x80u
#define MODEM_DTR_RTS 0x03u
#define MODEM_OUT2 0x08u // lets the interrupt line out on a PC
#define STATUS_RECEIVED 0x01u
#define STATUS_TRANSMIT_EMPTY 0x20u
#define NO_UART 0xffu

static uint8_t read_register(const struct serial_port *port, uint16_t number)
{
    return port_read8((uint16_t)(port->base + number));
}

static void write_register(const struct serial_port *port, uint16_t number, uint8_t value)
{
    port_write8((uint16_t)(port->base + number), value);
}

// Four bits of the interrupt register can be set, four cannot. A missing UART reads all ones; the
// loopback test is not used, since it fails on some real wiring.
static bool probe(const struct serial_port *port)
{
    if (read_register(port, REGISTER_STATUS) == NO_UART)
        return false;
    write_register(port, REGISTER_INTERRUPTS, 0);
    if (read_register(port, REGISTER_INTERRUPTS) != 0)
        return false;
    write_register(port, REGISTER_INTERRUPTS, INTERRUPT_MASK);
    uint8_t seen = read_register(port, REGISTER_INTERRUPTS);
    write_register(port, REGISTER_INTERRUPTS, 0);
    return seen == INTERRUPT_MASK;
}

bool serial_open(struct serial_port *port, uint16_t base)
{
    *port = (struct serial_port){ .base = base };
    write_register(port, REGISTER_LINE, LINE_8N1); // DLAB off: register 1 is the interrupts'
    write_register(port, REGISTER_MODEM, 0);       // no interrupt gets out while probing
    if (!probe(port))
        return false;
    write_register(port, REGISTER_LINE, LINE_8N1 | LINE_DIVISOR);
    write_register(port, REGISTER_DATA, 1); // 115200
    write_register(port, REGISTER_INTERRUPTS, 0);
    write_register(port, REGISTER_LINE, LINE_8N1);
    write_register(port, REGISTER_FIFO, FIFO_ON_AND_CLEAR);
    write_register(port, REGISTER_MODEM, MODEM_DTR_RTS);
    port->present = true;
    return true;
}

bool serial_can_write(const struct serial_port *port)
{
    return port->present && (read_register(port, REGISTER_STATUS) & STATUS_TRANSMIT_EMPTY) != 0;
}

size_t serial_try_write(struct serial_port *port, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    size_t sent = 0;

    if (!port->present)
        return 0;
    while (sent < length && serial_can_write(port))
        write_register(port, REGISTER_DATA, bytes[sent++]);
    return sent;
}

int serial_read(struct serial_port *port)
{
    if (!port->present || !(read_register(port, REGISTER_STATUS) & STATUS_RECEIVED))
        return -1;
    return read_register(port, REGISTER_DATA);
}

void serial_interrupts(struct serial_port *port, bool received, bool can_send)
{
    if (!port->present)
        return;
    write_register(port, REGISTER_INTERRUPTS,
                   (received ? INTERRUPT_RECEIVED : 0) | (can_send ? INTERRUPT_CAN_SEND : 0));
    write_register(port, REGISTER_MODEM,
                   received || can_send ? MODEM_DTR_RTS | MODEM_OUT2 : MODEM_DTR_RTS);
}
