// How a program without an operating system speaks: bytes to the first serial port, polled. For the
// programs of this folder, which run in ring 0 by call and return.
#pragma once

#include <stdint.h>

#define SERIAL_PORT 0x3f8
#define SERIAL_LINE_STATUS (SERIAL_PORT + 5)
#define SERIAL_CAN_SEND 0x20

static inline void port_write(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void say(const char *text)
{
    for (; *text != '\0'; text++) {
        for (int tries = 0; tries < 100000 && !(port_read(SERIAL_LINE_STATUS) & SERIAL_CAN_SEND);)
            tries++;
        port_write(SERIAL_PORT, (uint8_t)*text);
    }
}

// "NAME 0x..." on a line.
static inline void say_value(const char *name, uint64_t value)
{
    char digits[19] = "0x";
    for (int i = 0; i < 16; i++)
        digits[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    digits[18] = '\0';
    say(name);
    say(" ");
    say(digits);
    say("\n");
}

#define READ_CONTROL(name)                                                                         \
    static inline uint64_t read_##name(void)                                                       \
    {                                                                                              \
        uint64_t value;                                                                            \
        __asm__ volatile("movq %%" #name ", %0" : "=r"(value));                                    \
        return value;                                                                              \
    }
READ_CONTROL(cr0)
READ_CONTROL(cr3)
READ_CONTROL(cr4)
READ_CONTROL(dr6)
READ_CONTROL(dr7)
READ_CONTROL(cs)
READ_CONTROL(ss)

static inline uint64_t read_msr(uint32_t number)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}
