"""Reads what arrives on COM1: firmware, loader, the kernel's log, the programs' output."""

import re

ESCAPE = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>c])")
KERNEL_LINE = re.compile(r"^\[ *(\d+)\.(\d{6})\] (\S+?): (.*)$")
PANIC = re.compile(r"^\[ *\d+\.\d+\] panic: |^panic: ")
LOADER_ERROR = re.compile(r"^ringfence loader: error: ")
CAME_BACK = re.compile(
    r"^\[ *\d+\.\d{6}\] power: everything came back: (\d+) frames, (\d+) objects; powering off$"
)
PROGRAMS_DONE = re.compile(r"^init: done(?:, (\d+) failed)?$")


class LogReader:
    """Cuts a byte stream into clean lines; the unfinished last line waits for its end."""

    def __init__(self):
        self.raw = bytearray()
        self.lines = []
        self._pending = b""

    def feed(self, data):
        """Takes bytes, returns the lines that they completed."""
        self.raw += data
        *complete, self._pending = (self._pending + data).split(b"\n")
        new = [line for line in map(clean, complete) if line.strip()]
        self.lines += new
        return new

    def finish(self):
        """The stream has ended: what waited for a newline is a line too."""
        rest, self._pending = clean(self._pending), b""
        new = [rest] if rest.strip() else []
        self.lines += new
        return new


def clean(line):
    text = ESCAPE.sub("", line.decode("utf-8", "replace")).rstrip("\r")
    return text.rsplit("\r", 1)[-1] if "\r" in text else text


def panic_line(lines):
    return next((line for line in lines if PANIC.match(line)), None)


def failure_line(lines):
    """The line after which no orderly power-off can follow, or None."""
    return next((line for line in lines if PANIC.match(line) or LOADER_ERROR.match(line)), None)


def came_back(lines):
    """(frames, objects) when the last line says that everything came back, else None."""
    match = CAME_BACK.match(lines[-1]) if lines else None
    return (int(match[1]), int(match[2])) if match else None


def programs_failed(lines):
    """What init's closing line complains of, or None: no program failed, or init had none."""
    ends = [match for match in map(PROGRAMS_DONE.match, lines) if match]
    return f"programs failed: {ends[-1][1]}" if ends and ends[-1][1] else None


def tail(lines, count=25):
    return "\n".join(lines[-count:])
