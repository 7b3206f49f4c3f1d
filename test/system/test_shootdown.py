"""On four CPUs: memory that one task changes while others use it, and what programs expect of one
CPU: system calls as on Linux, signals, registers of their own, a time that never goes back."""

import pytest

from verdicts import expect_orderly, expect_success

PROGRAMS = "-- /bin/shootdown /bin/syscalls /bin/signals /bin/isolate,400ms"


@pytest.fixture
def machine(booted):
    return lambda: booted(PROGRAMS, smp=4, timeout=300)


@pytest.mark.protection("shootdown")
@pytest.mark.protection("shootdown-wait")
def test_changed_memory_is_left_alone(machine):
    expect_success(machine(), "shootdown")
    expect_orderly(machine())


@pytest.mark.parametrize("program", ["syscalls", "signals", "isolate"])
def test_program(machine, program):
    expect_success(machine(), program)


def test_time_was_compared_across_cpus(machine):
    guest = machine()
    assert guest.matches(r"^ok vdso-across-cpus$")
    assert guest.matches(r"^syscalls: time compared on 2 CPUs$")
