"""Several processors share threads: masks and registers are kept, nothing hangs, loops share all
CPUs, a loop alone is left alone, poll() keeps its deadline beside others, and who waits for a lock
is counted. Here spinlocks keep their queue, as they do where the processors are real."""

import re
import subprocess
from itertools import takewhile

import pytest

from harness.fixtures import exec_command

# Time slices of an emulated CPU depend on when the host runs it, so a share may be tried again.
SCRIPT = """status() { echo "$1 $?"; }
cat /proc/lock_stat
cpus pinned; status pinned
cpus hop 300ms; status hop
cpus pingpong 200; status pingpong
cpus storm; status storm
pollmany busy; status busy
pollmany crowd 32; status crowd
cat /proc/lock_stat
cpus alone 10s; status alone
cpus share 2 || cpus share 2 || cpus share 2; status even
cpus share 3 || cpus share 3 || cpus share 3; status uneven
cat /proc/latency
"""


LOCK_HEAD = "kind rank name waits waited-ns longest-ns".split()
LOCK = re.compile(r"(spin|mutex) +(\d+) (\S+) +(\d+) +(\d+) +(\d+)")


@pytest.fixture(scope="module")
def lines():
    command = exec_command(["/bin/busybox", "sh", "-c", SCRIPT], smp=2, timeout=300,
                           cmdline="spinlocks=queued")
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert result.returncode == 0, result.stdout.decode() + result.stderr.decode()
    return result.stdout.decode().splitlines()


@pytest.mark.parametrize("what", ["pinned", "hop", "pingpong", "storm", "busy", "crowd", "alone",
                                  "even", "uneven"])
def test_cpus(lines, what):
    assert f"{what} 0" in lines, "\n".join(lines)


@pytest.mark.parametrize("name", ["wake-up", "run-queue-wait", "due-to-switch", "interrupts-off"])
def test_latency_histograms(lines, name):
    rows = [line.split() for line in lines if line.startswith(f"{name} ")]
    bounds = [int(row[1].lstrip("<")) for row in rows if row[1] != "-"]
    assert rows and bounds == sorted(bounds) and all(int(row[2]) > 0 for row in rows)


def lock_tables(lines):
    """[{name: (waits, waited_ns, longest_ns)}] for every time that the file was read."""
    tables = []
    for begin in [number for number, line in enumerate(lines) if line.split() == LOCK_HEAD]:
        tables.append({})
        for match in takewhile(bool, map(LOCK.fullmatch, lines[begin + 1:])):
            assert match[3] not in tables[-1]
            tables[-1][match[3]] = tuple(map(int, match.groups()[3:]))
    return tables


def test_who_waits_for_a_lock_is_counted(lines):
    before, after = lock_tables(lines)
    for name, (waits, waited, longest) in after.items():
        assert waits > 0 and 0 < longest <= waited <= waits * longest, name
        assert all(new >= old for new, old in zip(after[name], before.get(name, (0, 0, 0)))), name
    assert before.keys() <= after.keys()
    counts = [sum(waits for waits, _, _ in table.values()) for table in (before, after)]
    assert counts[1] > counts[0]


def test_threads_have_moved(lines):
    assert int(lines[-1].removeprefix("# migrations ")) > 0
