"""Runs the kernel's terminal emulation on this machine (test/host/oracle/emulate.c), and pyte
beside it, for test_emulator.py."""

import fcntl
import os
import subprocess
from dataclasses import dataclass

import pyte

from harness.media import ROOT

BUILD = os.path.join("build", "host")
BOLD, DIM, ITALIC, UNDERLINE, BLINK, REVERSE = (1 << bit for bit in range(24, 30))
COLOURS = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]


def build(name):
    """The path of a program of test/host/oracle."""
    path = os.path.join(BUILD, name)
    os.makedirs(os.path.join(ROOT, BUILD), exist_ok=True)
    with open(os.path.join(ROOT, BUILD, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker's test may build there as well
        subprocess.run(["make", "-s", "-f", "test/host/host.mk", f"BUILD={BUILD}", "DEBUG=1",
                        "WITHOUT=", path], cwd=ROOT, check=True)
    return os.path.join(ROOT, path)


@dataclass
class State:
    """What is compared. A cell is (text, foreground, background, attributes)."""

    cursor: tuple  # row, column, wrap pending
    hidden: bool
    application: bool
    replies: bytes
    cells: list  # rows of cells

    @property
    def text(self):
        return ["".join(cell[0] for cell in row).rstrip() for row in self.cells]


def emulate(program, inputs, columns, rows):
    """The states that each of the inputs leaves a fresh terminal in."""
    data = b"".join(b"%d\n%s" % (len(text), text) for text in inputs)
    output = subprocess.run([program, str(columns), str(rows)], input=data, stdout=subprocess.PIPE,
                            check=True).stdout.decode().splitlines()
    assert len(output) == len(inputs)
    return [parse(line, columns) for line in output]


def parse(line, columns):
    row, column, pending, hidden, application, replies, cells = line.split()
    values = [int(cells[i : i + 8], 16) for i in range(0, len(cells), 8)]
    decoded = [(chr(value & 0xFFFF), value >> 16 & 15, value >> 20 & 15, value & 0x3F000000)
               for value in values]
    return State((int(row), int(column), pending == "1"), hidden == "1", application == "1",
                 b"" if replies == "-" else bytes.fromhex(replies),
                 [decoded[i : i + columns] for i in range(0, len(decoded), columns)])


class Reference(pyte.Screen):
    """pyte, which keeps what it answers."""

    def __init__(self, columns, rows):
        self.replies = ""
        super().__init__(columns, rows)

    def write_process_input(self, data):
        self.replies += data

    def delete_lines(self, count=None):
        for row in range(self.lines):  # it forgets to blank where nothing was ever written
            self.buffer.setdefault(row, self.buffer[row])
        super().delete_lines(count)

    def insert_characters(self, count=None):
        super().insert_characters(count)
        line = self.buffer[self.cursor.y]  # what it pushes over the edge it would bring back
        for column in [column for column in line if column >= self.columns]:
            line.pop(column)

    @property
    def is_pending(self):
        return self.cursor.x == self.columns

    def state(self):
        cells = [[describe(self.buffer[row][column]) for column in range(self.columns)]
                 for row in range(self.lines)]
        cursor = (self.cursor.y, min(self.cursor.x, self.columns - 1), self.is_pending)
        return State(cursor, self.cursor.hidden, 1 << 5 in self.mode, self.replies.encode(), cells)


def describe(char):
    attributes = BOLD * char.bold | ITALIC * char.italics | UNDERLINE * char.underscore
    attributes |= REVERSE * char.reverse
    foreground = 7 if char.fg == "default" else COLOURS.index(char.fg)
    background = 0 if char.bg == "default" else COLOURS.index(char.bg)
    return char.data, foreground, background, attributes


def without_blank_attributes(state):
    """Erased cells keep attributes in pyte, of which only the background can be seen."""
    return [[(" ", 7, cell[2], 0) if cell[0] == " " else cell for cell in row]
            for row in state.cells]
