"""The machine as its user sees it: a shell on the console that edits lines, controls jobs, runs
busybox's programs, and ends the machine in every orderly way."""

import os
import re
import subprocess
import sys

import pytest

from harness.fixtures import HANG_SECONDS, QEMU_PROGRAM, noted
from harness.media import ROOT, default_build
from harness.shell import COLUMNS, LEAVE, MONITOR, ROWS, Shell

BACK = re.compile(r"^\[ *\d+\.\d+\] power: everything came back: .*; (.*)$")


@pytest.fixture(scope="module")
def machine():
    debug = "0" if os.path.basename(default_build()) == "release" else "1"
    shell = Shell(["make", "-C", ROOT, "run", f"DEBUG={debug}"], timeout=HANG_SECONDS)
    try:
        shell.prompt()
        yield shell
    finally:
        shell.stop()


@pytest.fixture
def shell(machine):
    """A machine that was started with `make run` and stands at its prompt."""
    assert not machine.is_lost, "an earlier test lost the shell"
    return machine


# The tests of `shell` share one machine and go in this order; the last of them ends it.


def test_greeting_and_place(shell):
    greeting = "\n".join(shell.lines)
    for word in ("Ringfence", "tour", "poweroff"):
        assert word in greeting.split("acpi:")[1]
    assert shell.run("pwd; id -un; tty; echo $HOME $TERM $0") == [
        "/root", "root", "/dev/console", "/root xterm -sh"]
    assert shell.run("stty size") == [f"{ROWS} {COLUMNS}"]


EDITS = {
    "backspace": ("ecx\x7fho one", "one"),
    "left": ("echo ac\x1b[Db", "abc"),
    "right": ("echo ac\x1b[D\x1b[D\x1b[Cb", "abc"),
    "home and end": ("cho 5\x01\x01e\x057", "57"),  # QEMU takes one ^A of two
    "kill the line": ("rubbish\x15echo fine", "fine"),
    "kill a word": ("echo one two\x17three", "one three"),
    "complete a name": ("ls /etc/mot\t", "/etc/motd"),
    "complete a command": ("spinn\x7f\x7f\x7f\x7f\x7fbasena\t /x/y", "y"),
    "up": ("\x1b[A", "y"),
    "up, changed": ("\x1b[A\x7fz", "z"),
}


def test_line_editing(shell):
    assert {name: shell.run(keys) for name, (keys, _) in EDITS.items()} == {
        name: [answer] for name, (_, answer) in EDITS.items()}


def test_the_shell_comes_back(shell):
    shell.run("stty -echo")
    shell.type("exit\r")
    assert "Ringfence" in shell.prompt()  # greeted again
    assert shell.run("stty -a | grep -o -w -e icanon -e -echo") == ["icanon"]
    shell.run("kill -9 $$")  # while the line editor has changed the settings
    assert shell.run("stty -a | grep -o -w -e icanon -e -echo") == ["icanon"]


def test_pipes_and_redirections(shell):
    assert shell.run("ls / | grep bin | wc -l") == ["2"]
    assert shell.run("echo a > /tmp/x; echo b >> /tmp/x; sort -r < /tmp/x") == ["b", "a"]
    assert shell.run("ls /nope 2> /tmp/e; cut -d: -f2 /tmp/e") == [" /nope"]
    assert shell.run("seq 1000 | sed 's/7/x/' | awk '{ n += /x/ } END { print n }'") == ["271"]
    shell.type("cat << END | tr a-z A-Z\r")
    shell.expect("> ")
    shell.type("here $((6 * 7))\rEND\r")
    assert shell.answer()[-1] == "HERE 42"


def test_statuses(shell):
    assert shell.run("sh -c 'exit 7'; echo $?") == ["7"]
    assert shell.run("no-such-program; echo $?") == ["-sh: no-such-program: not found", "127"]
    crash = shell.run("escape -c pages/null-read; echo $?")
    assert crash[-2:] == ["Segmentation fault", "139"]
    assert any("killed by SIGSEGV" in line for line in crash[:-2])


def test_a_loop_beside_the_shell(shell):
    shell.run("while :; do :; done &")
    running = shell.run("jobs")
    assert len(running) == 1 and "Running" in running[0]
    assert shell.run("echo prompt") == ["prompt"]
    shell.run("kill %1")
    shell.run("wait")
    assert shell.run("jobs") == []


def test_interrupt(shell):
    shell.type("sh -c 'echo be; exec sleep 100'\r")
    shell.expect(r"\nbe\r")
    shell.type("\x03")
    shell.prompt()
    assert shell.run("echo $?") == ["130"]
    shell.type("forgotten words\x03")
    shell.prompt()
    assert shell.run("echo new") == ["new"]


def test_stop_and_foreground(shell):
    shell.type("cat /etc/hostname -\r")
    shell.expect(r"\nringfence\r")
    shell.type("one\r")
    shell.expect(r"one\s+one\s")
    shell.type("\x1a")
    assert any("Stopped" in line for line in shell.prompt().splitlines())
    assert "Stopped" in shell.run("jobs")[0]
    shell.type("fg\r")
    shell.expect(r"\ncat [^\n]*\n")
    shell.type("two\r")
    shell.expect(r"two\s+two\s")
    shell.type("\x04")
    shell.prompt()
    assert shell.run("echo $?; jobs") == ["0"]


