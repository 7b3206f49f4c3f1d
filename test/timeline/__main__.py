"""`make timeline`: runs one program in the guest and draws what happened.

  timeline [--events N] [--out FOLDER] [exec's options] -- PROG ARG...

Writes FOLDER/timeline.json, timeline.svg and timeline.txt. Exit status: the program's; 125 when
there is no timeline to show.
"""

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import trace
from harness.execute import MACHINE_DIED, NOT_EXECUTABLE, NOT_FOUND, replace_file
from timeline import chrome, describe, picture, program
from timeline.replay import ROOT, replay

RESULTS = ("svg", "json", "txt")
QEMU = os.path.join(ROOT, "test", "qemu.py")
# Its standard output is the table; the program's goes to standard error.
TABLE_PROGRAM = "/bin/lde -e -t /dev/exec/trace"


def main():
    options, more = parse(sys.argv[1:])
    say(f"booting; then {options.program} runs with every event recorded …")
    os.makedirs(options.out, exist_ok=True)
    events = result_path(options, "trace")
    for ending in (*RESULTS, "trace"):  # of another run: they would be taken for this one's
        with contextlib.suppress(FileNotFoundError):
            os.remove(result_path(options, ending))
    run = subprocess.run(exec_command(options, more, events), stdout=subprocess.PIPE, check=False)
    try:
        write_all(options, events, run, "--icount" in more)
    except ValueError as error:
        say(f"no timeline: {error}")
        return run.returncode or MACHINE_DIED
    return run.returncode


def parse(arguments):
    parser = argparse.ArgumentParser(prog="timeline", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=ring_size, help="room for events, of each CPU's ring")
    parser.add_argument("--out", default=os.path.join(ROOT, "build"), help="folder of the results")
    parser.add_argument("--cmdline", default="", help="words for the kernel")
    parser.add_argument("--split-args", default="", help="more arguments, split by shell rules")
    own, _, words = split_at(arguments, "--")
    options, more = parser.parse_known_args(own)
    if not words or not words[0]:
        parser.error("which program?")
    options.program = words[0]
    options.arguments = words[1:] + shlex.split(options.split_args)
    return options, more


def ring_size(text):
    low, high = describe.RING_LIMITS
    if not text.isdigit() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"EVENTS={text} is no number from {low} to {high}")
    return int(text)


def split_at(items, separator):
    at = items.index(separator) if separator in items else len(items)
    return items[:at], separator, items[at + 1:]


def exec_command(options, more, events):
    cmdline = f"trace={options.events or 'on'} {options.cmdline}".strip()
    return [sys.executable, "-B", QEMU, "exec", *more, "--trace", events, f"--cmdline={cmdline}",
            "--through", TABLE_PROGRAM, "--", options.program, *options.arguments]


def write_all(options, path, run, icount):
    data = b""
    if os.path.exists(path):
        with open(path, "rb") as file:
            data = file.read()
    if not data:
        raise ValueError(f"{options.program} did not start"
                         if run.returncode in (NOT_EXECUTABLE, NOT_FOUND)
                         else "the guest sent no events")
    trace_file = trace.load(data)
    model = replay(trace_file)
    if not program.has_started(trace_file):
        raise ValueError(f"{options.program} did not start")
    model, complete = program.cut(trace_file, model, os.path.basename(options.program))
    words = [options.program, *options.arguments]
    facts = describe.Facts(model, words, run.returncode, complete, icount)
    say(f"{trace_file.header.event_count:,} events; drawing …")
    outputs = (picture.text(model, facts.title(), facts.lines(), facts.extent()).encode(),
               chrome.text(model, facts.dictionary()).encode(), run.stdout)
    for ending, data in zip(RESULTS, outputs):
        replace_file(result_path(options, ending), data)
    for line in facts.warnings():
        say(line)
    say(" ".join(os.path.relpath(result_path(options, ending)) for ending in RESULTS))


def result_path(options, ending):
    return os.path.join(options.out, f"timeline.{ending}")


def say(words):
    print(f"timeline: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
