"""The part of the escape suite that `make test` runs, with samples of the sweeps. What is left out
here runs on four models in system/test_machines.py. The kernel lies where it is linked: there the
attempts look for it."""

import pytest

from table import expect_table
from verdicts import kernel_offset

GROUPS = ("selectors", "doors", "leaks", "fresh", "padding", "storms")
PART = f"nokaslr -- /bin/escape,-q,{','.join(GROUPS)}"


@pytest.mark.protection("clac")
@pytest.mark.protection("sfmask-nt")
@pytest.mark.protection("sfmask-ac")
@pytest.mark.protection("registers")
@pytest.mark.protection("fpu")
@pytest.mark.protection("zero")
def test_nothing_escapes(booted):
    guest = booted(PART, cpu="max", smp="2")
    expect_table(guest, GROUPS)
    assert kernel_offset(guest.log) == 0


def test_the_machine_cannot_be_used_up(booted):
    guest = booted("-- /bin/escape,-q,arguments,races,attacks,depths,images", smp="2", mem="512M",
                   timeout=400)
    expect_table(guest, {"arguments", "races", "attacks", "depths", "images"})


@pytest.mark.protection("victim")
def test_who_has_most_dies_for_memory(booted):
    expect_table(booted("-- /bin/escape,attacks/memory-hog-that-sits", mem="128M"), {"attacks"})
