// The tour: scenes that walk through chapter 6 of "Operating Systems: Three Easy Pieces" on the
// running kernel. A scene does the real thing in child processes and judges it in the parent, by
// wait statuses, recorded events, memory and counts; never by what a child says of itself.
#pragma once

#include "program.h"

#define LINE_WIDTH 78

enum outcome { SCENE_OK, SCENE_FAILED, SCENE_NOT_SHOWN };

struct scene {
    const char *name;
    const char *title;
    const char *text; // what the chapter says and what to expect: at most 8 lines of 78 columns
    void (*show)(void);
};

extern const struct scene scenes[];
extern const size_t scene_count;

// show() of each scene. It calls expect() for everything that must hold.
void show_direct(void);
void show_system_call(void);
void show_privileged(void);
void show_trap_table(void);
void show_pointer(void);
void show_cooperative(void);
void show_timer(void);
void show_switch(void);
void show_hidden(void);
void show_exit(void);
void show_call_cost(void);
void show_switch_cost(void);

// Prints the claim with a mark in front. A claim that does not hold makes the scene fail; the first
// such claim is the reason in its verdict. Returns `holds`.
bool expect(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
// This boot cannot show the scene; `how` says how to see it.
void not_shown(const char *how);
// An empty line, unless there is one already.
void gap(void);
// A line of the scene, indented.
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
