"""Several processors share threads: masks are kept, nothing hangs, loops share all CPUs, and a
loop alone is left alone."""

import subprocess

import pytest

from harness.fixtures import exec_command

# Time slices of an emulated CPU depend on when the host runs it, so a share may be tried again.
SCRIPT = """status() { echo "$1 $?"; }
cpus pinned; status pinned
cpus pingpong 200; status pingpong
cpus storm; status storm
cpus alone 10s; status alone
cpus share 2 || cpus share 2 || cpus share 2; status even
cpus share 3 || cpus share 3 || cpus share 3; status uneven
cat /proc/latency
"""


@pytest.fixture(scope="module")
def lines():
    command = exec_command(["/bin/busybox", "sh", "-c", SCRIPT], smp=2, timeout=300)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert result.returncode == 0, result.stdout.decode() + result.stderr.decode()
    return result.stdout.decode().splitlines()


@pytest.mark.parametrize("what", ["pinned", "pingpong", "storm", "alone", "even", "uneven"])
def test_cpus(lines, what):
    assert f"{what} 0" in lines, "\n".join(lines)


@pytest.mark.parametrize("name", ["wake-up", "run-queue-wait", "due-to-switch", "interrupts-off"])
def test_latency_histograms(lines, name):
    rows = [line.split() for line in lines if line.startswith(f"{name} ")]
    bounds = [int(row[1].lstrip("<")) for row in rows if row[1] != "-"]
    assert rows and bounds == sorted(bounds) and all(int(row[2]) > 0 for row in rows)


def test_threads_have_moved(lines):
    assert int(lines[-1].removeprefix("# migrations ")) > 0
