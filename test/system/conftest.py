"""One run in which an instruction takes a nanosecond, for the tests of several files here: the
firmware alone takes ten times as long in such a machine."""

import subprocess

import pytest

from harness.fixtures import exec_command

ICOUNT_SECONDS = 600
# New images of cells, pages of text, both screens blanked, cells pushed aside.
SCREEN = r"""{ dmesg; awk 'BEGIN {
for (i = 0; i < 6000; i++) printf "\033[%d;%dm%c", 30 + i % 8, 40 + int(i / 8) % 8, 33 + i % 94
printf "\033c\033[?1049h\033[2J\033#8\033[?1049l\033c\033[4h"
for (i = 0; i < 1000; i++) printf "%c\r", 33 + i % 94
print "\033[4l" }'; } > /dev/console"""
PROGRAMS = (SCREEN + " && /bin/neighbour && /bin/lives 40 && /bin/forktree && /bin/pingpong 50"
            " && /bin/walker && /bin/shares && /bin/shares budget"
            " && /bin/signals large_group_has_it && /bin/pollmany crowd 64"
            " && /bin/busybox cat /proc/self/maps /proc/self/status /proc/self/limits >/dev/null")


@pytest.fixture(scope="session")
def counted(tmp_path_factory):
    """The run, and the machine's log."""
    log = tmp_path_factory.mktemp("stretches") / "log"
    command = exec_command(["/bin/busybox", "sh", "-c", PROGRAMS], log=log, icount=True,
                           cmdline="video=1920x1080 loglevel=7", timeout=ICOUNT_SECONDS)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return result, log.read_text("utf-8", "replace")
