"""Somebody at the machine's serial terminal: types, and reads what is shown, in order."""


PATIENCE_SECONDS = 30


class Typist:
    """Looks at each byte once: what was matched is behind us."""

    def __init__(self, guest):
        self.guest = guest
        self._position = 0

    def type(self, text):
        self.guest.send(text.encode() if isinstance(text, str) else text)

    def expect(self, pattern, timeout=PATIENCE_SECONDS):
        """Waits until the pattern (of bytes) is shown; returns the match."""
        pattern = pattern.encode() if isinstance(pattern, str) else pattern
        match = self.guest.wait_for_bytes(pattern, self._position, timeout)
        self._position += match.end()
        return match
