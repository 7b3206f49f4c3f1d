"""Allocations and user copies that fail on request: every call gives a documented error or a
signal to that one process, and nothing is left behind. `make test` walks a part of the points of
every call on one machine, `make fail-walk` all of them."""

import os
import re

import pytest

from harness.media import ROOT
from verdicts import expect_orderly, expect_success, verdicts

STEP = int(os.environ.get("RINGFENCE_FAIL_STEP", "8"))
SMP = os.environ.get("RINGFENCE_FAIL_SMP", "4").split()
PATIENCE_SECONDS = 300
ROW = re.compile(r"^([a-z0-9_, ]+): (\d+) points$")
# What every run must have met, or the machinery is asleep: a floor, far below what is there.
ROWS = {"open new": 4, "fork plain": 15, "execve program": 20, "mmap shared": 2, "clone thread": 3,
        "kill handled": 4, "rt_sigreturn": 4, "rt_sigreturn copied": 6,
        "rt_sigreturn without memory": 1, "fault stack grows": 30, "fault copy after fork": 1,
        "pread64 to fresh pages": 4}

whole = pytest.mark.skipif(STEP != 1, reason="make fail-walk")


def calls():
    with open(f"{ROOT}/include/syscalls.def", encoding="utf-8") as file:
        return set(re.findall(r"^SYSCALL\(\d+, (\w+)", file.read(), re.MULTILINE))


@pytest.mark.parametrize("smp", SMP)
def test_walk(boot, smp):
    """Every call with good arguments, its points failing one after the other. A page that cannot be
    had is SIGKILL to who touched it, logged."""
    guest = boot(f"panic=1 -- /bin/failwalk,-s,{STEP}", cpu="max", smp=smp,
                 timeout=PATIENCE_SECONDS)
    guest.wait()
    bad = [line for line in guest.log if line.startswith(("BAD", "  "))]
    assert not guest.matches("^BAD "), bad
    expect_orderly(guest)
    expect_success(guest, "failwalk")
    rows = {match[1]: int(match[2]) for match in map(ROW.match, guest.log) if match}
    assert calls() <= {name.split(",")[0].split()[0] for name in rows}
    for name, points in ROWS.items():
        assert rows[name] >= points, (name, rows[name])
    summary = guest.matches(r"^failwalk: (\d+) rows, (\d+) failures, 0 bad$")
    assert summary and int(summary[0][2]) > 900 / STEP
    killed = [line for line in guest.log if "(failwalk) killed by SIGKILL: out of memory" in line]
    assert len(killed) > 100 / STEP


# Programs that wait for nobody: one that loses its partner may rightly wait for ever.
PROGRAMS = ("/bin/hello /bin/walker /bin/busybox,find,/ /bin/busybox,ls,-lR,/ /bin/escape,vectors "
            "/bin/hello")


@whole
@pytest.mark.parametrize("what", ["memory:37", "frame:11", "object:50", "copy:40"])
def test_one_in_so_many(boot, what):
    """fail=: programs that know nothing of it end one way or the other; the kernel stays whole."""
    guest = boot(f"panic=1 fail={what} -- {PROGRAMS}", smp="4", timeout=PATIENCE_SECONDS)
    guest.wait()
    assert guest.matches(rf"boot: fail={what}: one in so many is refused$")
    assert guest.matches(r"power: everything came back: ")
    assert not guest.matches(r"\] panic: ")
    assert len(verdicts(guest)) == len(PROGRAMS.split())
    assert any(verdict != "exited 0" for _, verdict in verdicts(guest))
