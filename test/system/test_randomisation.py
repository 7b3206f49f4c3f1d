"""Where programs lie: nobody can know, unless the kernel was told a seed or to keep still."""

import re

import pytest

from verdicts import expect_orderly

RUNS = 40
PROGRAMS = f"/bin/where,{RUNS} /bin/where-pie,{RUNS} /bin/where,4,-R /bin/where-pie,4,-R"
LINE = re.compile(r"^where: code (\S+) heap (\S+) mapping (\S+) stack (\S+) vdso (\S+)$")
# Bits of each address that must have been seen to change, of the 28, 18, 28 and 22 (and 9 to 16 of
# the strings' gap) that are drawn.
BITS = {"code": 24, "heap": 15, "mapping": 24, "stack": 22, "vdso": 18}


def layouts(booted, words, **options):
    guest = booted(f"{words} -- {PROGRAMS}", **options)
    expect_orderly(guest)
    found = [[int(value, 16) for value in match.groups()]
             for match in map(LINE.match, guest.log) if match]
    assert len(found) == 2 * RUNS + 8
    return (found[:RUNS], found[RUNS:2 * RUNS], found[2 * RUNS:2 * RUNS + 4], found[2 * RUNS + 4:])


def changed_bits(values):
    mask = 0
    for value in values:
        mask |= value ^ values[0]
    return bin(mask).count("1")


@pytest.mark.protection("randomisation")
def test_every_program_lies_elsewhere(booted):
    fixed, movable, *_ = layouts(booted, "seed=7")
    for place, index in (("code", 0), ("heap", 1), ("mapping", 2), ("stack", 3), ("vdso", 4)):
        for name, runs in (("where", fixed), ("where-pie", movable)):
            values = [run[index] for run in runs]
            if (name, place) == ("where", "code"):
                assert len(set(values)) == 1  # linked to its address
                continue
            assert len(set(values)) >= RUNS - 1, (name, place)  # one coincidence
            assert changed_bits(values) >= BITS[place], (name, place)


def test_a_program_may_ask_for_a_fixed_layout(booted):
    *_, fixed, movable = layouts(booted, "seed=7")
    assert len({tuple(run) for run in fixed}) == 1
    assert len({tuple(run) for run in movable}) == 1


def test_a_seed_repeats_them(booted):
    assert layouts(booted, "seed=7") == layouts(booted, "seed=7 loglevel=5")


def test_norandmaps(booted):
    fixed, movable, *_ = layouts(booted, "norandmaps")
    assert len({tuple(run) for run in fixed}) == 1
    assert len({tuple(run) for run in movable}) == 1
