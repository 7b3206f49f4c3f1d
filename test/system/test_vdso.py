"""C libraries read the clocks through the vDSO: no system call is recorded. When the TSC is not
trusted, they make them after all."""

import os
import shutil
from collections import Counter

import pytest

import trace as trace_file

pytestmark = pytest.mark.xdist_group("vdso")

TURNS = 1000
CALLS = {96: "gettimeofday", 201: "time", 228: "clock_gettime", 309: "getcpu"}
SYSCALL_VECTOR = 256

PROGRAM = r"""
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

int main(void)
{
    static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                  CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME };
    struct timespec now;
    struct timeval day;
    long long last = 0;
    for (int turn = 0; turn < %d; turn++) {
        for (int i = 0; i < 6; i++) {
            if (clock_gettime(clocks[i], &now) != 0)
                return 1;
        }
        long long this = now.tv_sec * 1000000000ll + now.tv_nsec;
        if (this < last || gettimeofday(&day, NULL) != 0 || time(NULL) + 1 < day.tv_sec ||
            sched_getcpu() != 0)
            return 2;
        last = this;
    }
    printf("fine\n");
    return 0;
}
""" % TURNS


@pytest.fixture(scope="module")
def programs(compile_c, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for libc in ("musl", "glibc"):
        shutil.copy(compile_c(PROGRAM, libc=libc), folder / libc)
    return folder


def calls_of(run_exec, programs, cmdline):
    """Program -> how often it made each of CALLS."""
    result = run_exec(["/bin/busybox", "sh", "-c", "./musl && ./glibc"], trace=True, timeout=90,
                      files=os.fspath(programs), cmdline=cmdline)
    assert (result.status, result.stdout) == (0, b"fine\nfine\n"), result.stderr
    assert result.trace.lost_count == 0
    names = {thread: name for thread, (_, name) in result.trace.thread_names().items()}
    counts = {"musl": Counter(), "glibc": Counter()}
    for event in result.trace.events:
        if event.name == "ENTRY" and names.get(event.thread) in counts:
            entry = trace_file.plain(event)
            if entry.a == SYSCALL_VECTOR and entry.b in CALLS:
                counts[names[event.thread]][CALLS[entry.b]] += 1
    return counts


def test_reading_the_clocks_makes_no_system_call(run_exec, programs):
    counts = calls_of(run_exec, programs, "trace=20000")
    assert not counts["musl"] and not counts["glibc"], counts


def test_untrusted_tsc_means_system_calls(run_exec, programs):
    counts = calls_of(run_exec, programs, "trace=131072 tsc=unstable")
    assert counts["musl"]["clock_gettime"] >= 6 * TURNS
    assert counts["glibc"]["clock_gettime"] >= 6 * TURNS
    assert counts["musl"]["getcpu"] == counts["glibc"]["getcpu"] == 0  # that is no clock
