// The keyboard driver against a controller that behaves, and against the many that do not.
#include <string.h>

#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/ioapic.h"
#include "dev/acpi.h"
#include "dev/i8042.h"
#include "drivers/console.h"
#include "drivers/keyboard.h"
#include "stubs.h"
#include "test.h"

#define PORT_DATA 0x60
#define PORT_COMMAND 0x64
#define QUEUE_SIZE 256u
#define MOUSE 0x100u // in a queued byte: from the second port
#define BUSY 2u

// How the fake misbehaves.
static struct {
    bool is_absent, is_busy, is_dumb; // dumb: takes commands and says nothing
    bool cannot_translate;
    bool has_no_keyboard;
    bool talks_forever;
    unsigned resends; // so many bytes are wanted again
} fake;

static uint16_t queue[QUEUE_SIZE];
static unsigned queue_first, queue_end;
static uint8_t configuration, command;
static uint8_t keyboard_heard[64];
static unsigned heard_count, command_count;
static bool is_routed;

struct acpi_summary acpi;

static void push(uint16_t byte)
{
    queue[queue_end++ % QUEUE_SIZE] = byte;
}

static uint8_t read_port(uint16_t port)
{
    bool has_byte = queue_first != queue_end || fake.talks_forever;

    if (fake.is_absent)
        return UINT8_MAX;
    if (port == PORT_COMMAND) {
        bool is_mouse = queue_first != queue_end && (queue[queue_first % QUEUE_SIZE] & MOUSE);
        return (uint8_t)(0x1c | (fake.is_busy ? BUSY : 0) | has_byte | (is_mouse ? 0x20 : 0));
    }
    CHECK_EQUAL(port, PORT_DATA);
    if (queue_first != queue_end)
        return (uint8_t)queue[queue_first++ % QUEUE_SIZE];
    return 0x1e;
}

static void hear(uint8_t byte)
{
    CHECK(heard_count < sizeof(keyboard_heard));
    keyboard_heard[heard_count++] = byte;
    if (fake.has_no_keyboard)
        return;
    push(fake.resends > 0 ? 0xfe : 0xfa);
    fake.resends -= fake.resends > 0;
}

static void write_port(uint16_t port, uint8_t value)
{
    CHECK(!fake.is_absent && !fake.is_busy);
    if (port == PORT_COMMAND) {
        command = value;
        command_count++;
        if (value == 0x20 && !fake.is_dumb)
            push(configuration);
    } else if (command == 0x60) {
        configuration = fake.cannot_translate ? value & 0xbf : value;
        command = 0;
    } else {
        hear(value);
    }
}

int ioapic_route(uint32_t line, uint8_t vector, uint32_t apic_id, bool active_low,
                 bool level_triggered)
{
    CHECK(line == 1 && vector == VECTOR_KEYBOARD && !active_low && !level_triggered);
    is_routed = true;
    return 0;
}

static char received[128];
static size_t received_count;

void keyboard_test_input(enum console_face face, const char *bytes, size_t count);
void keyboard_test_input(enum console_face face, const char *bytes, size_t count)
{
    CHECK(face == CONSOLE_SCREEN && received_count + count < sizeof(received));
    memcpy(received + received_count, bytes, count);
    received_count += count;
}

bool keyboard_test_application(void);
bool keyboard_test_application(void)
{
    return false;
}

// Returns how many milliseconds it took.
static uint64_t start(const char *keymap)
{
    fake_ports.read = read_port;
    fake_ports.write = write_port;
    uint64_t before_ns = clock_now_ns();
    keyboard_init(keymap, 1, false, false);
    return (clock_now_ns() - before_ns) / 1000000;
}

static void type(const uint8_t *scancodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        push(scancodes[i]);
    keyboard_interrupt();
}

#define TYPE(...) type((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void expect_working(void)
{
    CHECK(is_routed);
    CHECK_EQUAL(queue_first, queue_end);
    TYPE(0x1e, 0x9e, 0x30);
    CHECK_TEXT(received, "ab");
}

TEST(keyboard_controller_is_set_up)
{
    configuration = 0x37; // mouse on, keyboard off, no translation
    push(0x10);           // typed during the boot
    push(0x30 | MOUSE);
    CHECK(start(NULL) < 5);
    CHECK_EQUAL(configuration, 0x65); // keyboard's interrupt, system flag, no mouse, translation
    static const uint8_t expected[] = { 0xf5, 0xed, 0, 0xf4 };
    CHECK_EQUAL(heard_count, sizeof(expected));
    CHECK(memcmp(keyboard_heard, expected, sizeof(expected)) == 0);
    CHECK(strstr(log_last_line, "layout us") != NULL);
    expect_working();
}

