// Which signal an exception of a program becomes. Pure but for reading the FPU's status.
#pragma once

#include "proc/signal.h"

// For every vector but #PF. `single_step`: DR6 says that TF caused this #DB.
struct fault_info fault_signal(const struct trap_frame *frame, bool single_step);
const char *vector_name(uint64_t vector);
