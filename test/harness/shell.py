"""Types at `qemu.py run` or `make run` as a person does, on a pseudo-terminal of its own.

Never waits a fixed time: for the prompt, or for words that only the answer holds, not the echo.
"""

import pexpect

from harness.log import ESCAPE, LogReader

PROMPT = r"ringfence:(\S+)[#$] "
ROWS, COLUMNS = 30, 100
LEAVE, MONITOR = "\x01x", "\x01c"  # QEMU's escapes; the second leads there and back


class Shell:
    """`command` starts the machine. Every wait fails after `timeout` seconds."""

    def __init__(self, command, timeout=180):
        self.child = pexpect.spawn(command[0], command[1:], timeout=timeout, encoding="utf-8",
                                   codec_errors="replace", dimensions=(ROWS, COLUMNS))
        self.child.delaybeforesend = None
        self.is_lost = False  # something that was waited for did not come
        self._reader = LogReader()
        self.child.logfile_read = self

    # What pexpect writes its log to.

    def write(self, text):
        self._reader.feed(text.encode("utf-8", "replace"))

    def flush(self):
        pass

    @property
    def lines(self):
        return list(self._reader.lines)

    # What a person does.

    def type(self, keys):
        self.child.send(keys)

    def expect(self, pattern):
        """Waits for `pattern` and returns its match."""
        self._wait(pattern)
        return self.child.match

    def prompt(self, anywhere=False):
        """Waits for the prompt; what was printed before it, without escapes. The shell repeats the
        prompt while it edits a line, so it counts at a line's beginning; a program that fills the
        screen leaves it `anywhere`."""
        self._wait(PROMPT if anywhere else r"\n" + PROMPT)
        return ESCAPE.sub("", self.child.before).replace("\r", "")

    def run(self, command):
        """Types a command line; the lines that it printed."""
        self.type(command + "\r")
        return self.answer()

    def answer(self):
        """The lines between the end of the typed line and the next prompt."""
        return self.prompt().partition("\n")[2].splitlines()

    def end(self):
        """Waits for the end; the command's exit status."""
        self._wait(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus

    def _wait(self, pattern):
        self.is_lost = True
        self.child.expect(pattern)
        self.is_lost = False

    def stop(self):
        self.child.close(force=True)
