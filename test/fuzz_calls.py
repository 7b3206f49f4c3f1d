#!/usr/bin/env python3
"""Runs /bin/callfuzz in the guest: system calls at random, with a verdict from outside.

  fuzz_calls.py [--calls N] [--seed N] [knobs]

Shows callfuzz's progress, then what every call came to; status 0 only if the kernel stayed up, each
call succeeded often enough, no child left anything, and the log says that everything came back.
Otherwise it says how the run is repeated. --coverage (a build with COVERAGE=1) reads the counters
of the lines out of the machine, once it is off, and prints how much of each folder ran.
"""

import argparse
import re
import sys
import time

sys.dont_write_bytecode = True

import coverage
from harness import execute, log, repeat
from harness.guest import Guest, GuestError
from harness.machine import Machine
from harness.media import ROOT, Media, default_build

SHOWN = re.compile(r"^callfuzz: |^BAD |\] panic: |^init: done")
CHILD = re.compile(r"\] panic: running: process \d+ \(fuzz-([0-9a-f]{8})\)")


def main():
    options = parse()
    seed = options.seed if options.seed is not None else int(time.time())
    if options.coverage:  # the counters lie where they were linked
        options.cmdline += " nokaslr"
    cmdline = cmdline_of(options, program(options, seed))
    print(f"fuzz_calls: {options.build_dir}: {cmdline}", flush=True)
    settings = Machine(smp=options.smp, mem=options.mem, cpu=options.cpu, tcg=options.tcg,
                       icount=options.icount, hold=options.coverage)
    with Guest(settings, Media(build=options.build_dir, cmdline=cmdline), options.timeout,
               on_line=show) as guest:
        complaint = run(guest, options)
        execute.keep_log(guest, options.log)
        if complaint:
            print(f"fuzz_calls: {complaint}")
            tell_repetition(guest, options)
            return 1
    print("fuzz_calls: nothing went wrong")
    return 0


def cmdline_of(options, words):
    return f"panic=1 {options.cmdline.strip()} -- {words}".replace("  ", " ")


def program(options, seed):
    words = ["/bin/callfuzz", "-s", seed, "-n", options.calls, "-c", options.child_calls,
             "-j", options.children] + (["-v"] if options.verbose else [])
    return ",".join(map(str, words))


def run(guest, options):
    """What went wrong, or None."""
    try:
        if options.coverage:
            guest.wait_for_power_off()
            coverage.report(guest, options.build_dir)
            guest.process.kill()
        guest.wait()
    except GuestError as error:
        return guest.panic or error.reason
    if guest.panic:
        return guest.panic
    if not log.came_back(guest.log):
        return "not everything came back"
    return log.programs_failed(guest.log)


def show(line):
    if SHOWN.search(line):
        print(line, flush=True)


def tell_repetition(guest, options):
    """The run as it was; the child that ran when it panicked, alone."""
    print(f"fuzz_calls: the whole log: {options.log}")
    for line in repeat.lines(guest):
        print(f"fuzz_calls: {line}")
    children = guest.matches(CHILD.pattern)
    if children:
        child = int(children[0][1], 16)
        alone = argparse.Namespace(calls=options.child_calls, child_calls=options.child_calls,
                                   children=1, verbose=True)
        settings = Machine(mem=options.mem, cpu=options.cpu, icount=True)
        command = repeat.command(settings, cmdline_of(options, program(alone, child)),
                                 repeat.kept(guest.media))
        print(f"fuzz_calls: that child alone, each time the same: {command}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--children", type=int, default=8, help="at once")
    parser.add_argument("--child-calls", type=int, default=2000)
    parser.add_argument("--verbose", action="store_true", help="names each call before it is made")
    parser.add_argument("--smp", default="4")
    parser.add_argument("--mem", default="1G")
    parser.add_argument("--cpu", default="")
    parser.add_argument("--tcg", default="single", help="turns in one thread get the most done")
    parser.add_argument("--icount", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--cmdline", default="")
    parser.add_argument("--build-dir", default=default_build())
    parser.add_argument("--timeout", type=float, help="seconds before the run counts as hung")
    parser.add_argument("--log", default=f"{ROOT}/build/fuzz-calls.log")
    options = parser.parse_args()
    if options.timeout is None:  # a slow machine makes some hundred calls a second
        options.timeout = 600 + options.calls / 200
    return options


if __name__ == "__main__":
    sys.exit(main())
