"""QEMU's machine protocol on a socket: human monitor commands, and why the machine ended."""

import json
import threading


class Control:
    """One reader thread; commands are answered in order."""

    def __init__(self, connection):
        self._connection = connection
        self._changed = threading.Condition()
        self._answers = []
        self._ended = False
        self.shutdown_reason = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._send({"execute": "qmp_capabilities"})
        self._capable = False

    def human(self, command, timeout=30):
        """The text that the human monitor answers; ConnectionError when QEMU is gone."""
        with self._changed:
            if not self._capable:
                self._answer(timeout)
                self._capable = True
            self._send({"execute": "human-monitor-command", "arguments": {"command-line": command}})
            return self._answer(timeout)

    def wait_for_shutdown(self, timeout):
        """The reason of the machine's end, or None when it goes on running."""
        with self._changed:
            self._changed.wait_for(lambda: self.shutdown_reason or self._ended, timeout)
        return self.shutdown_reason

    def finish(self):
        """After QEMU's end: everything that it said has been read."""
        self._thread.join()

    def close(self):
        self._connection.close()

    def _send(self, message):
        try:
            self._connection.sendall(json.dumps(message).encode())
        except OSError:
            self._ended = True

    def _answer(self, timeout):
        arrived = self._changed.wait_for(lambda: self._answers or self._ended, timeout)
        if not arrived or not self._answers:
            raise ConnectionError("QEMU's monitor does not answer")
        return self._answers.pop(0)

    def _read(self):
        pending = b""
        while True:
            try:
                data = self._connection.recv(65536)
            except OSError:
                data = b""
            *lines, pending = (pending + data).split(b"\n")
            with self._changed:
                for line in filter(None, map(bytes.strip, lines)):
                    self._take(json.loads(line))
                self._ended = self._ended or not data
                self._changed.notify_all()
            if not data:
                return

    def _take(self, message):
        if message.get("event") == "SHUTDOWN":
            self.shutdown_reason = message["data"].get("reason")
        elif "return" in message:
            self._answers.append(message["return"] or "")
        elif "error" in message:
            self._answers.append("error: " + message["error"]["desc"])
