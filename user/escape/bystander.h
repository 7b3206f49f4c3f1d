// A process that wants nothing of anybody: it holds patterns of its own in all registers and in
// memory, and looks whether they stay.
#pragma once

#include "attempt.h"

struct bystander; // shared with its process

enum bystander_kind {
    BYSTANDER_ON_CPU_0, // wants all of it
    BYSTANDER_AT_REST,  // looks now and then
};

struct bystander *bystander_start(enum bystander_kind kind);
uint64_t bystander_run_ns(const struct bystander *bystander); // its time so far
bool bystander_has_ended(const struct bystander *bystander);  // because something had changed
uint64_t bystander_rounds(const struct bystander *bystander);
// Ends it. 0, or attempt_note()'s 1: what had changed, or how it had ended.
int bystander_end(struct bystander *bystander);
