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
@pytest.mark.protection("zero")
def test_nothing_escapes(booted):
    expect_table(booted(PART, cpu="max", smp="2"), GROUPS)
