// Each test runs in a child of the session's leader, in the foreground, with fresh settings.
#pragma once

#include "suite.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern const struct test job_tests[], input_tests[], control_tests[];
extern const size_t job_test_count, input_test_count, control_test_count;

#define TERMINAL 0 // descriptor

// Asks whoever sits at the terminal to type this: a line "TYPE text".
void ask_for(const char *text);
// Waits until so many bytes can be read.
void wait_for_input(int count);
void set_raw(int minimum, int time);
void set_local(tcflag_t set, tcflag_t clear);
// Runs `body` in a child that is a process group of its own, in the background. Its wait status;
// a stop is reported too, and the child is killed then.
int in_background(bool (*body)(void));
// The same in a group that nobody is left to continue.
int as_orphan(bool (*body)(void));
void ignore_signal(int signal);
int check_hang_up(void); // 0: as on Linux
void block_signal(int signal);
