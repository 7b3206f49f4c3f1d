"""The screen's terminal emulation against pyte, another one, and against what xterm documents where
pyte is wrong or lacks something."""

import os
import random
import shutil

import pexpect
import pyte
import pytest

from emulation import (BLINK, BOLD, DIM, REVERSE, UNDERLINE, Reference, build, emulate,
                       without_blank_attributes)
from random_terminal import Generator

SIZES = [(8, 3), (20, 6), (33, 9), (80, 24)]
SEQUENCES_PER_SIZE = 700
STEPS = 40
EVERYTHING = ["text"] * 8 + ["broken", "back", "line", "line", "left", "move", "move", "go", "row",
                             "erase", "erase", "edit", "edit", "region", "origin", "mode", "tab",
                             "save", "restore", "ask", "title", "pen", "pen"]
WRITING_IN_COLOUR = ["text"] * 3 + ["back", "left", "go", "full_pen", "full_pen"]


@pytest.fixture(scope="module")
def program():
    return build("emulate")


def make_sequences(columns, rows, choices, seed, prefix=b""):
    """[(bytes, what pyte makes of them)]"""
    sequences = []
    for number in range(SEQUENCES_PER_SIZE):
        screen = Reference(columns, rows)
        generator = Generator(random.Random(seed * 100000 + number), screen,
                              pyte.ByteStream(screen))
        generator.send(prefix)
        for _ in range(STEPS):
            generator.step(choices)
        sequences.append((generator.sent, screen.state()))
    return sequences


def check(program, columns, rows, choices, seed, prefix=b""):
    sequences = make_sequences(columns, rows, choices, seed, prefix)
    states = emulate(program, [b"".join(sent) for sent, _ in sequences], columns, rows)
    for (sent, wanted), state in zip(sequences, states):
        assert (state.text, sent) == (wanted.text, sent)
        assert without_blank_attributes(state) == without_blank_attributes(wanted), sent
        assert state.cursor == wanted.cursor, sent
        assert (state.hidden, state.application) == (wanted.hidden, wanted.application), sent
        assert state.replies == wanted.replies[: len(state.replies)], sent
        assert len(wanted.replies) <= 64 or len(state.replies) > 50, sent


@pytest.mark.parametrize("columns, rows", SIZES)
def test_random_sequences(program, columns, rows):
    check(program, columns, rows, EVERYTHING, columns)


def test_random_colours(program):
    """Without automatic wrap: nothing scrolls, where pyte forgets the background."""
    check(program, 33, 9, WRITING_IN_COLOUR, 1, b"\033[?7l")


LONG_TEXT = "".join(f"line {number} {'of some length ' * (number % 9)}\n" for number in range(200))
# (program, [(what to wait for, keys)]): full-screen programs, as they come.
PROGRAMS = [
    (["vi", "text"], [("line 8 ", "/line 77\rOnew text\rand \033"),
                      ("- text [Modified]", "2dd\006\006\0021GJ5xyyP:q!\r")]),
    (["less", "text"], [("line 8 ", "  bjjk/line 150\rnG-Ng5jq")]),
    (["less", "-N", "text"], [("line 8 ", "  /of\rnnNGq")]),
    (["top", "-n", "2", "-d", "1"], []),
    (["sh"], [("@ ", "echo abcdef\002\002\b\001#\005xyz\027\r"),
              ("@ ", "\020\020\016ls\t\025exit\r")]),
]


@pytest.mark.parametrize("command, steps", PROGRAMS, ids=[" ".join(each[0]) for each in PROGRAMS])
def test_full_screen_programs(program, tmp_path, command, steps):
    """busybox on this machine; what it writes up to where it gives the screen back."""
    (tmp_path / "text").write_text(LONG_TEXT)
    environment = {**os.environ, "TERM": "linux", "PS1": "@ "}
    child = pexpect.spawn(shutil.which("busybox"), command, cwd=tmp_path, env=environment,
                          dimensions=(24, 80), timeout=30)
    output = b""
    for wanted, keys in steps:
        child.expect_exact(wanted)
        output += child.before + child.after
        child.send(keys)
    child.expect(pexpect.EOF)
    output = (output + child.before).split(b"\033[?1049l")[0]
    screen = Reference(80, 24)
    pyte.ByteStream(screen).feed(output)
    state = emulate(program, [output], 80, 24)[0]
    assert len(output) > 100 and any(state.text)
    assert state.text == screen.state().text
    assert without_blank_attributes(state) == without_blank_attributes(screen.state())
    assert state.cursor == screen.state().cursor


