// Stands before kernel/cpu/percpu.h on the host: GS does not lead to a CPU here, threads.c has one.
#pragma once

#define this_cpu kernel_this_cpu
#define current_thread kernel_current_thread
#include_next "cpu/percpu.h"
#undef this_cpu
#undef current_thread

struct percpu *this_cpu(void);
struct thread *current_thread(void);
