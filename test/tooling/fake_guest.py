"""Plays the machine's end of exec's channel: strict about the protocol, scripted by the test."""

import os
import socket
import threading

from harness import channel
from harness.channel import Session, frame


class FakeGuest(threading.Thread):
    """Runs `script(self)` behind a socket; `received` is the input, checked frame by frame."""

    def __init__(self, script):
        super().__init__(daemon=True)
        self.host_end, self._socket = socket.socketpair()
        self._script = script
        self.received = b""
        self.input_over = False
        self.unacknowledged = 0
        self.error = None
        self.start()

    def run(self):
        try:
            self._script(self)
        except Exception as error:  # shown by the test
            self.error = error
        finally:
            self._socket.close()

    def send(self, name, payload=b""):
        self._socket.sendall(frame(channel.WIRE["CHANNEL_" + name], payload))

    def send_raw(self, data):
        self._socket.sendall(data)

    def acknowledge(self, count):
        self.unacknowledged -= count
        self.send("ACK", count.to_bytes(4, "little"))

    def finish(self, wait_status):
        self.send("STATUS", wait_status.to_bytes(4, "little"))
        self.send("BYE")

    def read_frame(self):
        """One frame of the host; its bytes count against the window until acknowledged."""
        header = self._exactly(channel.HEADER_SIZE)
        payload = self._exactly(int.from_bytes(header[1:], "little"))
        if header[0] == channel.EOF:
            assert not payload and not self.input_over
            self.input_over = True
        else:
            assert header[0] == channel.DATA and not self.input_over
            assert 0 < len(payload) <= channel.FRAME_LIMIT
            self.received += payload
            self.unacknowledged += len(payload)
            assert self.unacknowledged <= channel.INPUT_WINDOW
        return payload

    def is_silent(self, seconds=0.1):
        self._socket.settimeout(seconds)
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except socket.timeout:
            return True
        finally:
            self._socket.settimeout(None)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the host went away")
            data += piece
        return data


def talk(script, stdin=None, death=lambda: None, trace=None, deadline=None):
    """Runs a session against the script; returns (outcome, stdout bytes, stderr bytes, guest)."""
    guest = FakeGuest(script)
    out, err = Collector(), Collector()
    session = Session(guest.host_end, stdin, out.write_end, err.write_end, death, trace, deadline)
    outcome = session.run()
    guest.host_end.close()
    guest.join(5)
    assert not guest.is_alive()
    if guest.error and not isinstance(guest.error, ConnectionError):
        raise guest.error
    return outcome, out.finish(), err.finish(), guest


class Collector(threading.Thread):
    """A pipe that somebody reads."""

    def __init__(self):
        super().__init__(daemon=True)
        self.read_end, self.write_end = os.pipe()
        self.data = b""
        self.start()

    def run(self):
        while piece := os.read(self.read_end, 65536):
            self.data += piece

    def finish(self):
        os.close(self.write_end)
        self.join()
        os.close(self.read_end)
        return self.data
