"""How long the kernel keeps the CPU to itself, in instructions, and corners of switching where a
due switch or a wake-up was once forgotten."""

import re
import subprocess

import pytest

from harness.fixtures import exec_command

LIMIT_NS = 50_000
ICOUNT_SECONDS = 240
# New images of cells, pages of text, both screens blanked, cells pushed aside.
SCREEN = r"""{ dmesg; awk 'BEGIN {
for (i = 0; i < 6000; i++) printf "\033[%d;%dm%c", 30 + i % 8, 40 + int(i / 8) % 8, 33 + i % 94
printf "\033c\033[?1049h\033[2J\033#8\033[?1049l\033c\033[4h"
for (i = 0; i < 1000; i++) printf "%c\r", 33 + i % 94
print "\033[4l" }'; } > /dev/console"""
PROGRAMS = (SCREEN + " && /bin/neighbour && /bin/lives 40 && /bin/forktree && /bin/pingpong 50"
            " && /bin/walker"
            " && /bin/busybox cat /proc/self/maps /proc/self/status /proc/self/limits >/dev/null")


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """One run in which an instruction takes a nanosecond; its log and exit status."""
    log = tmp_path_factory.mktemp("stretches") / "log"
    command = exec_command(["/bin/busybox", "sh", "-c", PROGRAMS], log=log, icount=True,
                           cmdline="video=1920x1080 loglevel=7", timeout=ICOUNT_SECONDS)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return result, log.read_text("utf-8", "replace")


def test_due_switch_is_not_forgotten(counted):
    result, _ = counted
    assert result.returncode == 0, result.stdout.decode() + result.stderr.decode()


@pytest.mark.parametrize("what", ["interrupts-off stretch", "stretch without a preemption point"])
def test_longest_stretch(counted, what):
    _, log = counted
    found = re.search(rf"latency: longest {what} (\d+)\.(\d+) us, .*ended at (\S+)", log)
    assert found, log[-2000:]
    assert int(found[1]) * 1000 + int(found[2]) < LIMIT_NS, found[0]


def test_poll_sees_what_came_before_its_deadline(run_exec):
    result = run_exec(["/bin/latepoll", "5"])
    assert result.status == 0, result.stdout
    assert "everything came back" in result.log[-1]
