"""`qemu.py exec`: one program in the guest, its standard streams and its exit status here."""

import os
import shlex
import signal
import sys
import tempfile
import time
from contextlib import ExitStack

from harness import repeat
from harness.channel import Outcome, Session
from harness.guest import Guest, GuestError
from harness.payload import (DEFAULT_FOLDER, NotExecutable, Payload, input_archive, is_nothing,
                             likely_meant, regular_input)

INIT = repeat.EXEC_INIT
USAGE = 2
MACHINE_DIED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
BROKEN_PIPE = 128 + signal.SIGPIPE
READY_SECONDS = 120
ICOUNT_READY_SECONDS = 900
POWER_OFF_SECONDS = 60
PANIC_SECONDS = 3  # how long a panic may go on printing


def add_options(parser):
    parser.add_argument("--files", help="folder whose contents lie in the program's folder")
    parser.add_argument("--env", action="append", default=[], metavar="K=V")
    parser.add_argument("--cwd", default=DEFAULT_FOLDER, help="the program's folder")
    parser.add_argument("--trace", metavar="OUT", help="file that takes the event ring")
    parser.add_argument("--status", metavar="OUT", help="file that takes the exit status as text")
    parser.add_argument("--split-args", metavar="TEXT", help="more arguments, split by shell rules")
    parser.add_argument("--through", default="", metavar="WORDS",
                        help="program of the guest, with options, that starts the program")
    parser.add_argument("--kept", choices=[repeat.LIVE, repeat.FILED, repeat.NO_INPUT],
                        help="no program: what a failed run left in --build-dir, with its input")
    parser.add_argument("program", nargs="?")
    parser.add_argument("arguments", nargs="*")


def command(options):
    if not options.program and not options.kept:
        print("qemu.py exec: the program is missing", file=sys.stderr)
        return USAGE
    try:
        status = execute(options)
    except NotExecutable as error:
        print(error, file=sys.stderr)
        status = NOT_EXECUTABLE
    except (GuestError, OSError, ValueError) as error:
        print(f"qemu.py: {error}", *told(error, options), sep="\n", file=sys.stderr)
        status = MACHINE_DIED
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    meant = likely_meant(options.program or "") if status == NOT_FOUND else None
    if meant:
        print(f"exec: did you mean {meant}?", file=sys.stderr)
    if options.status:
        replace_file(options.status, f"{status}\n".encode())
    return status


def told(error, options):
    """How to repeat it; without a machine there is nothing to keep."""
    return getattr(error, "told", None) or [
        f"to repeat it: {repeat.told_build(options.build_dir)}",
        f"  again: test/qemu.py {shlex.join(sys.argv[1:])}"]


def execute(options):
    boot_media, kind = what_to_boot(options, 0)
    with ExitStack() as stack:
        trace = stack.enter_context(open(options.trace, "wb")) if options.trace else None
        guest = stack.enter_context(
            Guest(options.machine_of(options), boot_media, options.timeout, with_exec=True))
        guest.exec_input = kind
        if options.log:
            stack.callback(keep_log, guest, options.log)
        watch = Watch(guest, ICOUNT_READY_SECONDS if options.icount else READY_SECONDS)
        live_input = 0 if kind == repeat.LIVE else None
        session = Session(guest.exec_socket, live_input, 1, 2, watch.death, trace, guest.deadline,
                          silent=kind == repeat.FILED)
        watch.session = session
        return conclude(guest, session.run())


def what_to_boot(options, stdin):
    """(the boot disk, where the program's input comes from). `stdin` is a descriptor."""
    boot_media = options.media_of(options, f"{INIT} {options.cmdline}".strip())
    if options.kept == repeat.NO_INPUT and options.icount:
        boot_media.appended = input_archive(b"")
        return boot_media, repeat.FILED
    if options.kept:
        return boot_media, options.kept
    payload = payload_of(options, stdin)
    boot_media.appended = payload.archive()
    if payload.stdin is not None:
        return boot_media, repeat.FILED
    return boot_media, repeat.NO_INPUT if is_nothing(stdin) else repeat.LIVE


def payload_of(options, stdin):
    arguments = options.arguments + shlex.split(options.split_args or "")
    through = shlex.split(options.through)  # sends a trace itself, if any
    environment = dict(pair.split("=", 1) for pair in options.env)
    # Where an instruction is a nanosecond, the end of no input must not come when the host likes.
    given = b"" if options.icount and is_nothing(stdin) else regular_input(stdin)
    return Payload(options.program, arguments, environment, options.cwd, options.files, given,
                   ["trace"] if options.trace and not through else [], through)


class Watch:
    """Tells the session when the machine can no longer answer."""

    def __init__(self, guest, ready_seconds):
        self._guest = guest
        self._ready_deadline = time.monotonic() + ready_seconds
        self.session = None

    def death(self):
        if self._guest.failed:
            return "the machine failed"
        if self._guest.process.poll() is not None and not self.session.pending():
            return "the machine ended before the program did"
        if not self.session.ready and time.monotonic() > self._ready_deadline:
            return "the machine did not become ready in time"
        return None


def conclude(guest, outcome):
    """The exit status; a machine that fails to power off after BYE has died, too."""
    if outcome.broken_pipe:
        return BROKEN_PIPE
    if not outcome.failure:
        outcome = settle(guest, outcome)
    if outcome.failure:
        if guest.failed:
            linger(guest)
        error = GuestError(outcome.failure, guest.complaint())
        error.told = repeat.lines(guest)
        raise error
    return exit_status(outcome.wait_status)


def settle(guest, outcome):
    try:
        guest.wait(POWER_OFF_SECONDS)
    except GuestError:
        return Outcome(failure="the machine did not power off")
    if guest.failed or guest.end_reason != "guest-shutdown":
        return Outcome(failure=f"the machine did not power off in order ({guest.end_reason})")
    return outcome


def linger(guest):
    try:
        guest.wait(PANIC_SECONDS)
    except GuestError:
        pass


def exit_status(wait_status):
    signal_number = wait_status & 0x7F
    return 128 + signal_number if signal_number else (wait_status >> 8) & 0xFF


def keep_log(guest, path):
    replace_file(path, ("\n".join(guest.log) + "\n").encode("utf-8", "surrogateescape"))


def replace_file(path, data):
    """Whole or not at all, also when two runs write the same name."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    with open(descriptor, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
