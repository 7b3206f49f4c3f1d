"""The terminal: a shell on the serial console, editing, keys that send signals, jobs."""

import re

import pytest

from harness.fixtures import start_guest
from harness.terminal import Typist
from verdicts import expect_orderly

SHELL = "/bin/busybox,setsid,-c,/bin/busybox,sh"
PROGRAM = "/bin/busybox,setsid,-c,/bin/terminal"
REQUEST = rb"TYPE (.*)\r\n|terminal: \d+ tests"
PROMPT = rb"/ # \x1b\[6n"  # asks where the cursor is
INTERRUPT, QUIT, SUSPEND, END, STOP, START = "\x03", "\x1c", "\x1a", "\x04", "\x13", "\x11"
ERASE, KILL, WORD, LITERAL = "\x7f", "\x15", "\x17", "\x16"


pytestmark = pytest.mark.xdist_group("terminal")


class Shell(Typist):
    """ash, which shows its prompt at the end of what was printed."""

    def __init__(self, guest):
        super().__init__(guest)
        self.prompt()

    def prompt(self):
        """Waits for the prompt; what came before it."""
        return self.expect(rb"(?s)^(.*?)" + PROMPT)[1]

    def do(self, line, pattern=""):
        """Types a command; what it prints until the next prompt must match."""
        self.type(line + "\r")
        self.expect(rb"\r\n")
        found = self.prompt()
        assert re.search(pattern.encode(), found), f"{line}: {pattern!r} is not in {found!r}"

    def start(self, command):
        """Types a command that shows /tmp/begun and does not end; it runs, with the shell's
        settings put back. Not one of the shell's own kind: these ignore SIGQUIT at first."""
        self.type(command + "\r")
        self.expect(r"\r\n(?s:.*)begun\r\n")

    def key(self, key, pattern=""):
        """A key that brings the prompt back."""
        self.type(key)
        found = self.prompt()
        assert re.search(pattern.encode(), found), f"{key!r}: {pattern!r} is not in {found!r}"


@pytest.fixture(scope="module")
def shell():
    """One shell for all tests, in their order: each leaves it at its prompt."""
    guest = start_guest(f"loglevel=5 -- {SHELL} {PROGRAM} /bin/terminal,hangup", timeout=400)
    shell = Shell(guest)
    shell.do("echo begun > /tmp/begun")
    yield shell
    guest.stop()


def test_lines_are_edited(shell):
    shell.start("cat /tmp/begun -")
    shell.type(f"wrong{KILL}one twoo{ERASE} thre{WORD}end{LITERAL}{INTERRUPT}\r")
    shell.expect(r"\r\none two end\x03\r\n")
    shell.type("\u00e4\u00f6" + ERASE + "x\r")
    shell.expect("\u00f6\b \bx\r\n\u00e4x\r\n")
    shell.type("part" + END)
    shell.expect("partpart")
    shell.key(END)
    shell.do("echo $?", "^0\r\n")


def test_keys_send_signals(shell):
    shell.start("tail -f /tmp/begun")
    shell.key(INTERRUPT, r"\^C")
    shell.do("echo $?", "^130\r\n")
    shell.start("tail -f /tmp/begun")
    shell.key(QUIT, r"\^\\")
    shell.do("echo $?", "^131\r\n")
    shell.start("cat /tmp/begun - | cat | cat")
    shell.key(INTERRUPT)
    shell.do("ps | grep -c '[c]at'; echo left", "left")
    shell.type("never run")
    shell.key(INTERRUPT)


def test_keys_reach_a_large_group(shell):
    pipeline = "eval cat /tmp/begun - $(yes '| cat' | head -n 100)"
    shell.start(pipeline)
    shell.key(SUSPEND, "Stopped")
    shell.do("ps -o stat,comm | grep -c '^T.*[c]at'", "^101\r\n")
    shell.type("fg\r")
    shell.expect(r"fg\r\n(?s:.*)cat\r\n")
    shell.type("now\r")
    shell.expect("now\r\nnow\r\n")
    shell.key(INTERRUPT, r"\^C")
    shell.do("ps | grep -c '[c]at'", "0\r\n")


