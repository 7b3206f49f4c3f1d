// Letters: what a dead key and a letter make together, and their other case. Unicode below 0x10000;
// letters of Latin-1 and Latin Extended-A. Pure.
#pragma once

#include "lib/types.h"

// Is this table entry a dead key (enum dead_key)?
must_check bool compose_is_mark(uint16_t character);
// The accented letter; 0 when there is none.
must_check uint16_t compose_letter(uint16_t mark, uint16_t letter);
// The mark as a character of its own.
must_check uint16_t compose_spacing(uint16_t mark);
// The letter in its other case; anything else as it is.
must_check uint16_t compose_other_case(uint16_t character);