# A key that follows Escape at once would be another key.
COMMAND_MODE = r"- \S+ \[Modified"


def test_vi(shell):
    note = "/tmp/note"
    shell.type(f"vi {note}\r")
    shell.expect(r"~.*" + note)
    shell.type("ithe first line\rthe second line\x1b")
    shell.expect(COMMAND_MODE)
    shell.type(":wq\r")
    shell.prompt(anywhere=True)
    assert shell.run(f"cat {note}") == ["the first line", "the second line"]
    shell.type(f"vi {note}\r")
    shell.expect(r"~.*" + note)
    shell.type("wcwthird\x1b")
    shell.expect(COMMAND_MODE)
    shell.type("jdd:x\r")
    shell.prompt(anywhere=True)
    assert shell.run(f"cat {note}") == ["the third line"]


def test_top_shows_shares(shell):
    shell.run("spinner & spinner &")
    lines = shell.run("top -b -d 2 -n 2")
    second = lines[[number for number, line in enumerate(lines) if "COMMAND" in line][1] :]
    column = second[0].split().index("%CPU")
    shares = [float(line.split()[column].rstrip("%")) for line in second if "spinner" in line]
    assert len(shares) == 2 and all(40 <= share <= 60 for share in shares), second
    shell.type("top -d 1\r")
    shell.expect("COMMAND")
    shell.expect("COMMAND")
    shell.type("q")
    shell.prompt(anywhere=True)
    assert any("spinner" in line for line in shell.run("ps"))
    shell.run("kill %1 %2")
    shell.run("wait")


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
    "su - root -c id": r"^uid=0\(root\)",
    "env": r"^SHELL=/bin/sh$",
    "time true": r"^real",
    "which top": r"^/usr/bin/top$",
    "tar cf - /etc | gzip | gunzip | tar tf -": r"^etc/motd$",
}


def test_reports(shell):
    answers = {command: shell.run(command) for command in REPORTS}
    silent = {command: answers[command] for command, pattern in REPORTS.items()
              if not any(re.search(pattern, line) for line in answers[command])}
    assert not silent


def test_a_full_file_system(shell):
    """What fills it is told so; programs still start, and nobody is killed."""
    no_room = "No space left on device"
    assert shell.run("cat /dev/zero > /tmp/big") == [f"cat: write error: {no_room}"]
    assert "big" in shell.run("ls -1 /tmp")
    assert "100%" in shell.run("df /")[-1]
    assert any("init" in line for line in shell.run("ps"))
    assert shell.run("dd if=/dev/zero of=/tmp/more bs=1M")[0].endswith(f"'/tmp/more': {no_room}")
    shell.run("rm /tmp/big /tmp/more")


def test_one_line_for_one_death(shell):
    said = shell.run("tail /dev/zero")
    assert sum("out of memory" in line for line in said) == 1 and said[-1] == "Killed"


def test_screenful_programs_leave_by_a_key(shell):
    shell.type("seq 500 | less\r")
    shell.expect(r"K20\r")
    shell.type("q")
    shell.prompt(anywhere=True)
    shell.type("tail -f /tmp/note\r")
    shell.expect("the third line")
    shell.type("\x03")
    shell.prompt()
    assert shell.run("reset; clear; echo $?")[-1].endswith("0")


def test_tour(shell):
    assert re.search(r"^tour: 12 scenes, 12 ok$", shell.run("tour all | tail -n 1")[-1])
    told = shell.run("tour all > /tmp/tour && echo all fine || cat /tmp/tour")
    assert told[-1] == "all fine", "\n".join(told)


def test_power_off(shell):
    """Programs are asked, also those that are stopped, and killed when they do not listen."""
    shell.run("sleep 1000 & (trap '' TERM; sleep 1000) &")
    shell.run("sh -c 'trap \"echo farewell > /dev/console; exit\" TERM; kill -STOP $$; echo' &")
    shell.run("until jobs | grep -q Stopped; do usleep 10000; done")
    shell.type("poweroff\r")
    assert shell.end() == 0
    assert "farewell" in shell.lines
    assert [match[1] for match in map(BACK.match, shell.lines) if match] == ["powering off"]


def test_restart_and_halt(tmp_path):
    log = str(tmp_path / "log")
    command = [sys.executable, QEMU_PROGRAM, "run", "--build-dir", default_build(), "--log", log]
    shell = Shell(noted(command), timeout=HANG_SECONDS)
    try:
        shell.prompt()
        # Whoever restarts without asking init may run on any of the many stacks that were used.
        shell.run("for n in $(seq 100); do sleep 1000 & done; killall sleep; wait")
        shell.type("reboot -f\r")
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
    result = subprocess.run(noted(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False)
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    assert result.returncode == status, "\n".join(lines[-20:])
    assert BACK.match(lines[-1])[1] == "powering off"
    if status == 0:
        return
    complaint, *told = result.stderr.decode().splitlines()
    assert complaint == "qemu.py: programs failed: 1"
    again = next(line for line in told if line.startswith("  again: ")).removeprefix("  again: ")
    repeated = subprocess.run(again, shell=True, cwd=ROOT, stdin=subprocess.DEVNULL, check=True,
                              stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
    assert told_by_init(repeated.splitlines()) == told_by_init(lines) != []


def told_by_init(lines):
    """Without times and process numbers' company: what became of the programs."""
    return [line for line in lines if line.startswith("init: ") or "] boot: command line: " in line]
