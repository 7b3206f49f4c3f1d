"""The machine as its user sees it: a shell on the console that edits lines, controls jobs, runs
busybox's programs, and ends the machine in every orderly way."""

import os
import re
import subprocess
import sys

import pytest

from harness.fixtures import HANG_SECONDS, QEMU_PROGRAM
from harness.media import ROOT, default_build
from harness.typist import COLUMNS, LEAVE, MONITOR, ROWS, Typist

BACK = re.compile(r"^\[ *\d+\.\d+\] power: everything came back: .*; (.*)$")


@pytest.fixture(scope="module")
def typist():
    """A machine that was started with `make run` and stands at its first prompt."""
    debug = "0" if os.path.basename(default_build()) == "release" else "1"
    shell = Typist(["make", "-C", ROOT, "run", f"DEBUG={debug}"], timeout=HANG_SECONDS)
    try:
        shell.prompt()
        yield shell
    finally:
        shell.stop()


# The tests of `typist` share one machine and go in this order; the last of them ends it.


def test_greeting_and_place(typist):
    greeting = "\n".join(typist.lines)
    for word in ("Ringfence", "tour", "poweroff"):
        assert word in greeting.split("acpi:")[1]
    assert typist.run("pwd; id -un; tty; echo $HOME $TERM $0") == [
        "/root", "root", "/dev/console", "/root linux -sh"]
    assert typist.run("stty size") == [f"{ROWS} {COLUMNS}"]


EDITS = {
    "backspace": ("ecx\x7fho one", "one"),
    "left": ("echo ac\x1b[Db", "abc"),
    "right": ("echo ac\x1b[D\x1b[D\x1b[Cb", "abc"),
    "home and end": ("cho 5\x01e\x057", "57"),
    "kill the line": ("rubbish\x15echo fine", "fine"),
    "kill a word": ("echo one two\x17three", "one three"),
    "complete a name": ("ls /etc/mot\t", "/etc/motd"),
    "complete a command": ("spinn\x7f\x7f\x7f\x7f\x7fbasena\t /x/y", "y"),
    "up": ("\x1b[A", "y"),
    "up twice, changed": ("\x1b[A\x1b[A\x7fz", "z"),
}


def test_line_editing(typist):
    assert {name: typist.run(keys) for name, (keys, _) in EDITS.items()} == {
        name: [answer] for name, (_, answer) in EDITS.items()}


def test_history_survives_the_shell(typist):
    typist.run("echo first life")
    typist.type("exit\r")
    assert "Ringfence" in typist.prompt()  # greeted again
    assert typist.run("\x1b[A\x1b[A") == ["first life"]


def test_pipes_and_redirections(typist):
    assert typist.run("ls / | grep bin | wc -l") == ["2"]
    assert typist.run("echo a > /tmp/x; echo b >> /tmp/x; sort -r < /tmp/x") == ["b", "a"]
    assert typist.run("ls /nope 2> /tmp/e; cut -d: -f2 /tmp/e") == [" /nope"]
    assert typist.run("seq 1000 | sed 's/7/x/' | awk '{ n += /x/ } END { print n }'") == ["271"]
    typist.type("cat << END | tr a-z A-Z\r")
    typist.expect("> ")
    typist.type("here $((6 * 7))\rEND\r")
    assert typist.answer()[-1] == "HERE 42"


def test_statuses(typist):
    assert typist.run("sh -c 'exit 7'; echo $?") == ["7"]
    assert typist.run("no-such-program; echo $?") == ["-sh: no-such-program: not found", "127"]
    crash = typist.run("offend null-read; echo $?")
    assert crash[-2:] == ["Segmentation fault", "139"]
    assert any("killed by SIGSEGV" in line for line in crash[:-2])


def test_a_loop_beside_the_shell(typist):
    typist.run("while :; do :; done &")
    running = typist.run("jobs")
    assert len(running) == 1 and "Running" in running[0]
    assert typist.run("echo prompt") == ["prompt"]
    typist.run("kill %1")
    typist.run("wait")
    assert typist.run("jobs") == []


def test_interrupt(typist):
    typist.type("sh -c 'echo be; exec sleep 100'\r")
    typist.expect(r"\nbe\r")
    typist.type("\x03")
    typist.prompt()
    assert typist.run("echo $?") == ["130"]
    typist.type("forgotten words\x03")
    typist.prompt()
    assert typist.run("echo new") == ["new"]


def test_stop_and_foreground(typist):
    typist.type("cat\r")
    typist.type("one\r")
    typist.expect(r"one\r\n(.*\n)*?one\r")
    typist.type("\x1a")
    assert any("Stopped" in line for line in typist.prompt().splitlines())
    assert "Stopped" in typist.run("jobs")[0]
    typist.type("fg\r")
    typist.expect(r"\ncat\r")
    typist.type("two\r")
    typist.expect(r"two\r\n(.*\n)*?two\r")
    typist.type("\x04")
    typist.prompt()
    assert typist.run("echo $?; jobs") == ["0"]


