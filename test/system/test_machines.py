"""Boots and passes everywhere: small and large memory, processors with much and little, pc and q35.

Every machine runs every offender and the checkers; models without a protection still keep theirs.
"""

import pytest

from verdicts import deaths, expect_orderly, expect_success

MACHINES = {
    "max": {"cpu": "max", "machine": "q35", "mem": "256M"},
    "skylake-128M": {"cpu": "Skylake-Server", "machine": "pc", "mem": "128M"},
    "epyc-8G": {"cpu": "EPYC", "machine": "q35", "mem": "8G"},
    "qemu64": {"cpu": "qemu64", "machine": "pc", "mem": "256M"},
}
PROGRAMS = ("-- /bin/raw /bin/offend,all /bin/walker /bin/usercopy /bin/syscalls "
            "/bin/isolate,200ms /bin/lives,64 /bin/spinners,3,200ms")
KILLED_BY_FAULT = 80  # at the least, of offend's acts


@pytest.fixture
def run(booted):
    return lambda name: booted(PROGRAMS, timeout=240, **MACHINES[name])


@pytest.mark.parametrize("name", MACHINES)
def test_boots_and_gives_everything_back(run, name):
    expect_orderly(run(name))


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("program", ["raw", "walker", "usercopy", "syscalls", "isolate", "lives"])
def test_program(run, name, program):
    expect_success(run(name), program)


# Each act's verdict against its table; and the kernel itself saw that many deaths by fault.
@pytest.mark.parametrize("name", MACHINES)
def test_offenders(run, name):
    expect_success(run(name), "offend")
    assert sum(who == "offend" for _, who, _ in deaths(run(name))) >= KILLED_BY_FAULT


@pytest.mark.protection("nx")
@pytest.mark.protection("umip")
@pytest.mark.protection("clac")
@pytest.mark.protection("sfmask-tf")
@pytest.mark.protection("sfmask-if")
@pytest.mark.protection("sfmask-nt")
@pytest.mark.protection("sfmask-ac")
def test_offenders_where_everything_is_protected(run):
    test_offenders(run, "max")
