// The i8042: two ports, four flags. Called by drivers/keyboard.c. Invariant: no loop here depends
// on the controller to end. IBM PS/2 Hardware Interface Technical Reference, "Keyboard and
// Auxiliary Device Controller".
#include "dev/i8042.h"

#include "cpu/clock.h"
#include "cpu/registers.h"

#define PORT_DATA 0x60u
#define PORT_STATUS 0x64u
#define PORT_COMMAND 0x64u

#define STATUS_HAS_BYTE 0x01u
#define STATUS_IS_BUSY 0x02u    // has not yet taken what was written
#define STATUS_FROM_MOUSE 0x20u // the byte came through the second port
#define NO_CONTROLLER 0xffu

#define COMMAND_READ_CONFIGURATION 0x20u
#define COMMAND_WRITE_CONFIGURATION 0x60u
#define COMMAND_MOUSE_OFF 0xa7u
#define COMMAND_KEYBOARD_OFF 0xadu
#define COMMAND_KEYBOARD_ON 0xaeu

#define CONFIGURATION_KEYBOARD_INTERRUPT 0x01u
#define CONFIGURATION_MOUSE_INTERRUPT 0x02u
#define CONFIGURATION_KEYBOARD_OFF 0x10u
#define CONFIGURATION_MOUSE_OFF 0x20u
#define CONFIGURATION_TRANSLATE 0x40u // the keyboard's set 2 arrives as set 1

#define ANSWER_ACK 0xfau
#define ANSWER_RESEND 0xfeu

#define CONTROLLER_PATIENCE_NS 10000000ull // it answers within a millisecond
#define FLUSH_LIMIT 64u                    // more than any buffer between us and a key
#define POLL_NS 10000ull // some controllers lose bytes when they are asked without a pause

static uint8_t configuration;

static uint8_t read_status(void)
{
    return port_read8(PORT_STATUS);
}

static bool wait_until_idle(void)
{
    uint64_t deadline_ns = clock_now_ns() + CONTROLLER_PATIENCE_NS;

    while (read_status() & STATUS_IS_BUSY) {
        if (clock_now_ns() >= deadline_ns)
            return false;
        clock_spin_ns(POLL_NS);
    }
    return true;
}

static bool send_command(uint8_t command)
{
    if (!wait_until_idle())
        return false;
    port_write8(PORT_COMMAND, command);
    return true;
}

static bool send_data(uint8_t byte)
{
    if (!wait_until_idle())
        return false;
    port_write8(PORT_DATA, byte);
    return true;
}

// The next byte, wherever it comes from; -1 after the deadline.
static int wait_for_byte(uint64_t deadline_ns)
{
    while (!(read_status() & STATUS_HAS_BYTE)) {
        if (clock_now_ns() >= deadline_ns)
            return -1;
        clock_spin_ns(POLL_NS);
    }
    return port_read8(PORT_DATA);
}

static void flush(void)
{
    for (uint32_t i = 0; i < FLUSH_LIMIT && (read_status() & STATUS_HAS_BYTE); i++) {
        (void)port_read8(PORT_DATA);
        clock_spin_ns(POLL_NS);
    }
}

static int read_configuration(void)
{
    if (!send_command(COMMAND_READ_CONFIGURATION))
        return -1;
    return wait_for_byte(clock_now_ns() + CONTROLLER_PATIENCE_NS);
}

static bool write_configuration(void)
{
    return send_command(COMMAND_WRITE_CONFIGURATION) && send_data(configuration);
}

// No self test: some laptops' controllers come out of it with other settings than they had.
const char *i8042_open(bool *translates)
{
    if (read_status() == NO_CONTROLLER)
        return "nothing answers at its ports";
    if (!send_command(COMMAND_KEYBOARD_OFF) || !send_command(COMMAND_MOUSE_OFF))
        return "what answers at its ports takes no commands";
    flush();
    int found = read_configuration();
    if (found < 0)
        return "what answers at its ports does not say how it is set";
    configuration = (uint8_t)found | CONFIGURATION_TRANSLATE | CONFIGURATION_MOUSE_OFF;
    configuration &= (uint8_t) ~(CONFIGURATION_KEYBOARD_INTERRUPT | CONFIGURATION_MOUSE_INTERRUPT);
    configuration &= (uint8_t)~CONFIGURATION_KEYBOARD_OFF;
    if (!write_configuration())
        return "what answers at its ports cannot be set";
    found = read_configuration();
    *translates = found < 0 || (found & CONFIGURATION_TRANSLATE);
    return NULL;
}

void i8042_enable_keyboard(void)
{
    (void)send_command(COMMAND_KEYBOARD_ON); // ignored by a controller that is stuck: no keys
}

void i8042_enable_interrupt(void)
{
    configuration |= CONFIGURATION_KEYBOARD_INTERRUPT;
    (void)write_configuration();
    flush();
}

int i8042_ask_keyboard(uint8_t byte, uint64_t patience_ns)
{
    uint64_t deadline_ns = clock_now_ns() + patience_ns;

    if (!send_data(byte))
        return -1;
    for (;;) {
        int answer = wait_for_byte(deadline_ns);
        if (answer < 0 || answer == ANSWER_ACK || answer == ANSWER_RESEND)
            return answer;
        if (clock_now_ns() >= deadline_ns)
            return -1; // it talks, but not about this
    }
}

bool i8042_try_send(uint8_t byte)
{
    if (read_status() & STATUS_IS_BUSY)
        return false;
    port_write8(PORT_DATA, byte);
    return true;
}

int i8042_take(void)
{
    uint8_t status = read_status();

    if (status == NO_CONTROLLER || !(status & STATUS_HAS_BYTE))
        return I8042_NOTHING;
    uint8_t byte = port_read8(PORT_DATA);
    return status & STATUS_FROM_MOUSE ? I8042_NOT_OURS : byte;
}
