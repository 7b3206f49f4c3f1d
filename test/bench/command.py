"""What the commands bench.py and scale.py have in common: how they end, options, places."""

import argparse
import os
import signal
import subprocess
import sys

from bench import linux
from bench.machines import BenchError
from harness.guest import GuestError
from harness.media import ROOT

RELEASE = os.path.join(ROOT, "build", "release")
TROUBLE = 2  # exit status: nothing was measured
FAILURES = (BenchError, GuestError, linux.NoLinux, OSError, subprocess.CalledProcessError)


def run(name, act, options):
    """Exit status: act's, TROUBLE, or that of a signal."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # end as after Ctrl-C: machines and folder go
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        return act(options)
    except FAILURES as error:
        print(f"{name}: {error}", file=sys.stderr)
        return TROUBLE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def parser(description):
    return argparse.ArgumentParser(description=description,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)


def add_build(options):
    options.add_argument("--build-dir", default=RELEASE, help="the build that is measured")


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number
