"""How long the kernel keeps the CPU to itself, in instructions, and corners of switching where a
due switch or a wake-up was once forgotten."""

import re

import pytest

LIMIT_NS = 50_000


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
