// The PS/2 keyboard: sets it up, and takes its bytes on their way to the console. The line leads to
// one CPU, so everything here belongs to that CPU's interrupt as soon as it is routed, and needs no
// lock. Invariant: no loop here depends on the controller to end.
#include "drivers/keyboard.h"

#include "cpu/frame.h"
#include "cpu/ioapic.h"
#include "cpu/percpu.h"
#include "debug/log.h"
#include "dev/acpi.h"
#include "dev/i8042.h"
#include "drivers/console.h"
#include "drivers/key_bytes.h"
#include "drivers/keymap.h"
#include "drivers/scancode.h"

#define COMMAND_LEDS 0xedu
#define COMMAND_SCANCODE_SET 0xf0u
#define COMMAND_SCAN 0xf4u
#define COMMAND_STOP 0xf5u // and forget settings and keys
#define ANSWER_ACK 0xfau
#define ANSWER_RESEND 0xfeu
#define LED_NUM_LOCK 0x02u
#define LED_CAPS_LOCK 0x04u

#define ATTEMPTS 3u              // when the keyboard wants to hear a byte again
#define PATIENCE_NS 100000000ull // a keyboard answers within 20 ms, a tired one later
#define BURST_LIMIT 64u          // bytes taken in by one interrupt
#define NAMES_LIMIT 64u

// Setting the LEDs takes two bytes, each of which the keyboard acknowledges like a key press.
enum led_step { LEDS_IDLE, LEDS_COMMAND_SENT, LEDS_VALUE_SENT };

static struct scancode_decoder decoder;
static struct key_translator translator;
static void (*reboot_receiver)(void);
static enum led_step led_step;
static uint8_t leds_sent; // in the last value that the keyboard was sent

static const struct keymap *choose_keymap(const char *name)
{
    const struct keymap *keymap = name ? keymap_find(name) : &keymap_us;
    char names[NAMES_LIMIT];

    if (keymap)
        return keymap;
    keymap_list_names(names, sizeof(names));
    log_warning("keyboard", "there is no keymap=%s, only %s; using us", name, names);
    return &keymap_us;
}

static bool tell(uint8_t byte)
{
    int answer = ANSWER_RESEND;

    for (uint32_t i = 0; i < ATTEMPTS && answer == ANSWER_RESEND; i++)
        answer = i8042_ask_keyboard(byte, PATIENCE_NS);
    return answer == ANSWER_ACK;
}

// False when nothing answers. A keyboard may be plugged in later; it scans by itself then.
static bool set_up_keyboard(bool translates)
{
    if (!tell(COMMAND_STOP))
        return false;
    if (!translates && tell(COMMAND_SCANCODE_SET))
        (void)tell(1);
    if (tell(COMMAND_LEDS))
        (void)tell(0);
    return tell(COMMAND_SCAN);
}

void keyboard_init(const char *keymap, uint32_t line, bool active_low, bool level_triggered)
{
    bool translates;

    translator.keymap = choose_keymap(keymap);
    const char *problem =
        acpi.lacks_i8042 ? "the firmware says that there is none" : i8042_open(&translates);
    if (problem) {
        log_info("keyboard", "no PS/2 controller: %s", problem);
        return;
    }
    i8042_enable_keyboard();
    bool answers = set_up_keyboard(translates);
    if (ioapic_route(line, VECTOR_KEYBOARD, cpu_by_number(0)->apic_id, active_low,
                     level_triggered)) {
        log_warning("keyboard", "interrupt line %u has no I/O APIC: no key will be heard", line);
        return;
    }
    i8042_enable_interrupt();
    log_info("keyboard", "PS/2 controller, layout %s%s", translator.keymap->name,
             answers ? "" : "; no keyboard answers yet");
}

void keyboard_set_reboot_receiver(void (*receiver)(void))
{
    __atomic_store_n(&reboot_receiver, receiver, __ATOMIC_RELEASE);
}

static uint8_t wanted_leds(void)
{
    return (translator.num_lock ? LED_NUM_LOCK : 0) | (translator.caps_lock ? LED_CAPS_LOCK : 0);
}

static void send_led_byte(uint8_t byte, enum led_step step)
{
    led_step = i8042_try_send(byte) ? step : LEDS_IDLE; // else at the next interrupt
}

// When no answer ever came to the last attempt, a lock key begins anew.
static void update_leds(bool is_lock_change)
{
    if (is_lock_change || (led_step == LEDS_IDLE && leds_sent != wanted_leds()))
        send_led_byte(COMMAND_LEDS, LEDS_COMMAND_SENT);
}

// A keyboard that refuses has no LEDs, and is left alone until a lock changes again.
static void take_answer(uint8_t answer)
{
    enum led_step answered = led_step;

    led_step = LEDS_IDLE;
    if (answered == LEDS_IDLE)
        return;
    leds_sent = wanted_leds();
    if (answered == LEDS_COMMAND_SENT && answer == ANSWER_ACK)
        send_led_byte(leds_sent, LEDS_VALUE_SENT);
}

static void ask_for_reboot(void)
{
    void (*receiver)(void) = __atomic_load_n(&reboot_receiver, __ATOMIC_ACQUIRE);

    if (receiver)
        receiver();
}

static void take_key(const struct key_event *event)
{
    char bytes[KEY_BYTES_LIMIT];
    uint8_t leds_before = wanted_leds();

    if (key_asks_for_reboot(&translator, event))
        ask_for_reboot();
    size_t count = key_bytes(&translator, event, console_cursor_keys_are_application(), bytes);
    update_leds(wanted_leds() != leds_before);
    if (count > 0)
        console_input(CONSOLE_SCREEN, bytes, count);
}

// Reads until the controller is empty: its line is edge-triggered, so that a byte left there would
// be the last.
void keyboard_interrupt(void)
{
    struct key_event event;
    int byte;

    if (!translator.keymap)
        return; // nobody has set this up
    for (uint32_t i = 0; i < BURST_LIMIT && (byte = i8042_take()) != I8042_NOTHING; i++) {
        if (byte == ANSWER_ACK || byte == ANSWER_RESEND)
            take_answer((uint8_t)byte);
        else if (byte >= 0 && scancode_decode(&decoder, (uint8_t)byte, &event))
            take_key(&event);
    }
}
