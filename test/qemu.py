#!/usr/bin/env python3
"""Starts the machine. Every QEMU command line of this project is composed here (test/harness).

  qemu.py run [knobs]                  a shell on the terminal; without one: the tour, power-off
  qemu.py boot [knobs]                 boots, prints the log, waits for the power-off
  qemu.py exec [knobs] -- PROG ARG...  runs a Linux program; its output, input and exit status
  qemu.py debug [knobs]                halted, with gdb attached
"""

import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True

from harness import execute, interactive, log, repeat
from harness.guest import Guest, GuestError
from harness.machine import MEDIA, Machine
from harness.media import Media, default_build, default_cmdline

TOUR = " -- /bin/tour,all"
BOOT_SECONDS = 120
ICOUNT_BOOT_SECONDS = 900


def main():
    keep_standard_descriptors()
    for number in (signal.SIGTERM, signal.SIGHUP):  # end as after Ctrl-C: machine and folder go
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    options = parse(sys.argv[1:])
    handler = {"run": run, "boot": boot, "exec": execute.command, "debug": interactive.debug}
    try:
        return handler[options.mode](options)
    except (GuestError, OSError, ValueError) as error:
        print(f"qemu.py: {error}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def run(options):
    options.cmdline = options.cmdline.strip() or default_cmdline()
    if sys.stdin and sys.stdin.isatty():
        return interactive.run(options)
    if not interactive.chooses_programs(options.cmdline):
        options.cmdline += TOUR
    return boot(options, log.programs_failed)


def boot(options, find_failure=lambda lines: None):
    """Boots with the log on standard output; 0 only if it ended with everything given back, and
    `find_failure` finds nothing to complain of in the log."""
    settings, media = machine_of(options), media_of(options, options.cmdline)
    with Guest(settings, media, timeout=options.timeout, on_line=print_line) as guest:
        try:
            guest.wait()
            reason = find_failure(guest.log)
            if not guest.orderly:
                reason = f"no orderly power-off ({guest.end_reason})"
            if not guest.end_reason:  # QEMU refused, or died
                reason = guest.complaint().strip()
        except GuestError as error:
            reason = error.reason
        if options.log:
            execute.keep_log(guest, options.log)
        if reason:
            print("\n".join([f"qemu.py: {reason}", *repeat.lines(guest)]), file=sys.stderr)
        return 1 if reason else 0


def print_line(line):
    print(line, flush=True)


def machine_of(options):
    return Machine(smp=options.smp, mem=options.mem, cpu=options.cpu, machine=options.machine,
                   icount=options.icount, tcg=options.tcg, screen=options.screen,
                   medium=options.medium,
                   vga=options.vga, serial=not options.no_serial, plugin=options.plugin,
                   extra=options.qemu)


def media_of(options, cmdline):
    return Media(build=options.build_dir, cmdline=cmdline)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in ("run", "boot", "exec", "debug"):
        sub = modes.add_parser(mode)
        add_knobs(sub)
        if mode == "exec":
            execute.add_options(sub)
        if mode == "debug":
            interactive.add_debug_options(sub)
    options = parser.parse_args(arguments)
    options.machine_of, options.media_of = machine_of, media_of
    if options.timeout is None and options.mode != "exec":
        options.timeout = ICOUNT_BOOT_SECONDS if options.icount else BOOT_SECONDS
    return options


def add_knobs(parser):
    parser.add_argument("--smp", default="1", help="processors, QEMU's -smp")
    parser.add_argument("--mem", default="256M", help="memory, QEMU's -m")
    parser.add_argument("--cpu", default="", help="processor model, QEMU's -cpu")
    parser.add_argument("--tcg", default="", choices=["", "single", "multi"],
                        help="host threads for several processors: one that takes turns, or many")
    parser.add_argument("--machine", default="q35", help="pc or q35")
    parser.add_argument("--medium", default="disk", choices=list(MEDIA), help="what it boots from")
    parser.add_argument("--vga", default="std", help="display adapter, QEMU's -vga")
    parser.add_argument("--plugin", default="", help="QEMU's -plugin (test/profile)")
    parser.add_argument("--qemu", action="append", default=[], help="one more word for QEMU")
    parser.add_argument("--no-serial", action="store_true", help="a machine without COM1")
    parser.add_argument("--cmdline", default="", help="kernel command line (exec: words added)")
    parser.add_argument("--icount", action="store_true", help="one instruction is one nanosecond")
    parser.add_argument("--screen", action="store_true", help="QEMU's window too")
    parser.add_argument("--timeout", type=float, help="seconds before the run counts as hung")
    parser.add_argument("--build-dir", default=default_build(), help="where the build is")
    parser.add_argument("--log", help="file that keeps the serial log")


def keep_standard_descriptors():
    """A closed standard stream must not become the number of some socket of ours."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)


if __name__ == "__main__":
    sys.exit(main())
