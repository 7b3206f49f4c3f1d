"""The host's side of exec against a scripted machine."""

import io
import os
import threading
import time

import pytest

from fake_guest import FakeGuest, talk
from harness.channel import INPUT_WINDOW, Session
from harness.execute import exit_status


def pipe_with(data):
    """The read end of a pipe that delivers `data` and then ends."""
    read_end, write_end = os.pipe()

    def feed():
        with open(write_end, "wb") as file:
            try:
                file.write(data)
            except BrokenPipeError:
                pass

    threading.Thread(target=feed, daemon=True).start()
    return read_end


def read_all(guest):
    """A program that reads to the end of its input."""
    guest.send("READY")
    while not guest.input_over:
        data = guest.read_frame()
        if data:
            guest.acknowledge(len(data))


def test_outputs_are_exact_and_apart():
    every_byte = bytes(range(256)) * 16

    def script(guest):
        guest.send("READY")
        for _ in range(256):
            guest.send("STDOUT", every_byte)
            guest.send("STDERR", every_byte[::-1])
        guest.finish(3 << 8)

    outcome, out, err, _ = talk(script)
    assert (out, err) == (every_byte * 256, every_byte[::-1] * 256)
    assert (outcome.failure, exit_status(outcome.wait_status)) == (None, 3)


def test_frames_cut_anywhere():
    def script(guest):
        for byte in b"R\0\0\0\0O\3\0\0\0abcS\4\0\0\0\0\1\0\0B\0\0\0\0":
            guest.send_raw(bytes([byte]))

    outcome, out, _, _ = talk(script)
    assert (out, outcome.wait_status) == (b"abc", 256)


def test_input_is_exact_and_within_the_window():
    data = os.urandom(100_000)

    def script(guest):
        read_all(guest)
        guest.finish(0)

    outcome, _, _, guest = talk(script, pipe_with(data))
    assert guest.received == data and outcome.failure is None


def test_window_holds_until_acknowledged():
    def script(guest):
        guest.send("READY")
        while guest.unacknowledged < INPUT_WINDOW:
            guest.read_frame()
        assert guest.is_silent()
        guest.acknowledge(10)
        assert len(guest.read_frame()) == 10
        assert guest.is_silent()
        guest.finish(0)

    outcome, _, _, _ = talk(script, pipe_with(bytes(3 * INPUT_WINDOW)))
    assert outcome.failure is None


def test_nothing_is_sent_before_ready():
    def script(guest):
        assert guest.is_silent()
        read_all(guest)
        guest.finish(0)

    _, _, _, guest = talk(script, pipe_with(b"early"))
    assert guest.received == b"early"


@pytest.mark.parametrize("stdin", [None, os.devnull])
def test_no_input_is_end_of_file_at_once(stdin):
    def script(guest):
        read_all(guest)
        guest.finish(0)

    descriptor = stdin and os.open(stdin, os.O_RDONLY)
    _, _, _, guest = talk(script, descriptor)
    assert guest.input_over and guest.received == b""


def test_unreadable_input_is_empty(tmp_path):
    def script(guest):
        read_all(guest)
        guest.finish(0)

    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    _, _, _, guest = talk(script, descriptor)
    assert guest.received == b""


def test_input_is_left_alone_after_status():
    """Endless input ends with the program, and what was not asked for stays unread."""
    read_end, write_end = os.pipe()
    os.write(write_end, b"x" * 10_000)

    def script(guest):
        guest.send("READY")
        guest.read_frame()
        guest.send("STATUS", bytes(4))
        guest.acknowledge(1)
        time.sleep(0.1)
        guest.send("BYE")

    outcome, _, _, guest = talk(script, read_end)
    assert outcome.failure is None
    assert len(guest.received) <= INPUT_WINDOW


def test_trace_goes_to_its_file():
    events = io.BytesIO()

    def script(guest):
        guest.send("READY")
        guest.send("TRACE", b"abc")
        guest.send("TRACE", b"def")
        guest.finish(0)

    talk(script, trace=events)
    assert events.getvalue() == b"abcdef"


@pytest.mark.parametrize("sent", [
    b"",  # died before READY
    b"R\0\0\0\0O\3\0\0\0a",  # in the middle of a frame
    b"R\0\0\0\0S\4\0\0\0\0\0\0\0",  # after the status, before good-bye
    b"R\0\0\0\0B\0\0\0\0",  # good-bye without status
    b"R\0\0\0\0O\1\x10\0\0",  # longer than a frame may be
    b"R\0\0\0\0?\0\0\0\0",  # no such channel
    b"R\0\0\0\0A\1\0\0\0\0",  # an acknowledgement of one byte
    b"R\0\0\0\0A\4\0\0\0\1\0\0\0",  # of input that was never sent
])
def test_a_dead_or_broken_machine_has_no_status(sent):
    outcome, _, _, _ = talk(lambda guest: guest.send_raw(sent))
    assert outcome.failure


def test_death_and_deadline_end_a_silent_machine():
    release = threading.Event()

    def script(guest):
        guest.send("READY")
        release.wait(5)

    for options in ({"death": lambda: "died"}, {"deadline": time.monotonic() + 0.3}):
        guest = FakeGuest(script)
        session = Session(guest.host_end, None, 1, 2, options.get("death", lambda: None),
                          deadline=options.get("deadline"))
        assert session.run().failure
    release.set()


def test_closed_output_ends_the_session():
    read_end, write_end = os.pipe()
    os.close(read_end)

    def script(guest):
        guest.send("READY")
        guest.send("STDOUT", b"nobody")
        guest.is_silent(5)

    guest = FakeGuest(script)
    outcome = Session(guest.host_end, None, write_end, 2, lambda: None).run()
    assert outcome.broken_pipe


@pytest.mark.parametrize("wait_status, status", [
    (0, 0), (1 << 8, 1), (125 << 8, 125), (255 << 8, 255), (9, 137), (0x86, 134), (0x8B, 139),
])
def test_exit_status_as_a_shell_sees_it(wait_status, status):
    assert exit_status(wait_status) == status
