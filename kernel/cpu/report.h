// How cpu/ and dev/ say something to a person: the log above registers itself as the receiver
// (so that nothing here depends on it). Without a receiver lines are dropped. Any context that the
// receiver allows.
#pragma once

#include "lib/types.h"

typedef void (*report_receiver)(const char *area, const char *text);

// Replaces the receiver; NULL for none. Panic puts the emergency log here.
void report_to(report_receiver receiver);
// One line without newline; `area` is one word.
void report_line(const char *area, const char *format, ...) printf_like(2, 3);