def test_jobs_stop_and_go_on(shell):
    shell.start("tail -f /tmp/begun")
    shell.key(SUSPEND, r"\^Z\[1\]\+  Stopped +tail -f")
    shell.do("echo $?; jobs", r"148\r\n\[1\]\+  Stopped")
    shell.do("bg", "tail -f")
    shell.do("jobs", r"\[1\]\+  Running +tail -f")
    shell.do("kill %1; wait; jobs", "")
    shell.start("cat /tmp/begun -")
    shell.key(SUSPEND, "Stopped +cat")
    shell.type("fg\r")
    shell.expect(r"fg\r\n(?s:.*)cat /tmp/begun -\r\n")
    shell.type("now\r")
    shell.expect("now\r\nnow\r\n")  # from here on it is in the foreground
    shell.key(SUSPEND, "Stopped +cat")
    shell.do("kill -9 %1; wait; jobs", "")


def test_background_does_not_read(shell):
    shell.do("cat &")
    shell.do("while ! jobs | grep Stopped; do sleep 0.1; done", r"Stopped \(tty input\) +cat")
    shell.type("fg\r")
    shell.expect(r"fg\r\n(?s:.*)cat\r\n")
    shell.type("now\r")
    shell.expect("now\r\nnow\r\n")
    shell.key(END)
    shell.do("stty tostop; echo out &")
    shell.do("while ! jobs | grep Stopped; do sleep 0.1; done", r"Stopped \(tty output\)")
    shell.do("stty -tostop; fg", "out\r\n")


def test_settings(shell):
    shell.do("stty size", "^24 80\r\n")
    shell.do("stty rows 50 columns 132; stty size", "^50 132\r\n")
    shell.do("stty rows 24 columns 80; stty size", "^24 80\r\n")
    shell.type("stty -echo; echo hid''den; cat; stty echo\r")
    shell.expect("hidden\r\n")
    shell.type("secret\r")
    shell.expect("^secret\r\n")
    shell.key(END)
    shell.type("stty raw; echo n''ow; dd bs=1 count=3 2>/dev/null | od -c; stty sane ixon\r")
    shell.expect("now\n")
    shell.type("a\x03\r")
    shell.expect(r"a 003  \\r")
    shell.prompt()


def test_output_is_held(shell):
    shell.start("cat /tmp/begun -")
    shell.type(f"{STOP}held{START}")
    shell.expect("^held")
    shell.key(INTERRUPT)


def test_vi_edits_a_file(shell):
    shell.type("vi /tmp/text\r")
    shell.expect(r"- /tmp/text .*%")
    shell.type("ityped")
    shell.expect("typed")
    shell.type("\x1b")  # by itself: with more behind it, it might be a key's sequence
    shell.expect("Modified")
    shell.type(":wq\r")
    shell.prompt()
    shell.do("cat /tmp/text", "^typed\r\n")


def test_stopped_jobs_are_told_of_the_end(shell):
    shell.do("sh -c 'trap \"echo hung up > /dev/console; exit\" HUP; kill -STOP $$' &")
    shell.do("while ! jobs | grep Stopped; do sleep 0.1; done", "Stopped")
    shell.do("exit", "stopped jobs")
    shell.type("exit\r")
    shell.expect("hung up")
    shell.guest.wait_for(r"^init: /bin/busybox pid \d+ exited")


def test_program_agrees_with_linux(shell):
    while keys := shell.expect(REQUEST)[1]:
        text = re.sub(rb"\\(\d+)", lambda code: bytes([int(code[1], 8)]), keys)
        shell.type(text.replace(rb"\r", b"\r"))
    shell.guest.wait()
    bad = shell.guest.matches(r"BAD \w|^  \w+:\d+: ")  # echo may stand before it
    assert not bad, "\n".join(match.string for match in bad)
    assert shell.guest.matches(r"terminal: \d+ tests, 0 bad$")
    assert shell.guest.matches("^ok hang_up$")
    expect_orderly(shell.guest)
