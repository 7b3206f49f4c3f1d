"""Boots the systems under measurement and collects what they print. All boots of a batch run at the
same time when an instruction is a nanosecond (nothing disturbs such a machine), else one by one.
"""

import os
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench import cost, linux, measured
from harness.guest import Guest, GuestError
from harness.machine import ICOUNT_CPU, Machine
from harness.media import ROOT, Media, read, write

PROGRAMS = os.path.join(ROOT, "build", "user", "stage", "bin")  # as our own image has them
MEASURE = ("measure", "minimal")  # and what it executes
LAYOUTS = 5  # fresh processes that measure each row of kind `layout`
ICOUNT_SECONDS, PLAIN_SECONDS = 900, 300
BEGIN, END = "bench: measuring", "bench: end"
STAGES = {BEGIN: "measuring", END: "done"}  # what a line of the log tells of its machine
SILENCE_SECONDS = 10
OURS_CMDLINE = "trace=off seed=1 -- /bin/sh,/bench"  # the same layouts in every run
OURS, LINUX, TUNED = "ours", "Linux", "Linux tuned"
ISOLATED = "ours kpti=on"


class BenchError(Exception):
    pass


@dataclass
class Result:
    rows: measured.Measured
    costs: dict
    log: list = field(repr=False, default_factory=list)


def script(layout_rows, first="/bin/measure"):
    """Shell commands, the same for every system. What is printed waits for the end, so that no
    console works while something is measured."""
    again = " ".join(["/bin/measure", *layout_rows])
    lines = [f"echo '{BEGIN}'", f"{first} > /tmp/rows"]
    lines += [f"{again} >> /tmp/rows"] * (LAYOUTS - 1 if layout_rows else 0)
    return "\n".join(lines + ["/bin/busybox cat /tmp/rows", f"echo '{END}'"]) + "\n"


def our_media(build, commands, words=""):
    archive = linux.newc.Archive()
    archive.file("/bench", commands.encode())
    cmdline = f"{words} {OURS_CMDLINE}".strip()
    return Media(build=build, cmdline=cmdline, appended=archive.finish())


class Systems:
    """What can be booted, by name. `folder` takes Linux's initramfs and lives as long as this."""

    def __init__(self, build, commands, folder, linux_kernel=None, cpus=1):
        self.build, self.linux_kernel, self.cpus = build, linux_kernel, cpus
        self.with_exec = False
        self.media = {OURS: our_media(build, commands),
                      ISOLATED: our_media(build, commands, "kpti=on")}
        if linux_kernel:
            programs = {f"/bin/{name}": read(os.path.join(PROGRAMS, name)) for name in MEASURE}
            initramfs = write(folder, "linux.cpio", linux.initramfs(programs, commands))
            self.media[LINUX] = linux.boot(linux_kernel, initramfs, linux.MITIGATIONS_OFF)
            self.media[TUNED] = linux.boot(linux_kernel, initramfs, linux.TUNED)

    def boot(self, name, icount, progress):
        settings = Machine(icount=icount, exact=False, cpu=ICOUNT_CPU, smp=str(self.cpus))
        timeout = ICOUNT_SECONDS if icount else PLAIN_SECONDS
        return Guest(settings, self.media[name], timeout, on_line=progress.of(name),
                     with_exec=self.with_exec)

    def result(self, name, guest):
        lines = guest.log
        if name in (OURS, ISOLATED):
            costs = cost.ours(lines, os.path.join(self.build, "kernel.elf"))
        else:
            costs = cost.linux(lines, self.linux_kernel)
        return Result(measured.parse(lines), costs, lines)


class Progress:
    """Says on standard error what each machine is at, with seconds since the start."""

    def __init__(self, quiet=False):
        self.begin = time.monotonic()
        self.quiet = quiet
        self._stages = {}

    def say(self, text):
        if not self.quiet:
            seconds = time.monotonic() - self.begin
            print(f"bench: {seconds:4.0f} s  {text}", file=sys.stderr, flush=True)

    def of(self, name):
        """What a machine's log is shown to, line by line."""
        self._stages[name] = "firmware and boot"

        def take(line):
            if line in STAGES:
                self._stages[name] = STAGES[line]
                self.say(f"{name}: {STAGES[line]}")
        return take

    @contextmanager
    def repeated(self):
        """Meanwhile says every now and then what the machines are at."""
        over = threading.Event()

        def repeat():
            while not over.wait(SILENCE_SECONDS):
                stages = list(self._stages.items())
                self.say("; ".join(f"{name}: {stage}" for name, stage in stages))

        threading.Thread(target=repeat, daemon=True).start()
        try:
            yield
        finally:
            over.set()


def run_batch(systems, names, icount, progress):
    """{name: Result}; every machine and its files are gone afterwards, however this ends."""
    what = "an instruction is a nanosecond: the firmware alone takes 35 s" if icount else "plain"
    progress.say(f"booting {', '.join(names)} ({what})")
    with ExitStack() as stack:
        if not icount:
            return {name: run_one(systems, name, progress) for name in names}
        stack.enter_context(progress.repeated())
        guests = {name: stack.enter_context(systems.boot(name, True, progress)) for name in names}
        return {name: finish(systems, name, guest) for name, guest in guests.items()}


def run_counted(build, commands, plugin, progress):
    """One boot of this kernel with a plugin of QEMU that counts."""
    settings = Machine(cpu=ICOUNT_CPU, plugin=plugin)
    media = our_media(build, commands)
    with Guest(settings, media, PLAIN_SECONDS, on_line=progress.of(OURS)) as guest:
        wait_for_end(OURS, guest)


def run_one(systems, name, progress):
    with systems.boot(name, False, progress) as guest:
        return finish(systems, name, guest)


def finish(systems, name, guest):
    wait_for_end(name, guest)
    return systems.result(name, guest)


def wait_for_end(name, guest):
    try:
        guest.wait()
    except GuestError as error:
        raise BenchError(f"{name}: {error}") from error
    if END not in guest.log:
        raise BenchError(f"{name} did not come to the end:\n{guest.complaint()}")


def measure_ours(build, layout_rows, progress):
    """One deterministic boot of this kernel: what the regression test and bench-accept look at."""
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        systems = Systems(build, script(layout_rows), folder)
        systems.with_exec = True  # the machine that other tests have, which may lie saved
        return run_batch(systems, [OURS], True, progress)[OURS]