# What pyte lacks or does otherwise: (input, cursor's row and column, text of the rows). Eight
# columns and four rows; the rules are xterm's.
CASES = {
    "deferred wrap": (b"12345678", (0, 7), ["12345678"]),
    "deferred wrap, next character": (b"123456789", (1, 1), ["12345678", "9"]),
    "line feed ends a pending wrap": (b"12345678\nx", (1, 7), ["12345678", "       x"]),
    "erasing ends a pending wrap": (b"12345678\033[Kx", (0, 7), ["1234567x"]),
    "colours do not": (b"12345678\033[1mx", (1, 1), ["12345678", "x"]),
    "backspace from a pending wrap": (b"12345678\bx", (0, 7), ["123456x8"]),
    "a tab keeps a pending wrap": (b"12345678\tx", (1, 1), ["12345678", "x"]),
    "cursor save keeps a pending wrap": (b"12345678\0337\033[H\0338x", (1, 1), ["12345678", "x"]),
    "wrap turned off and on": (b"\033[?7l123456789\033[?7hx", (1, 1), ["12345679", "x"]),
    "next line": (b"ab\033Ec", (1, 1), ["ab", "c"]),
    "bare line feed keeps the column": (b"ab\nc", (1, 3), ["ab", "  c"]),
    "newline mode": (b"\033[20hab\nc", (1, 1), ["ab", "c"]),
    "HPA, VPA, HPR, VPR": (b"\033[3`a\033[2db\033[2ac\033[ed", (2, 7),
                           ["  a", "   b  c", "       d"]),
    "parameters too large": (b"\033[99999;99999Hx\033[99999A\033[99999Dy", (0, 1),
                             ["y", "", "", "       x"]),
    "CUP inside the region in origin mode": (b"\033[2;3r\033[?6h\033[9;2Hx", (2, 2),
                                             ["", "", " x"]),
    "up stops at the region's top, or above it at the screen's": (
        b"\033[3;4r\033[4;1H\033[9Aa\033[2;1H\033[9Ab", (0, 1), ["b", "", "a"]),
    "no scrolling below the region": (b"\033[1;2ra\033[4;1Hb\nc", (3, 2), ["a", "", "", "bc"]),
    "region without parameters": (b"\033[2;3r\033[r\033[4;1Ha\r\nb", (3, 1), ["", "", "a", "b"]),
    "region of one row is none": (b"\033[2;2r\033[4;1Ha\r\nb", (3, 1), ["", "", "a", "b"]),
    "insert line goes to the first column": (b"a\r\nbc\033[Lx", (1, 1), ["a", "x", "bc"]),
    "insert line outside the region": (b"a\r\nb\r\nc\033[1;2r\033[3;1H\033[Lx", (2, 1),
                                       ["a", "b", "x"]),
    "scroll up and down": (b"a\r\nb\r\nc\033[2S\033[T", (2, 1), ["", "c"]),
    "scroll in the region": (b"a\r\nb\r\nc\r\nd\033[2;3r\033[S\033[5;5Hx", (3, 5),
                             ["a", "c", "", "d   x"]),
    "mouse tracking is no scrolling": (b"a\033[1;1;1;1;1T", (0, 1), ["a"]),
    "repeat": (b"x\033[3b\033[20by", (3, 1), ["xxxxxxxx"] * 3 + ["y"]),
    "repeat nothing": (b"\033[5bx", (0, 1), ["x"]),
    "tabs forward and back": (b"\033[3g\033[3G\033H\033[5G\033H\r\033[2Ix\033[Zy", (0, 5),
                              ["    y"]),
    "tab to the last column": (b"\t\tx", (0, 7), ["       x"]),
    "line drawing": (b"\033(0lqk\033(Bq", (0, 4), ["┌─┐q"]),
    "line drawing by shift": ("\033)0x\016x\017x".encode(), (0, 3), ["x│x"]),
    "alternate screen 1049": (b"ab\033[?1049hcd\033[H\033[?1049le", (0, 3), ["abe"]),
    "alternate screen is cleared": (b"\033[?1049hcd\033[?1049l\033[?1049he", (0, 1), ["e"]),
    "alternate screen 47 is kept": (b"ab\033[?47hcd\033[?47l\033[?47he", (0, 5), ["  cde"]),
    "alternate screen 1047 is left clear": (b"ab\033[?1047hcd\033[?1047l\033[?1047he", (0, 5),
                                            ["    e"]),
    "cursor by 1048": (b"ab\033[?1048h\033[3;3H\033[?1048lc", (0, 3), ["abc"]),
    "cursor by CSI s, CSI u": (b"ab\033[s\033[3;3H\033[uc", (0, 3), ["abc"]),
    "soft reset": (b"\033[2;3r\033[4h\033[?6h\033[?7l\033[31m\033[!pa\r\nb", (2, 1),
                   ["", "a", "b"]),
    "full reset": (b"abc\033[2;3r\033[?1049h\033(0q\033cq", (0, 1), ["q"]),
    "alignment": (b"ab\033#8", (0, 0), ["EEEEEEEE"] * 4),
    "a control inside a sequence": (b"ab\033[\r2Cx", (0, 3), ["abx"]),
    "cancelled": (b"\033[2\030Cx\033[2\032Dx", (0, 4), ["CxDx"]),
    "another escape begins": (b"\033[2\033[3Cx", (0, 4), ["   x"]),
    "unknown sequences": (b"\033[?2$p\033[>c\033[=1z\033[1 q\033[12z\033Fx", (0, 1), ["x"]),
    "colons are not understood": (b"\033[4:3mx", (0, 1), ["x"]),
    "private colours are none": (b"\033[>4;2mx", (0, 1), ["x"]),
    "device control": (b"\033P1;2|a[H\r\n\ab\033\\x", (0, 1), ["x"]),
    "operating system command in UTF-8": ("\033]0;é─\007x".encode(), (0, 1), ["x"]),
    "wide characters take one cell": ("a漢b😀c".encode(), (0, 5), ["a漢b\ufffdc"]),
    "combining characters are dropped": ("e\u0301x\u200b\ufe0fy".encode(), (0, 3), ["exy"]),
    "C1 in UTF-8 is dropped": (b"a\xc2\x9b1mb", (0, 4), ["a1mb"]),
    "text ends a sequence": ("\033[1éa".encode(), (0, 2), ["éa"]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(program, name):
    text, cursor, rows = CASES[name]
    state = emulate(program, [text], 8, 4)[0]
    assert state.text == rows + [""] * (4 - len(rows))
    assert state.cursor[:2] == cursor
    if "colours" in name or "colons" in name or "soft" in name:
        assert {cell[1:] for row in state.cells for cell in row} <= {(7, 0, 0), (7, 0, BOLD)}


# (SGR, foreground, background, attributes of what is written next)
COLOURS = [
    (b"\033[31;42m", 1, 2, 0),
    (b"\033[97;104m", 15, 12, 0),
    (b"\033[31;42;39;49m", 7, 0, 0),
    (b"\033[1;4;5;7m", 7, 0, BOLD | UNDERLINE | BLINK | REVERSE),
    (b"\033[1;4;5;7m\033[22;24;25;27m", 7, 0, 0),
    (b"\033[2m", 7, 0, DIM),
    (b"\033[1;2m", 7, 0, DIM),
    (b"\033[1;31m\033[m", 7, 0, 0),
    (b"\033[1;31;0;4m", 7, 0, UNDERLINE),
    (b"\033[38;5;9;48;5;4m", 9, 4, 0),
    (b"\033[38;5;196;1m", 1, 0, BOLD),  # 255, 0, 0
    (b"\033[38;5;255;48;5;232m", 15, 0, 0),
    (b"\033[38;2;250;250;250;48;2;0;0;160m", 15, 4, 0),
    (b"\033[38;5;999m", 7, 0, 0),
    (b"\033[38;5m", 7, 0, 0),
    (b"\033[38;2;1;2m", 7, 0, 0),
    (b"\033[" + b"1;" * 60 + b"31m", 7, 0, BOLD),
]


@pytest.mark.parametrize("sequence, foreground, background, attributes", COLOURS)
def test_colours(program, sequence, foreground, background, attributes):
    state = emulate(program, [sequence + b"x"], 8, 4)[0]
    assert state.cells[0][0] == ("x", foreground, background, attributes)


@pytest.mark.parametrize("erase", [b"\033[2J", b"\033[J", b"\033[2K", b"\033[4X", b"\033[4P",
                                   b"\033[4@", b"\033[L", b"\033[M", b"\033[S", b"\033[T",
                                   b"\033[?1049h", b"\033M", b"\033[4;1H\n\033[A"])
def test_erased_cells_have_the_background_alone(program, erase):
    state = emulate(program, [b"abcd\033[H\033[1;4;7;31;42m" + erase], 8, 4)[0]
    blank = (" ", 7, 2, 0)
    cells = [cell for row in state.cells for cell in row]
    assert blank in cells
    assert {cell for cell in cells if cell[0] == " "} <= {blank, (" ", 7, 0, 0)}


def test_replies(program):
    questions = [b"\033[3;5H\033[6n", b"\033[5n", b"\033[c", b"\033Z", b"\033[2;3r\033[?6h\033[6n",
                 b"\033[6n" * 30, b"\033[>c\033[?6n"]
    answers = [b"\033[3;5R", b"\033[0n", b"\033[?6c", b"\033[?6c", b"\033[1;1R", b"\033[1;1R" * 10,
               b""]
    assert [state.replies for state in emulate(program, questions, 8, 4)] == answers


def test_modes_that_the_keyboard_asks_for(program):
    states = emulate(program, [b"\033[?1h", b"\033[?1h\033[?1l", b"\033[?1;25h\033c"], 8, 4)
    assert [state.application for state in states] == [True, False, False]
