"""The host's side of exec: frames on COM3 (include/exec_channel.h), standard streams on our side.

Nothing is sent before READY; at most INPUT_WINDOW bytes of DATA are unacknowledged; the host stops
reading its own input once the program has ended.
"""

import os
import re
import select
import time
from dataclasses import dataclass

from harness import media

HEADER = os.path.join(media.ROOT, "include", "exec_channel.h")


def read_constants():
    with open(HEADER, encoding="ascii") as file:
        text = file.read()
    names = re.findall(r"#define EXEC_(\w+) (?:'(.)'|(\d+)u)", text)
    return {name: ord(letter) if letter else int(number) for name, letter, number in names}


WIRE = read_constants()
READY, STDOUT, STDERR = WIRE["CHANNEL_READY"], WIRE["CHANNEL_STDOUT"], WIRE["CHANNEL_STDERR"]
ACK, STATUS, TRACE = WIRE["CHANNEL_ACK"], WIRE["CHANNEL_STATUS"], WIRE["CHANNEL_TRACE"]
BYE, DATA, EOF = WIRE["CHANNEL_BYE"], WIRE["CHANNEL_DATA"], WIRE["CHANNEL_EOF"]
HEADER_SIZE, FRAME_LIMIT = WIRE["FRAME_HEADER_SIZE"], WIRE["FRAME_LIMIT"]
INPUT_WINDOW = WIRE["INPUT_WINDOW"]

TICK_MS = 200  # how often death and deadline are looked at


def frame(channel, payload=b""):
    return bytes([channel]) + len(payload).to_bytes(4, "little") + payload


@dataclass
class Outcome:
    wait_status: int = None  # Linux wait status, once the guest sent it
    failure: str = None  # why there is none, or why it cannot be believed
    broken_pipe: bool = False  # our own output has no reader any more


class Session:
    """Moves bytes until BYE. `death` returns why the guest can no longer answer, or None. `silent`:
    nothing is sent, since the guest has its input already."""

    def __init__(self, connection, stdin, stdout, stderr, death, trace=None, deadline=None,
                 silent=False):
        self._connection = connection
        self._connection.setblocking(False)
        self._stdin = stdin  # a descriptor, or None: no live input, end of file at once
        self._outputs = {STDOUT: stdout, STDERR: stderr}
        self._death = death
        self._trace = trace  # a writable file for TRACE frames, or None
        self._deadline = deadline
        self._received = bytearray()
        self._to_send = bytearray()
        self.ready = False
        self._done, self._input_over = False, silent
        self._unacknowledged = 0
        self._outcome = Outcome()

    def run(self):
        while not self._done:
            self._step()
        return self._outcome

    def pending(self):
        """Whether bytes of the guest wait to be read, also after its end."""
        return bool(select.select([self._connection], [], [], 0)[0])

    def _step(self):
        poll = select.poll()
        poll.register(self._connection, select.POLLIN | (select.POLLOUT if self._to_send else 0))
        if self._wants_input():
            poll.register(self._stdin, select.POLLIN)
        for descriptor, events in poll.poll(TICK_MS):
            if descriptor != self._connection.fileno():
                self._read_input()
                continue
            if events & select.POLLOUT:
                self._send()
            if events & ~select.POLLOUT:
                self._receive()
        self._check()

    def _wants_input(self):
        room = self._unacknowledged < INPUT_WINDOW
        return self.ready and room and not self._input_over and self._stdin is not None

    def _read_input(self):
        try:
            data = os.read(self._stdin, INPUT_WINDOW - self._unacknowledged)
        except BlockingIOError:
            return
        except OSError:  # not readable at all: as good as empty
            data = b""
        if data:
            self._unacknowledged += len(data)
            self._to_send += frame(DATA, data)
        else:
            self._end_input()

    def _end_input(self):
        self._input_over = True
        self._to_send += frame(EOF)

    def _send(self):
        try:
            sent = self._connection.send(self._to_send)
            del self._to_send[:sent]
        except BlockingIOError:
            pass
        except OSError:  # the machine is gone; what it said before is still read
            self._to_send.clear()

    def _receive(self):
        try:
            data = self._connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self._fail("the machine ended before the program did")
        self._received += data
        while not self._done and len(self._received) >= HEADER_SIZE:
            length = int.from_bytes(self._received[1:HEADER_SIZE], "little")
            if length > FRAME_LIMIT:
                return self._fail(f"a frame of {length} bytes arrived: the channel is broken")
            if len(self._received) < HEADER_SIZE + length:
                return None
            payload = bytes(self._received[HEADER_SIZE : HEADER_SIZE + length])
            channel = self._received[0]
            del self._received[: HEADER_SIZE + length]
            self._take(channel, payload)
        return None

    def _take(self, channel, payload):
        if channel in self._outputs:
            self._write(self._outputs[channel], payload)
        elif channel == READY:
            self.ready = True
            if self._stdin is None and not self._input_over:
                self._end_input()
        elif channel == ACK and len(payload) == 4:
            self._acknowledge(int.from_bytes(payload, "little"))
        elif channel == STATUS and len(payload) == 4:
            self._outcome.wait_status = int.from_bytes(payload, "little")
            self._input_over = True
        elif channel == TRACE:
            if self._trace:
                self._trace.write(payload)
        elif channel == BYE:
            if self._outcome.wait_status is None:
                return self._fail("the machine said good-bye without the program's status")
            self._done = True
        else:
            return self._fail(f"an unknown frame arrived: {channel:#x}, {len(payload)} bytes")
        return None

    def _acknowledge(self, count):
        if count > self._unacknowledged:
            return self._fail(f"{count} bytes acknowledged, {self._unacknowledged} were sent")
        self._unacknowledged -= count
        return None

    def _write(self, descriptor, data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                select.select([], [descriptor], [])
            except BrokenPipeError:
                self._outcome.broken_pipe = True
                self._done = True
                return
            except OSError:  # a full disk, a terminal that went away
                return self._fail("writing the program's output failed")

    def _check(self):
        if self._done:
            return
        reason = self._death()
        if not reason and self._deadline and time.monotonic() > self._deadline:
            reason = "the program did not end in time"
        if reason:
            self._fail(reason)

    def _fail(self, reason):
        self._outcome.failure = reason
        self._done = True
