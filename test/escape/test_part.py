"""The part of the escape suite that `make test` runs: one boot, samples of the sweeps."""

from table import expect_table

PART = "-q,privileged"


def test_nothing_escapes(booted):
    expect_table(booted(f"-- /bin/escape,{PART}", cpu="max", smp="2"), {"privileged"})