def test_vi(typist):
    note = "/tmp/note"
    typist.type(f"vi {note}\r")
    typist.expect(r"~.*" + note)
    typist.type("ithe first line\rthe second line\x1b")
    typist.expect("second line")
    typist.type(":wq\r")
    typist.prompt()
    assert typist.run(f"cat {note}") == ["the first line", "the second line"]
    typist.type(f"vi {note}\r")
    typist.expect(r"~.*" + note)
    typist.type("wcwthird\x1bjdd:x\r")
    typist.prompt()
    assert typist.run(f"cat {note}") == ["the third line"]


def test_top_shows_shares(typist):
    typist.run("spinner & spinner &")
    lines = typist.run("top -b -d 2 -n 2")
    second = lines[[number for number, line in enumerate(lines) if "COMMAND" in line][1] :]
    column = second[0].split().index("%CPU")
    shares = [float(line.split()[column].rstrip("%")) for line in second if "spinner" in line]
    assert len(shares) == 2 and all(40 <= share <= 60 for share in shares), second
    typist.type("top -d 1\r")
    typist.expect("COMMAND")
    typist.expect("COMMAND")
    typist.type("q")
    typist.prompt()
    assert any("spinner" in line for line in typist.run("ps"))
    typist.run("kill %1 %2")
    typist.run("wait")


REPORTS = {
    "free": r"^Mem: +\d{5,}",
    "uptime": r"load average",
    "mount": r"^\S+ on / type \S+",
    "df": r" /$",
    "df -h /tmp": r"%",
    "dmesg | tail": r"\w+: \w+",
    "ps": r"^ +1 root .*init",
    "cat /proc/cpuinfo": r"^processor\s*: 0",
    "date": r"20\d\d$",
    "id": r"^uid=0\(root\) gid=0\(root\)",
    "hostname": r"^ringfence$",
    "uname -a": r"Ringfence|ringfence",
    "find /etc -name 'pass*'": r"^/etc/passwd$",
    "stty -a": r"speed",
    "env": r"^SHELL=/bin/sh$",
    "time true": r"^real",
    "which top": r"^/usr/bin/top$",
    "tar cf - /etc | gzip | gunzip | tar tf -": r"^etc/motd$",
}


def test_reports(typist):
    answers = {command: typist.run(command) for command in REPORTS}
    silent = {command: answers[command] for command, pattern in REPORTS.items()
              if not any(re.search(pattern, line) for line in answers[command])}
    assert not silent


def test_screenful_programs_leave_by_a_key(typist):
    typist.type("seq 500 | less\r")
    typist.expect(r"\n20\r?\n")
    typist.type("q")
    typist.prompt()
    typist.type("watch -n 1 echo seen\r")
    typist.expect(r"\nseen")
    typist.type("\x03")
    typist.prompt()
    typist.type("tail -f /tmp/note\r")
    typist.expect("the third line")
    typist.type("\x03")
    typist.prompt()
    assert typist.run("reset; clear; echo $?")[-1].endswith("0")


def test_power_off(typist):
    typist.run("sleep 1000 & (trap '' TERM; sleep 1000) &")
    typist.type("poweroff\r")
    assert typist.end() == 0
    assert BACK.match(typist.lines[-1])[1] == "powering off"


def test_restart_and_halt(tmp_path):
    log = str(tmp_path / "log")
    command = [sys.executable, QEMU_PROGRAM, "run", "--build-dir", default_build(), "--log", log]
    shell = Typist(command, timeout=HANG_SECONDS)
    try:
        shell.prompt()
        shell.type("reboot\r")
        shell.expect(r"everything came back.*; restarting")
        shell.prompt()
        assert shell.run("echo again") == ["again"]
        shell.type(f"{MONITOR}sendkey ctrl-alt-delete\r{MONITOR}")
        shell.expect(r"everything came back.*; restarting")
        shell.prompt()
        shell.type("halt\r")
        shell.expect(r"everything came back.*; halting")
        shell.type(LEAVE)
        assert shell.end() == 1  # by the escape, not by a power-off
    finally:
        shell.stop()


@pytest.mark.parametrize("programs, status", [("", 0), ("-- /bin/hello /bin/nothing", 1)])
def test_run_without_a_terminal(programs, status, tmp_path):
    command = [sys.executable, QEMU_PROGRAM, "run", "--build-dir", default_build(), "--log",
               str(tmp_path / "log"), f"--cmdline={programs}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False)
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    assert result.returncode == status, "\n".join(lines[-20:])
    assert BACK.match(lines[-1])[1] == "powering off"
    failed = result.stderr.decode() if status else ""
    assert failed == ("qemu.py: programs failed: 1\n" if status else "")
