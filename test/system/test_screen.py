"""The screen shows what went to the serial port, cell by cell, in every size: another terminal
emulation (pyte) gets the serial port's bytes and must show the same."""

import re

import pyte
import pytest

from harness import screen
from harness.fixtures import start_guest

FIRST_LINE = re.compile(rb"\[ *\d+\.\d{6}\] boot: Ringfence")
SIZES = ["640x480", "1280x800", "1920x1080"]  # OVMF lists all of them for QEMU's VGA


def expected_grid(raw, columns, rows):
    """The cells, and the cursor's, that the bytes from the kernel's first line on make."""
    emulation = pyte.Screen(columns, rows)
    pyte.ByteStream(emulation).feed(raw[FIRST_LINE.search(raw).start():])
    grid = [[emulation.buffer[row][column].data for column in range(columns)]
            for row in range(rows)]
    return grid, (emulation.cursor.y, min(emulation.cursor.x, columns - 1))


def differences(guest, picture):
    """[(row, column, wanted, shown)]: text in the default colours, the cursor's cell reversed."""
    texts, cursor = expected_grid(guest.raw_log, picture.columns, picture.rows)
    found = []
    for row, (wanted_row, shown_row) in enumerate(zip(texts, picture.grid())):
        for column, (text, shown) in enumerate(zip(wanted_row, shown_row)):
            wanted = screen.Cell(text, None if text == " " else screen.GREY, screen.BLACK)
            if (row, column) == cursor:
                wanted = screen.Cell(text, wanted.foreground and screen.BLACK, screen.GREY)
            if shown != wanted:
                found.append((row, column, wanted, shown))
    return found


def check_panic(size, asked_for):
    """The log's lines of a machine that panicked; its screen has the size and shows them."""
    with start_guest(f"video={asked_for} panic=0 selftest=panic") as guest:
        guest.wait_for(r"\] panic: halted$")
        picture = screen.wait_for(guest, lambda picture: not differences(guest, picture))
        assert f"{picture.width}x{picture.height}" == size
        assert differences(guest, picture)[:5] == []
        return guest.log


@pytest.mark.parametrize("size", ["640x480", "1920x1080"])
def test_screen_shows_what_the_serial_port_got(size):
    assert not [line for line in check_panic(size, size) if "warning: video" in line]


def test_unknown_size_is_answered_with_a_list():
    """And the firmware's mode is kept."""
    log = check_panic("1280x800", "641x481")
    answers = [re.match(r"ringfence loader: warning: video=641x481 is not a mode of this screen, "
                        r"which has: ((?:\d+x\d+ ?)+)$", line) for line in log]
    answer = next(filter(None, answers))
    assert set(SIZES) < set(answer[1].split())