TEST(keyboard_controller_absent)
{
    fake.is_absent = true;
    CHECK(start("de") < 5);
    CHECK(strstr(log_last_line, "no PS/2 controller: nothing answers") != NULL && !is_routed);
    keyboard_interrupt();
    CHECK_EQUAL(received_count, 0);
}

TEST(keyboard_controller_denied_by_firmware)
{
    acpi.lacks_i8042 = true;
    CHECK(start(NULL) < 5);
    CHECK(strstr(log_last_line, "no PS/2 controller: the firmware") != NULL && !is_routed);
    CHECK_EQUAL(command_count, 0);
}

TEST(keyboard_controller_that_is_stuck)
{
    fake.is_busy = true;
    CHECK(start(NULL) < 25);
    CHECK(strstr(log_last_line, "no PS/2 controller: ") != NULL && !is_routed);
}

TEST(keyboard_controller_that_is_dumb)
{
    fake.is_dumb = true;
    CHECK(start(NULL) < 25);
    CHECK(strstr(log_last_line, "no PS/2 controller: ") != NULL && !is_routed);
}

TEST(keyboard_controller_that_talks_forever)
{
    fake.talks_forever = true;
    fake.has_no_keyboard = true;
    CHECK(start(NULL) < 150);
    keyboard_interrupt(); // comes back
    CHECK(received_count > 0 && received_count <= 64);
}

TEST(keyboard_missing)
{
    fake.has_no_keyboard = true;
    CHECK(start(NULL) < 150);
    CHECK(strstr(log_last_line, "no keyboard answers yet") != NULL);
    CHECK_EQUAL(heard_count, 1);
    expect_working(); // plugged in later
}

TEST(keyboard_wants_to_hear_it_again)
{
    fake.resends = 2;
    CHECK(start(NULL) < 5);
    CHECK(strstr(log_last_line, "answers") == NULL);
    CHECK_EQUAL(heard_count, 6);
    expect_working();
}

TEST(keyboard_controller_without_translation)
{
    fake.cannot_translate = true;
    start(NULL);
    static const uint8_t expected[] = { 0xf5, 0xf0, 1, 0xed, 0, 0xf4 };
    CHECK_EQUAL(heard_count, sizeof(expected));
    CHECK(memcmp(keyboard_heard, expected, sizeof(expected)) == 0);
    expect_working();
}

TEST(keyboard_ignores_the_mouse)
{
    start(NULL);
    push(0x1e);
    push(0x1e | MOUSE);
    push(0xe0 | MOUSE);
    push(0x30);
    keyboard_interrupt();
    CHECK_TEXT(received, "ab");
    keyboard_interrupt(); // spurious
    CHECK_TEXT(received, "ab");
}

TEST(keyboard_layout_by_name)
{
    start("fr");
    CHECK(strstr(log_last_line, "layout fr") != NULL);
    TYPE(0x10);
    CHECK_TEXT(received, "a");
    start("dvorak");
    CHECK(strstr(log_last_line, "layout us") != NULL);
}

// Each step waits for its acknowledgement, which comes as an interrupt.
TEST(keyboard_leds)
{
    start(NULL);
    heard_count = 0;
    push(0x3a);
    keyboard_interrupt();
    CHECK(heard_count == 2 && keyboard_heard[0] == 0xed && keyboard_heard[1] == 0x04);
    TYPE(0xba, 0x45, 0xc5);
    CHECK(heard_count == 4 && keyboard_heard[2] == 0xed && keyboard_heard[3] == 0x06);
    TYPE(0x1e, 0x9e);
    CHECK_EQUAL(heard_count, 4);
    CHECK_TEXT(received, "A");
}

TEST(keyboard_leds_without_answers)
{
    start(NULL);
    heard_count = 0;
    fake.has_no_keyboard = true;
    TYPE(0x3a, 0xba, 0x1e, 0x9e, 0x1e, 0x9e);
    CHECK_EQUAL(heard_count, 1); // and then it waits, typing or not
    fake.has_no_keyboard = false;
    TYPE(0x3a, 0xba);
    CHECK(heard_count == 3 && keyboard_heard[1] == 0xed && keyboard_heard[2] == 0);
    fake.is_busy = true; // not taken now: later
    TYPE(0x45, 0xc5);
    CHECK_EQUAL(heard_count, 3);
    fake.is_busy = false;
    TYPE(0x30);
    CHECK(heard_count == 5 && keyboard_heard[3] == 0xed && keyboard_heard[4] == 0x02);
    CHECK_TEXT(received, "AAb");
}

static unsigned reboots;

static void count_reboot(void)
{
    reboots++;
}

TEST(keyboard_reboot_receiver)
{
    start(NULL);
    TYPE(0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3); // nobody is there
    keyboard_set_reboot_receiver(count_reboot);
    TYPE(0xe0, 0x53, 0xe0, 0x53);
    CHECK_EQUAL(reboots, 1);
}
