"""Boots and passes everywhere: small and large memory, processors with much and little, pc and q35.

Every machine runs attempts to escape and checkers; models without a protection still keep theirs.
On one of them the kernel lies where it is linked, which is where they try to reach it.
"""

import pytest

from table import expect_table
from verdicts import expect_orderly, expect_success, kernel_offset

MACHINES = {
    "max": {"cpu": "max", "machine": "q35", "mem": "256M"},
    "skylake-128M": {"cpu": "Skylake-Server", "machine": "pc", "mem": "128M"},
    "epyc-8G": {"cpu": "EPYC", "machine": "q35,hpet=off", "mem": "8G"},
    "qemu64": {"cpu": "qemu64", "machine": "pc", "mem": "256M"},
}
VULNERABLE = {"skylake-128M"}  # Intel's, and it does not say that it is not
PROGRAMS = ("-- /bin/raw /bin/escape,-q,privileged,sensitive,vectors,pages /bin/walker "
            "/bin/usercopy /bin/syscalls /bin/isolate,200ms /bin/lives,64 /bin/spinners,3,200ms")


WHERE_LINKED = "epyc-8G"  # and no isolation: ring 3's tables have the kernel's half


@pytest.fixture
def run(booted):
    def run_on(name):
        place = "nokaslr " if name == WHERE_LINKED else ""
        guest = booted(place + PROGRAMS, timeout=240, **MACHINES[name])
        assert not place or kernel_offset(guest.log) == 0
        return guest
    return run_on


@pytest.mark.parametrize("name", MACHINES)
def test_boots_and_gives_everything_back(run, name):
    expect_orderly(run(name))


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("program", ["raw", "walker", "usercopy", "syscalls", "isolate", "lives"])
def test_program(run, name, program):
    expect_success(run(name), program)


@pytest.mark.parametrize("name", MACHINES)
def test_isolation_where_the_processor_needs_it(run, name):
    """Nothing on the command line says so; with kpti=: test_nmi.py."""
    told = "page tables of its own; this CPU needs it" if name in VULNERABLE else (
        "the kernel's page tables; this CPU does not need it")
    assert run(name).matches(rf"\] boot: kpti: ring 3 has {told}$")


@pytest.mark.parametrize("name", MACHINES)
def test_attempts_to_escape(run, name):
    expect_table(run(name), {"privileged", "sensitive", "vectors", "pages"})


@pytest.mark.parametrize("name", MACHINES)
def test_clock_that_the_tsc_is_measured_against(run, name):
    reference = "ACPI PM timer" if "hpet=off" in MACHINES[name]["machine"] else "HPET"
    assert run(name).matches(rf"\] clock: TSC runs at \d+ kHz, measured against the {reference};")


@pytest.mark.protection("nx")
@pytest.mark.protection("umip")
@pytest.mark.protection("sfmask-tf")
@pytest.mark.protection("sfmask-if")
def test_attempts_where_everything_is_protected(run):
    test_attempts_to_escape(run, "max")
