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


# As the first program: signals that it blocked, and for which it has no handler.
INIT = """
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int signal = 1; signal <= 64; signal++)
        kill(1, signal);
    sigprocmask(SIG_SETMASK, &none, NULL);
    puts("init is still there");
    return 0;
}
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


def test_init_ends_by_its_own_will(boot, compile_c):
    """Nobody's signal ends or stops it, its own neither, also one that was pending until now."""
    with open(compile_c(INIT, libc="musl"), "rb") as file:
        program = file.read()
    guest = boot("init=/bin/other-init", initramfs_extra={"/bin/other-init": program})
    guest.wait()
    expect_orderly(guest)
    assert guest.matches(r"^init is still there$")
    assert guest.matches(r"process: init ended with exit status 0; shutting down$")
