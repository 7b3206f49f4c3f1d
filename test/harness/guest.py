"""One run of the machine: its temporary folder, its QEMU process, its log and its monitor.

Every run owns a folder of its own (image, firmware variables), so two at once never meet.
"""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from harness import keys, log, machine, media, saved
from harness.control import Control

PR_SET_PDEATHSIG = 1
FAILURE_SECONDS = 20  # after a panic or a loader's error: to print, restart, and no longer
CONSOLE_BUFFER = 4 << 20
KEY_HOLD_MS = 20  # and as long until the next one: the keyboard queues 16 bytes
LOOKS = ("info", "xp", "gva2gpa", "screendump", "stop", "cont")  # the guest does not notice
C_LIBRARY = ctypes.CDLL(None)


class GuestError(Exception):
    """The machine did not do what was waited for: `reason`, and in the message its log's end."""

    def __init__(self, reason, complaint):
        super().__init__(f"{reason}; the log ends with\n{complaint}")
        self.reason = reason
        self.told = []  # how to repeat it, where that is known


class Guest:
    """Boots at once. `machine_settings` says on what, `boot_media` what: Media or DirectBoot."""

    def __init__(self, machine_settings, boot_media, timeout=120, on_line=None, with_exec=False):
        self.machine, self.media = machine_settings, boot_media
        self.outside = {}  # what was done to it meanwhile: how often
        self.exec_input = None  # of exec's program: as harness/repeat.py says; None: no exec
        self.deadline = time.monotonic() + timeout if timeout else None
        self.folder = tempfile.mkdtemp(prefix="ringfence-")
        self._on_line = on_line
        self._reader = log.LogReader()
        self._changed = threading.Condition()
        self._ended = False
        self._failed_at = None
        self.exec_socket = self.process = None
        try:
            self._start(boot_media, with_exec)
        except BaseException:
            if self.process:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _start(self, boot_media, with_exec):
        self._console, console = socket.socketpair()
        # QEMU writes single bytes, each a buffer of its own. When we read too late, the port
        # blocks, and the firmware drops what it cannot write within 200 us.
        console.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CONSOLE_BUFFER)
        control_end, control = socket.socketpair()
        inherited = [console, control]
        arguments = prepare(self.folder, self.machine, boot_media)
        arguments += machine.console_channel(console.fileno(), self.machine.serial)
        arguments += machine.monitor_channel(control.fileno())
        if with_exec:
            self.exec_socket, channel = socket.socketpair()
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CONSOLE_BUFFER)
            inherited.append(channel)
            arguments += machine.exec_channel(channel.fileno())
        state = saved.state_of(self.machine, boot_media, with_exec, boot_rest)
        self.went_on = state is not None  # from a saved machine
        arguments += machine.incoming(state) if state else []
        self._errors = open(os.path.join(self.folder, "qemu.err"), "w+b")
        self.process = spawn(arguments, pass_fds=[end.fileno() for end in inherited],
                             stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors)
        for end in inherited:
            end.close()
        self.control = Control(control_end)
        self._thread = threading.Thread(target=self._read_console, daemon=True)
        self._thread.start()

    # What a test looks at.

    @property
    def log(self):
        """Every line so far: loader, kernel, programs; firmware escapes removed."""
        with self._changed:
            return list(self._reader.lines)

    @property
    def raw_log(self):
        with self._changed:
            return bytes(self._reader.raw)

    @property
    def exit_status(self):
        """None while running; 0 after an orderly power-off; 1 after any other end."""
        if not self.ended:
            return None
        return 0 if self.orderly else 1

    @property
    def ended(self):
        return self._ended and self.process.poll() is not None

    @property
    def end_reason(self):
        """QEMU's word for the end: guest-shutdown, guest-reset, ...; None when it just died."""
        return self.control.shutdown_reason

    @property
    def orderly(self):
        """Powered itself off, and its last line says that everything came back."""
        powered_off = self.end_reason == "guest-shutdown"
        return self.ended and powered_off and log.came_back(self.log) is not None

    @property
    def panic(self):
        """The panic's line, or None."""
        return log.panic_line(self.log)

    @property
    def failed(self):
        """A panic, or a refusal by the loader."""
        return self._failed_at is not None

    def matches(self, pattern):
        """All matches of `pattern` in the log, one a line."""
        return [match for match in map(re.compile(pattern).search, self.log) if match]

    def wait_for(self, pattern, timeout=None):
        """Waits for a line that matches and returns the match; GuestError when none comes."""
        end = self._deadline(timeout)
        expression = re.compile(pattern)
        seen = 0
        with self._changed:
            while True:
                lines = self._reader.lines
                for line in lines[seen:]:
                    match = expression.search(line)
                    if match:
                        return match
                seen = len(lines)
                if self._ended:
                    raise self._error(f"the machine ended without a line matching {pattern!r}")
                if not self._wait_change(end):
                    raise self._error(f"no line matched {pattern!r} in time")

    def wait_for_bytes(self, pattern, start=0, timeout=None):
        """As wait_for, in the raw bytes from `start` on; the match's positions count from there."""
        end = self._deadline(timeout)
        expression = re.compile(pattern)
        with self._changed:
            while True:
                match = expression.search(bytes(self._reader.raw[start:]))
                if match:
                    return match
                if self._ended:
                    raise self._error(f"the machine ended without {pattern!r}")
                if not self._wait_change(end):
                    rest = bytes(self._reader.raw[start:])
                    raise self._error(f"no {pattern!r} in time, but {rest!r}")

    def wait(self, timeout=None):
        """Waits for QEMU's end and returns exit_status; GuestError when it hangs."""
        end = self._deadline(timeout)
        with self._changed:
            while not self._ended:
                if not self._wait_change(end):
                    raise self._error("the machine did not end in time")
        self.process.wait()
        self.control.finish()
        return self.exit_status

    def wait_for_power_off(self, timeout=None):
        """With the knob `hold`: waits until the machine is off, its screen still to be read."""
        end = self._deadline(timeout)
        reason = self.control.wait_for_shutdown(None if end is None else end - time.monotonic())
        if reason != "guest-shutdown":
            raise self._error(f"the machine did not power off ({reason})")

    def monitor(self, command):
        """Runs one command of QEMU's human monitor and returns its text."""
        verb = command.split(" ", 1)[0]
        if verb not in LOOKS:
            self._note(f"monitor: {verb}")
        return self.control.human(command)

    def interleave(self):
        """With the knob `icount`, once the kernel runs: its CPUs take turns every half millisecond.

        QEMU lets the next one go on when a device's timer runs out. The PIT is such a device; the
        kernel does not use it by then."""
        divisor = 600  # of 1.193182 MHz
        for port, byte in ((0x43, 0x34), (0x40, divisor & 0xff), (0x40, divisor >> 8)):
            self.monitor(f"o /b {port:#x} {byte:#x}")

    def send(self, data):
        """Types bytes into COM1."""
        self._note("bytes at COM1")
        self._console.sendall(data)

    def type_keys(self, text):
        """Types on the PS/2 keyboard, which is a US one; at most 100 characters at a time."""
        self.press_keys(*keys.keys_of(text))

    def press_keys(self, *names):
        """Presses keys, one after the other, by QEMU's names: "a", "ctrl-alt-delete", "f1"."""
        for name in names:
            complaint = self.monitor(f"sendkey {name} {KEY_HOLD_MS}").strip()
            if complaint:
                raise ValueError(f"sendkey {name}: {complaint}")

    def _note(self, act):
        self.outside[act] = self.outside.get(act, 0) + 1

    def stop(self):
        """Ends QEMU if it still runs and removes the folder. Can be called twice."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._thread.join()
        for end in (self._console, self.exec_socket):
            if end:
                end.close()
        self.control.close()
        self._errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def complaint(self):
        """The end of the log and what QEMU itself said: what a reader needs after a failure."""
        text = log.tail(self.log)
        if not self._errors.closed:
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "replace").strip()
            text += f"\nqemu: {said}" if said else ""
        return text

    def _error(self, what):
        # The condition's lock is re-entrant, so the log can be read while it is held.
        return GuestError(what, self.complaint())

    def _deadline(self, timeout):
        return time.monotonic() + timeout if timeout else self.deadline

    def _wait_change(self, end):
        """False when the time is over, also the short time that a machine has after a failure."""
        if self._failed_at and not self.machine.reboot:
            short = self._failed_at + FAILURE_SECONDS
            end = min(end, short) if end else short
        # A failure that is noticed meanwhile is a change, too.
        return self._changed.wait(None if end is None else max(0.0, end - time.monotonic()))

    def _read_console(self):
        while True:
            try:
                data = self._console.recv(65536)
            except OSError:
                data = b""
            with self._changed:
                lines = self._reader.feed(data) if data else self._reader.finish()
                self._ended = not data
                if not self._failed_at and log.failure_line(lines):
                    self._failed_at = time.monotonic()
                if self._on_line:
                    for line in lines:
                        self._on_line(line)
                self._changed.notify_all()
            if not data:
                return


def boot_rest(machine_settings, boot_media, timeout, with_exec):
    return Guest(machine_settings, boot_media, timeout, with_exec=with_exec)


def prepare(folder, settings, boot_media):
    """Makes the run's files and returns the QEMU arguments that name them."""
    variables = os.path.join(folder, "variables.fd")
    shutil.copyfile(machine.FIRMWARE_VARIABLES, variables)
    if isinstance(boot_media, machine.DirectBoot):
        return settings.arguments(boot_media, variables)
    if isinstance(boot_media, media.ReadyImage):
        return settings.arguments(shutil.copy(boot_media.image, folder), variables)
    if settings.icount:  # who counts wants the same layout in every run
        boot_media = boot_media.with_settings(
            machine.EXACT_WORDS if settings.exact else machine.EXACT_WORDS[:1])
    image = os.path.join(folder, "disk.img")
    media.make_image(boot_media, image, folder, settings.hybrid_image)
    if settings.medium == "usb":
        media.make_stick(image)
    return settings.arguments(image, variables)


def spawn(arguments, **options):
    """Starts QEMU so that it dies with us, however we end, and never sees the terminal's Ctrl-C."""
    options.update(preexec_fn=die_with_parent, start_new_session=True)
    return subprocess.Popen(arguments, **options)


def die_with_parent():
    C_LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
