// Between emulator.c and the files that carry out its sequences.
#pragma once

#include "dev/emulator.h"

// RIS and the start: everything; DECSTR: the modes, not the screen.
void emulator_reset(struct emulator *emulator);
void emulator_soft_reset(struct emulator *emulator);
// Rows count from the region's top in origin mode, and stay in the region then.
void emulator_move_to(struct emulator *emulator, uint32_t row, uint32_t column);
// Forward or back by that many tab stops.
void emulator_tab(struct emulator *emulator, int64_t count);
void emulator_set_tab_stop(struct emulator *emulator, uint32_t column, bool on);

// emulator_modes.c
void emulator_save_cursor(struct emulator *emulator);
void emulator_restore_cursor(struct emulator *emulator);
// All parameters of SM, RM, DECSET, DECRST.
void emulator_set_modes(struct emulator *emulator, bool on);

// emulator_reply.c: what the sequence in the parser asks for (DSR, DA).
void emulator_report_status(struct emulator *emulator);
void emulator_report_attributes(struct emulator *emulator);

// emulator_sequences.c: the CSI sequence in the parser.
void emulator_do_csi(struct emulator *emulator);
