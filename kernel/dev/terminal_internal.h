// Between terminal.c and the files that carry out its sequences.
#pragma once

#include "dev/terminal.h"

// RIS and the start: everything; DECSTR: the modes, not the screen.
void terminal_reset(struct terminal *terminal);
void terminal_soft_reset(struct terminal *terminal);
// Rows count from the region's top in origin mode, and stay in the region then.
void terminal_move_to(struct terminal *terminal, uint32_t row, uint32_t column);
void terminal_put(struct terminal *terminal, uint32_t code_point);
// Forward or back by that many tab stops.
void terminal_tab(struct terminal *terminal, int64_t count);
void terminal_set_tab_stop(struct terminal *terminal, uint32_t column, bool on);

// terminal_modes.c
void terminal_save_cursor(struct terminal *terminal);
void terminal_restore_cursor(struct terminal *terminal);
// All parameters of SM, RM, DECSET, DECRST.
void terminal_set_modes(struct terminal *terminal, bool on);

// terminal_reply.c: what the sequence in the parser asks for (DSR, DA).
void terminal_report_status(struct terminal *terminal);
void terminal_report_attributes(struct terminal *terminal);

// terminal_sequences.c: the CSI sequence in the parser.
void terminal_do_csi(struct terminal *terminal);
