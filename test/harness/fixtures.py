"""The pytest fixtures of the system tests; test/system/conftest.py makes them known.

boot         starts a machine, returns the running harness.guest.Guest
booted       the same, run to its end and shared by the tests of a file that ask for the same
run_exec     one program through `test/qemu.py exec`, as a user would start it
compile_c    a static program from C source, against glibc or musl
built        the folder of another build than the one under test
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import pytest

import trace as trace_file
from harness import compiler
from harness.guest import Guest
from harness.machine import Machine
from harness.media import ROOT, Media, default_build
from harness.newc import Archive

QEMU_PROGRAM = os.path.join(ROOT, "test", "qemu.py")
HANG_SECONDS = 120
# What the running test has booted or looked at, and the commands that it started, each with whether
# input was sent: for a failure's report. For what tests share, test/conftest.py remembers it.
guests_of_test, commands_of_test = [], []


def start_guest(cmdline="", *, initramfs_extra=None, kernel=None, initramfs=None, loader=None,
                build=None, timeout=HANG_SECONDS, **machine):
    """Boots. `machine`: smp, mem, cpu, machine, medium, ... as harness.machine.Machine has them."""
    machine = {key: value for key, value in machine.items() if value is not None}
    media = Media(build=build or default_build(), cmdline=cmdline, kernel=kernel,
                  initramfs=initramfs, loader=loader)
    if initramfs_extra:
        media.appended = archive_of(initramfs_extra)
    guests_of_test.append(Guest(Machine(**machine), media, timeout))
    return guests_of_test[-1]


def archive_of(files):
    """{path: bytes} or {path: (bytes, mode)}; plain bytes are executable."""
    archive = Archive()
    for path, content in files.items():
        data, mode = content if isinstance(content, tuple) else (content, 0o755)
        archive.file(path, data, mode)
    return archive.finish()


@dataclass
class ExecResult:
    status: int  # as a shell sees it
    stdout: bytes
    stderr: bytes
    log: list = field(default_factory=list)  # the kernel log's lines
    trace: object = None  # trace.TraceFile, when asked for


@pytest.fixture
def boot():
    """boot(cmdline, ...) as start_guest; what still runs at the end of the test is stopped."""
    guests = []

    def boot_one(*arguments, **options):
        guests.append(start_guest(*arguments, **options))
        return guests[-1]

    yield boot_one
    for guest in guests:
        guest.stop()


@pytest.fixture(scope="session")
def booted():
    """booted(cmdline, ...): a machine that has ended; equal arguments share one run."""
    guests = {}

    def boot_to_end(*arguments, **options):
        key = repr((arguments, sorted(options.items())))
        if key not in guests:
            guests[key] = start_guest(*arguments, **options)
        elif guests[key] not in guests_of_test:
            guests_of_test.append(guests[key])
        guests[key].wait()
        return guests[key]

    yield boot_to_end
    for guest in guests.values():
        guest.stop()


def exec_command(argv, *, env=None, cwd=None, files=None, timeout=HANG_SECONDS, cmdline="",
                 smp=None, mem=None, cpu=None, machine=None, icount=False, trace=None, log=None,
                 medium=None, vga=None, serial=True, live=False):
    """The command line of `qemu.py exec`, for tests that drive it themselves; a failure tells how
    to repeat it. `live`: the program will get input, which is not told."""
    command = [sys.executable, QEMU_PROGRAM, "exec", "--build-dir", default_build()]
    named = {"--cwd": cwd, "--files": files, "--timeout": timeout, "--smp": smp, "--mem": mem,
             "--cpu": cpu, "--machine": machine, "--trace": trace, "--log": log,
             "--medium": medium, "--vga": vga}
    for option, value in named.items():
        if value is not None:
            command += [option, str(value)]
    for name, value in (env or {}).items():
        command += ["--env", f"{name}={value}"]
    command += ["--icount"] if icount else []
    command += [] if serial else ["--no-serial"]
    return noted([*command, f"--cmdline={cmdline}", "--", *map(os.fspath, argv)], live)


def noted(command, live=False):
    """The command, which is going to be run: a failure tells it. `live`: with input."""
    commands_of_test.append((command, live))
    return command


@pytest.fixture
def run_exec():
    """run_exec([prog, arg...], stdin=..., trace=True, ...) -> ExecResult.

    `stdin`: bytes arrive live through a pipe; an open file is passed as it is; None is /dev/null.
    Everything else as exec_command.
    """

    def run(argv, stdin=None, trace=False, **options):
        with tempfile.TemporaryDirectory(prefix="ringfence-exec-") as folder:
            log = os.path.join(folder, "log")
            events = os.path.join(folder, "trace") if trace else None
            command = exec_command(argv, log=log, trace=events, live=stdin is not None, **options)
            given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
            given = {"stdin": subprocess.DEVNULL} if stdin is None else given
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    check=False, **given)
            lines = read(log).decode("utf-8", "replace").splitlines()
            decoded = trace_file.load(read(events)) if trace and result.returncode != 125 else None
            return ExecResult(result.returncode, result.stdout, result.stderr, lines, decoded)

    return run


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory):
    """compile_c(source or path, libc="glibc", flags=[]) -> path of a static program."""

    def compile_one(source, libc="glibc", flags=()):
        folder = tmp_path_factory.mktemp("program")
        return compiler.compile_program(source, str(folder / "program"), libc, list(flags))

    return compile_one


@pytest.fixture(scope="session")
def built():
    """built("release", "DEBUG=0") -> build/release, made with this when it is not up to date."""

    def make(name, *variables):
        result = subprocess.run(["make", "-s", "WITHOUT=", *variables], cwd=ROOT, text=True,
                                check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        assert result.returncode == 0, result.stdout
        return os.path.join(ROOT, "build", name)

    return make


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
