"""Every processor of the machine: started, numbered, left out on request, missed when it does not
come, named when it stops. How many: CPUS="1 64 255" of `make test-cpus`."""

import os
import re

import pytest

from verdicts import expect_orderly, expect_success

# APIC ids 0 1 2 4 5 6, and 8 9 10 in the firmware's table for CPUs that could be plugged in.
GAPS = "6,maxcpus=9,sockets=3,cores=3,threads=1"
SHOW = "-- /bin/busybox,cat,/proc/cpuinfo,/proc/interrupts,/proc/stat /bin/tour,all"
COUNTS = os.environ.get("RINGFENCE_CPUS", "2").split()
CPUS_SECONDS = 900


def numbers(guest, label):
    return [int(line.split(":")[1]) for line in guest.log if re.match(rf"{label}\s*: \d+$", line)]


def expect_cpus(guest, apic_ids):
    """Numbered without gaps, a paragraph, a line, a column for each."""
    expect_orderly(guest)
    count = len(apic_ids)
    assert numbers(guest, "processor") == list(range(count))
    assert numbers(guest, "apicid") == apic_ids
    assert count == 1 or guest.matches(f" of {count - 1} further CPUs are as CPU 0's$")
    assert [line for line in guest.log if line.split() == [f"CPU{i}" for i in range(count)]]
    shown = [line.split()[0] for line in guest.log if re.match(r"cpu\d* +\d+ 0 \d+ \d+ 0", line)]
    assert shown == ["cpu", *(f"cpu{i}" for i in range(count))]


def test_gaps_in_the_apic_ids_and_disabled_ones(booted):
    guest = booted(SHOW, smp=GAPS)
    assert not guest.matches(UNSTEADY) and not guest.matches(UNTRUSTED)
    assert guest.matches(r"\] acpi: 9 CPUs, ")
    assert guest.matches(r"\] cpu: 6 CPUs run; ")
    assert not guest.matches(r"\] cpu: CPU with APIC id ")  # nobody waited for the other three
    expect_cpus(guest, [0, 1, 2, 4, 5, 6])
    expect_success(guest, "tour")


@pytest.mark.protection("every-cpu")
def test_every_processor_is_protected_alike(booted):
    """Control and debug registers and MSRs, read back on each; CPU 0: test_protection.py."""
    guest = booted(SHOW, smp=GAPS)
    assert guest.matches(r"\] cpu: 14 registers of 5 further CPUs are as CPU 0's$")
    assert not guest.matches(r"\] cpu: .*, CPU 0's is ")


@pytest.mark.parametrize("count", COUNTS)
def test_boots_and_passes_the_tour(booted, count):
    guest = booted(SHOW, smp=count, timeout=CPUS_SECONDS, mem="256M" if int(count) < 100 else "1G")
    expect_cpus(guest, list(range(int(count))))
    expect_success(guest, "tour")


UNSTEADY = r"\] clock: this CPU's TSC may change its speed or stop"
UNTRUSTED = r"\] vdso: the TSC is not trusted: "


# Its CPUs say neither that they are software's nor that their TSCs keep their speed.
def test_nosmp_and_a_tsc_that_is_not_steady(booted):
    guest = booted("nosmp " + SHOW.replace(" /bin/tour,all", ""), smp="4", cpu="max,-hypervisor")
    assert guest.matches(UNSTEADY) and guest.matches(UNTRUSTED)
    expect_cpus(guest, [0])
    assert guest.matches(r"\] cpu: 3 CPUs left out: 1 wanted$")


# CPU 250 does not exist; those that maxcpus= left out are woken when nobody expects them.
def test_who_does_not_come_and_who_comes_unasked(booted):
    guest = booted("maxcpus=2 selftest=unwanted-cpus", smp="4")
    expect_orderly(guest)
    assert guest.matches(r"\] cpu: 2 CPUs left out: 2 wanted$")
    assert guest.matches(r"\] cpu: 2 CPUs run; ")
    assert guest.matches(r"\] cpu: CPU with APIC id 250 does not answer; going on without it$")
    assert guest.matches(r"\] selftest: 2 CPUs run, 2 were turned away$")


def report_of(boot, selftest):
    guest = boot(f"panic=0 watchdog=2 selftest={selftest}", smp="4")
    guest.wait_for(r"\] panic: halted$")
    begin = next(i for i, line in enumerate(guest.log) if "] panic: " in line)
    return [line.split("] panic: ", 1)[-1] for line in guest.log[begin:]]


# Each line of the report once: one reports, the others are told of.
def test_all_panic_at_once(boot):
    report = report_of(boot, "panic-all")
    who = re.fullmatch(r"asked for on CPU ([0-3]) by selftest=panic-all", report[0])
    assert who and report.count(report[0]) == 2  # before and behind the last events
    assert sum(line.startswith("asked for") for line in report) == 2
    told = [re.match(r"cpu ([0-3]) (was at 0x\w+ (\w+)\+0x|panicked, too: asked for)", line)
            for line in report]
    places = {match[1]: match[3] for match in told if match}
    assert set(places) == {"0", "1", "2", "3"} - {who[1]}
    assert any("panicked, too: asked for" in line for line in report)  # while the first one did
    assert not [line for line in report if "while reporting" in line]
    assert report[-1] == "halted" and sum(line.startswith("  #0 ") for line in report) == 1


@pytest.mark.parametrize("what, complaint, place", [
    ("call", "CPU 1 has not answered a call for", "stop_for_good"),
    ("lock", "lock selftest was not free for", "stop_for_good"),
    ("reschedule", "CPU 1 has not answered the wish to reschedule for", "stop_for_good"),
    ("loop", "CPU 1 has not answered the wish to reschedule for", "loop_for_good"),
])
def test_watchdog_names_who_stopped(boot, what, complaint, place):
    report = report_of(boot, f"stopped-{what}")
    assert report[0].startswith(complaint)
    assert re.search(rf" it is at 0x[0-9a-f]{{16}} {place}\+0x[0-9a-f]+$", report[0])
    assert [line for line in report if re.match(rf"cpu 1 was at 0x\w+ {place}\+", line)]
