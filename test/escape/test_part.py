"""The part of the escape suite that `make test` runs: one boot, samples of the sweeps. What this
boot leaves out runs on four models in system/test_machines.py."""

import pytest

from table import expect_table

GROUPS = ("selectors", "doors", "leaks", "fresh", "padding", "storms")
PART = f"-- /bin/escape,-q,{','.join(GROUPS)}"


@pytest.mark.protection("clac")
@pytest.mark.protection("sfmask-nt")
@pytest.mark.protection("sfmask-ac")
@pytest.mark.protection("registers")
@pytest.mark.protection("fpu")
@pytest.mark.protection("zero")
def test_nothing_escapes(booted):
    expect_table(booted(PART, cpu="max", smp="2"), GROUPS)


def test_the_machine_cannot_be_used_up(booted):
    guest = booted("-- /bin/escape,-q,arguments,attacks,depths,images", smp="2", mem="512M",
                   timeout=400)
    expect_table(guest, {"arguments", "attacks", "depths", "images"})


@pytest.mark.protection("victim")
def test_who_has_most_dies_for_memory(booted):
    expect_table(booted("-- /bin/escape,attacks/memory-hog-that-sits", mem="128M"), {"attacks"})
