// The parts of the first process: the programs that the command line names (jobs.c), the console's
// shell (session.c), the children and signals of both (main.c), the end of everything (ending.c).
// Every signal is blocked here; main.c and ending.c take them one by one.
#pragma once

#include "program.h"

#include <sys/types.h>

#define QUICK_NS 1000000000u // who lived less than this died quickly
#define RESTART_LIMIT 5      // more quick deaths in a row, and nothing is started again

// What to do with the machine in the end.
enum ending { ENDING_POWER_OFF, ENDING_HALT, ENDING_RESTART };

// "[service:]PROG,ARG,...", cut in place.
void jobs_add(char *words);
// Starts what is due. False: every program has ended.
bool jobs_advance(void);
// A child ended; false: it is none of these.
bool jobs_take_child(pid_t pid, int status);
// The programs that did not exit 0, services left out.
unsigned jobs_failed(void);

// Starts the shell when none runs. False: it dies at once, again and again.
bool session_advance(void);
void session_take_child(pid_t pid);
// The shell's connection is gone: it ignores SIGTERM, but not this.
void session_hang_up(void);

// session.c too: the console's settings as they were at the beginning.
void console_remember(void);
void console_restore(void);

// Collects every child that ended by now; nothing is started. False: there are no children.
bool children_collect(void);
// For a child before it executes a program: no blocked signals.
void signals_release(void);

// Everything ends: programs are asked, then killed; then the machine.
_Noreturn void machine_end(enum ending ending);
bool machine_is_ending(void);
