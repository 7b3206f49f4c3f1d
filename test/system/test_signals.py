"""Signals: as on Linux, frames that no handler was given, the jobs and traps of a shell."""

import pytest

from verdicts import expect_orderly, expect_success

EVERYTHING = "-- /bin/signals /bin/badframe,2000"

SHELL = """
trap 'echo trapped' USR1
kill -USR1 $$
(sleep 0.2; exit 5) & wait $!; echo waited $?
sleep 30 & kill $!; wait $!; echo killed $?
trap '' TERM; kill -TERM $$; trap - TERM
(trap 'echo inner; exit 4' TERM; while :; do sleep 0.05; done) & child=$!
sleep 0.5; kill $child; wait $child; echo inner $?
sleep 0.2 & sleep 0.3 & wait; echo all $?
(sleep 0.3; kill -HUP $$) & trap 'echo hup' HUP; wait $!; echo interrupted
yes | head -1; trap 'echo bye' EXIT
"""

# By SIGTERM, what the shell itself says of it.
EXPECTED = """trapped
waited 5
killed 143
inner
inner 4
all 0
hup
interrupted
y
bye
"""


@pytest.fixture
def machine(booted):
    return lambda: booted(EVERYTHING, timeout=300)


def test_everything_came_back(machine):
    expect_orderly(machine())


def test_as_on_linux(machine):
    expect_success(machine(), "signals")


@pytest.mark.protection("sigreturn")
@pytest.mark.protection("fpu-fixup")
def test_bad_frames_end_in_the_program(machine):
    guest = machine()
    expect_success(guest, "badframe")
    assert guest.matches(r"^badframe: mutations: \d+ exited, \d+ killed, ")


def test_shell_jobs_and_traps(run_exec):
    result = run_exec(["/bin/busybox", "sh", "-c", SHELL])
    assert (result.status, result.stdout.decode()) == (0, EXPECTED)


def test_frames_without_xsave(booted):
    guest = booted("-- /bin/signals /bin/badframe,300", cpu="qemu64", timeout=300)
    expect_orderly(guest)
    expect_success(guest, "signals")
    expect_success(guest, "badframe")
