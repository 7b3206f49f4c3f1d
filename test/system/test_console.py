"""The console's two faces: the screen shows what the serial port got, and a person with nothing but
a keyboard and a screen has the whole session."""

import re

import pytest

from harness import screen
from harness.terminal import Typist
from test_screen import SIZES, expected_grid

SECONDS = 90
SHELL_WAITS = r"ringfence:\S+[#$] \x1b\[6n"  # the end of what ash writes before it reads
PROMPT = re.compile(r"^ringfence:\S+[#$]$")


def text_differences(guest, picture):
    """[(row, wanted, shown)] of rows whose characters differ; colours are test_screen's."""
    wanted, _ = expected_grid(guest.raw_log, picture.columns, picture.rows)
    shown = [[cell.text for cell in row] for row in picture.grid()]
    return [(number, "".join(left), "".join(right))
            for number, (left, right) in enumerate(zip(wanted, shown)) if left != right]


@pytest.mark.parametrize("size", SIZES)
def test_screen_shows_the_shell(boot, size):
    """Boot, a session typed at the serial port, and what is left on the screen by each step."""
    guest = boot(f"video={size} loglevel=7")
    typist = Typist(guest)
    typist.expect(SHELL_WAITS)
    for command in ["dmesg", "ls -l /bin", "seq 300", r"printf '\033[1;31mred\033[0m\tx\n'",
                    "top -b -n1", "escape -c pages/null-read", "echo ä€ | cat -"]:
        typist.type(command + "\r")
        typist.expect(r"\r\n")
        typist.expect(SHELL_WAITS)
        picture = screen.wait_for(guest, lambda picture: not text_differences(guest, picture))
        assert f"{picture.width}x{picture.height}" == size
        assert text_differences(guest, picture)[:3] == [], command
    typist.type("vi /etc/passwd\r")
    typist.expect("1/")  # the status line, which is drawn last
    picture = screen.wait_for(guest, lambda picture: not text_differences(guest, picture))
    assert text_differences(guest, picture)[:3] == []
    typist.type(":q\r")
    typist.expect(SHELL_WAITS)
    typist.type("poweroff\r")
    assert guest.wait() == 0


class Person:
    """At the keyboard, looking at the screen."""

    def __init__(self, guest):
        self.guest = guest

    def look(self):
        return screen.capture(self.guest).lines()

    def wait_for(self, wanted, seconds=SECONDS):
        """Looks until wanted(lines) is true; returns the lines."""
        lines = []

        def is_there(picture):
            lines[:] = picture.lines()
            return wanted(lines)

        screen.wait_for(self.guest, is_there, seconds)
        assert wanted(lines), "\n".join(lines)
        return lines

    def type(self, text):
        self.guest.type_keys(text)

    def see(self, pattern):
        return self.wait_for(lambda lines: any(re.search(pattern, line) for line in lines))

    def at_prompt(self):
        """The last line is a prompt and nothing else."""
        return self.wait_for(lambda lines: lines and PROMPT.match(lines[-1]))

    def run(self, command):
        """On a cleared screen: the lines between the command and the next prompt."""
        self.type("clear\n")
        self.wait_for(lambda lines: len(lines) == 1 and PROMPT.match(lines[0]))
        self.type(command + "\n")
        return self.wait_for(lambda lines: len(lines) > 1 and PROMPT.match(lines[-1]))[1:-1]


def test_session_at_keyboard_and_screen(boot):
    guest = boot("")
    person = Person(guest)
    person.at_prompt()
    assert person.run("stty size") == ["50 160"]  # 1280 x 800 by 8 x 16
    assert person.run("echp one\b\b\b\b\bo two | tr a-z A-Z") == ["TWO"]
    assert person.run("ls / | grep bin | wc -l") == ["2"]
    person.run("while :; do :; done &")
    assert person.run("echo beside; jobs | grep -c Running") == ["beside", "1"]
    person.run("kill %1; wait")
    person.type("sh -c 'echo ready; exec sleep 1000'\n")
    person.see("^ready$")
    person.type("\x1a")
    person.see("Stopped")
    assert any("Stopped" in line for line in person.run("jobs"))
    person.type("fg\n")
    person.see("^sh -c .*echo ready")
    person.type("\x03")
    person.at_prompt()
    person.type("vi /tmp/note\n")
    person.see("/tmp/note.*1/1")
    person.type("ione line\x1b")
    person.see(r"- \S+ \[Modified")
    person.type(":wq\n")
    person.at_prompt()
    assert person.run("cat /tmp/note") == ["one line"]
    person.run("spinner & spinner &")
    rows = person.run("top -b -d 2 -n 2 | grep '[s]pinner'")[-2:]
    shares = [float(row.split()[6].rstrip("%")) for row in rows]  # %CPU
    assert all(40 <= share <= 60 for share in shares), rows
    person.run("kill %1 %2; wait")
    assert re.search("^tour: .*, 1 ok$", person.run("tour 3")[-1])
    person.type("poweroff\n")
    assert guest.wait() == 0
