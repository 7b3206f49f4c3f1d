"""Independent work on four processors at once: no interrupts between them, no shootdowns, nobody
moved, no lock waited for but those that scale.toml names; and somebody else's work is counted."""

import re
import subprocess

import pytest

from bench import jobs
from harness.fixtures import exec_command

CPUS = 4
STRAY_WAITS, STRAY_SHARE = 2, 0.001  # for other locks: so many, and so many an operation
SECONDS = 180

pytestmark = pytest.mark.xdist_group("scale")  # one boot
ROWS = {"null_call": 20, "fault_anonymous": 10, "pipe_hop": 5, "fork_exit_wait": 5,
        "fork_exec_wait": 5}
ALONE = [f"measure -j {CPUS} -n {turns} {row}" for row, turns in ROWS.items()]
BESIDE = ["shootdown unmapped > /dev/null &", "measure -j 1 -n 100 fork_exec_wait", "wait"]
REFUSED = ["measure -j 65 null_call", 'echo "status $?"', "measure -j 2", 'echo "status $?"',
           "measure -j 2 rdtsc_pair", 'echo "status $?"']


@pytest.fixture(scope="module")
def printed():
    """Lines, and what `measure` counted: with nobody else at work, with, and when it refuses."""
    program = "\n".join([*ALONE, "echo =", *BESIDE, "echo =", *REFUSED])
    command = exec_command(["/bin/busybox", "sh", "-c", program], smp=CPUS, timeout=SECONDS)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stderr
    return [part.strip().splitlines() for part in result.stdout.split("=\n")]


def test_independent_work_shares_nothing(printed):
    runs, complaints = jobs.parse(printed[0])
    assert not complaints
    assert [run.name for run in runs] == list(ROWS)
    for run in runs:
        assert run.jobs == CPUS and run.operations > 0 and run.ns > 0
        assert run.counted == {"RES": 0, "CAL": 0, "TLB": 0, "migrations": 0}, run.name


def test_only_named_locks_are_waited_for(printed):
    limits = jobs.load()
    for run in jobs.parse(printed[0])[0]:
        stray = {lock: count for lock, (count, _) in run.waits.items()
                 if lock not in limits[run.name].waits}
        assert sum(stray.values()) <= STRAY_WAITS + run.operations * STRAY_SHARE, (run.name, stray)


def test_what_others_do_is_counted(printed):
    [run] = jobs.parse(printed[1])[0]
    assert run.counted["CAL"] >= run.counted["TLB"] > 0


def test_refusals(printed):
    lines = [line for line in printed[2] if re.match("#|status", line)]
    assert lines == ["status 2", "status 2",
                     "# rdtsc_pair: failed: not a row that times a loop", "status 1"]
