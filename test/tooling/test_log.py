"""Lines out of what arrives on COM1."""

from harness.log import LogReader, came_back, panic_line, programs_failed

BACK = "[    1.234567] power: everything came back: 60123 frames, 0 objects; powering off"


def lines_of(*pieces):
    reader = LogReader()
    for piece in pieces:
        reader.feed(piece)
    reader.finish()
    return reader.lines


def test_firmware_escapes_and_empty_lines_go():
    firmware = b"\x1b[2J\x1b[01;01H\x1b[=3h\r\n\r\nBds\x1b[0m: loading\r\n"
    assert lines_of(firmware) == ["Bds: loading"]


def test_lines_cut_anywhere():
    text = b"[    0.000001] boot: one\r\n[    0.000002] boot: two\r\n"
    single = [text[at : at + 1] for at in range(len(text))]
    expected = ["[    0.000001] boot: one", "[    0.000002] boot: two"]
    assert lines_of(*single) == lines_of(text) == expected


def test_unfinished_line_counts_at_the_end():
    assert lines_of(b"a\nb") == ["a", "b"]


def test_came_back_only_as_the_last_line():
    assert came_back([BACK]) == (60123, 0)
    assert came_back([BACK, "[    1.3] more: x"]) is None
    assert came_back(["[    1.234567] power: LOST 3 frames"]) is None
    assert came_back(["a program prints " + BACK]) is None
    assert came_back([]) is None


def test_panic_is_the_kernels_own_line():
    assert panic_line(["[    1.000000] panic: assertion failed"])
    assert panic_line(["hello: don't panic: all is well"]) is None


def test_failed_programs_by_inits_last_word():
    assert programs_failed(["init: done", BACK]) is None
    assert programs_failed(["init: /bin/tour pid 2 exited 1", "init: powering off", BACK]) is None
    assert programs_failed(["init: done, 2 failed", BACK]) == "programs failed: 2"
    assert programs_failed(["init: done, 3 failed", "init: done"]) is None  # a boot after a reboot
