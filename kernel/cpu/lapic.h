// The local APIC: one-shot or TSC-deadline timer, end of interrupt; xAPIC and x2APIC. SDM
// vol. 3A, chapter 11.
#pragma once

#include "lib/types.h"

// `registers` is the uncached mapping of the xAPIC page; ignored in x2APIC mode. Masks the 8259s.
void lapic_init(volatile void *registers);
// On each further CPU: the boot CPU's mode, vectors, timer. Interrupts off.
void lapic_init_cpu(void);
void lapic_end_of_interrupt(void);
// Current count register of the timer running freely, for calibration.
void lapic_timer_start_counting(void);
uint32_t lapic_timer_elapsed(void);
void lapic_timer_set_frequency(uint64_t counts_per_second, uint64_t tsc_hz);
// Fires VECTOR_LAPIC_TIMER when the TSC reaches the deadline, as exactly as the calibration is; one
// that has passed fires at once; one too far for the counter fires early. Interrupts off. Re-arming
// replaces.
void lapic_timer_arm(uint64_t deadline_tsc);
void lapic_timer_stop(void);
bool lapic_timer_uses_tsc_deadline(void);
uint32_t lapic_id(void);
// Interrupts the CPU with this APIC id. Everything stored before is seen there. Interrupts off.
void lapic_send(uint32_t apic_id, uint8_t vector);
void lapic_send_nmi(uint32_t apic_id);
// INIT, after which the CPU waits for the start-up IPI that names a page below 1 MiB (SDM vol. 3A,
// 8.4). Interrupts off.
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint64_t page);
uint32_t lapic_highest_id(void); // that can be sent to, in the mode in use
// Error bits since the last call, for VECTOR_LAPIC_ERROR.
uint32_t lapic_read_errors(void);
