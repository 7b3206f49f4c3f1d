"""The tour of the chapter (user/bin/tour). Each scene judges itself; here the same is read from
outside: the kernel's log, the event ring, wait statuses, the symbols of program and kernel."""

import os
import re
import signal
import subprocess

import pytest

import trace as trace_file
from harness.fixtures import exec_command, read
from harness.media import ROOT, default_build
from verdicts import expect_orderly, kernel_offset, symbols_of, verdicts

pytestmark = pytest.mark.xdist_group("tour")

SCENES = ["direct", "call", "privileged", "trap-table", "pointer", "cooperative", "timer", "switch",
          "hidden", "exit", "call-cost", "switch-cost"]
DIRECT = "direct=/direct/without-limits loglevel=7"  # deaths by signals sent are told at level 7
RING = "trace=65536"  # events: nothing is to be lost
TOUR = os.path.join(ROOT, "build", "user", "root", "bin", "tour")
SECONDS = 100

SYSCALL, TIMER, PROTECTION, PAGE_FAULT = 256, 0xE0, 13, 14
READ, WRITE, GETPPID, UNKNOWN_CALL = 0, 1, 110, 100000
SLICE_OVER, BLOCKED, YIELDED = 0, 1, 2  # enum switch_reason
TO_KERNEL = 2  # enum exit_path
NOT_THERE, SECRET_PLACE = 0x20000000, 0x30000000
SIGNALLED = 0x7F  # of a wait status


class Tour:
    """One run of all scenes, with what the machine recorded of it."""

    def __init__(self, folder):
        log, events = folder / "log", folder / "trace"
        command = exec_command(["/bin/tour", "all"], cmdline=f"{DIRECT} {RING}", trace=events,
                               log=log, timeout=SECONDS)
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.status = result.returncode
        self.lines = result.stdout.decode().splitlines()
        self.complaint = result.stderr.decode("utf-8", "replace")
        self.log = read(log).decode("utf-8", "replace").splitlines()
        self.symbols = symbols_of(TOUR)
        data = read(events)
        self.trace = trace_file.load(data) if data and self.status != 125 else None

    def scene(self, name):
        """The lines of a scene that ended well."""
        number = SCENES.index(name) + 1
        assert self.trace, self.complaint
        ends = [i for i, line in enumerate(self.lines) if line.startswith("tour: scene ")]
        end = next((i for i in ends if f" {number} {name}: " in self.lines[i]), None)
        assert end is not None, self.lines[-20:]
        begin = max([i for i in ends if i < end], default=-1)
        shown = self.lines[begin + 1 : end]
        assert self.lines[end] == f"tour: scene {number} {name}: ok", shown
        return shown

    def events(self, name, thread=None, a=None, b=None):
        return [event for event in self.trace.plain(name)
                if thread in (None, event.thread) and a in (None, event.a) and b in (None, event.b)]

    def status_of(self, thread):
        """The wait status with which the process of this thread ended."""
        return next(event.b for event in self.events("PROCESS_EXIT", thread=thread))

    def expect_killed(self, symbol, vector, address=None):
        """A child was killed by SIGSEGV for the instruction at this symbol, and the log says so."""
        rip = self.symbols[symbol]
        faults = [event for event in self.events("VERDICT", a=signal.SIGSEGV, b=rip)
                  if self.events("FAULT", thread=event.thread, a=vector, b=address or rip)]
        assert len(faults) == 1, symbol
        assert self.status_of(faults[0].thread) & SIGNALLED == signal.SIGSEGV
        assert any("(tour) killed by SIGSEGV: " in line and f" rip {rip:#x}, " in line
                   and f" vector {vector}, " in line for line in self.log), symbol


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    kept = []

    def run():
        if not kept:
            kept.append(Tour(tmp_path_factory.mktemp("tour")))
        return kept[0]

    return run


def test_whole_tour(tour):
    seen = tour()
    assert seen.status == 0, seen.complaint or seen.lines[-20:]
    verdict_lines = [line for line in seen.lines if line.startswith("tour: ")]
    assert verdict_lines == [*(f"tour: scene {number} {name}: ok"
                               for number, name in enumerate(SCENES, 1)), "tour: 12 scenes, 12 ok"]
    assert max(len(line) for line in seen.lines) < 80
    assert seen.trace.lost_count == 0  # the other tests see everything
    assert any("everything came back" in line for line in seen.log)


@pytest.mark.protection("direct")
def test_direct(tour):
    seen = tour()
    shown = seen.scene("direct")
    log = "\n".join(seen.log)
    told = re.search(r"direct: kernel: CR3 (0x\w+), trap table (0x\w+), stack below (0x\w+)$", log,
                     re.M)
    found = re.search(r"direct: program: ring 0x0, CR3 (0x\w+), trap table (0x\w+), stack (0x\w+)$",
                      log, re.M)
    assert told.groups()[:2] == found.groups()[:2]
    assert 0 < int(told[3], 16) - int(found[3], 16) <= 16384
    assert any(told[2] in line for line in shown)
    call, end = seen.events("DIRECT")
    assert (call.a, end.a, end.b) == (1, 0, 42)
    between = [event for event in seen.trace.events if call.tsc < event.tsc < end.tsc]
    assert not [event for event in between
                if event.name == "FAULT" or (event.name == "EXIT" and event.a != TO_KERNEL)]


def test_ways_back_into_the_kernel_are_recorded(tour):
    seen = tour()
    faults = [event for event in seen.events("ENTRY", a=PAGE_FAULT) if event.b >> 63]
    assert faults  # of copies
    for fault in faults:
        back = next(event for event in seen.events("EXIT", thread=fault.thread)
                    if event.tsc > fault.tsc)
        assert back.a == TO_KERNEL and back.b >> 63


@pytest.mark.protection("call-number")
@pytest.mark.protection("trap-frame")
def test_system_call(tour):
    seen = tour()
    seen.scene("call")
    entry, = seen.events("ENTRY", a=SYSCALL, b=UNKNOWN_CALL)
    assert seen.status_of(entry.thread) == 0
    trap, = seen.events("ENTRY", thread=entry.thread, a=SYSCALL, b=GETPPID)
    back, = seen.events("EXIT", thread=entry.thread, b=seen.symbols["after_call"])
    assert trap.tsc < back.tsc < entry.tsc and back.a == 1  # by SYSRET
    assert any(f"called system call {UNKNOWN_CALL}, which is not implemented" in line
               for line in seen.log)


@pytest.mark.protection("iopl")
def test_privileged(tour):
    seen = tour()
    seen.scene("privileged")
    for symbol in ("at_cli", "at_hlt", "at_in", "at_out", "at_load_cr3"):
        seen.expect_killed(symbol, PROTECTION)


@pytest.mark.protection("umip")
def test_trap_table(tour):
    seen = tour()
    seen.scene("trap-table")
    for symbol in ("at_lidt", "at_wrmsr", "at_sidt"):
        seen.expect_killed(symbol, PROTECTION)
    table = re.search(r"direct: kernel: .* trap table (0x\w+),", "\n".join(seen.log))[1]
    unused = int(table, 16) + 12  # the last word of the first gate
    seen.expect_killed("at_write", PAGE_FAULT, unused)


@pytest.mark.protection("copy-range")
@pytest.mark.protection("copy-fixup")
def test_pointer(tour):
    seen = tour()
    shown = seen.scene("pointer")
    thread = seen.events("FAULT", a=PAGE_FAULT, b=NOT_THERE)[0].thread
    assert seen.status_of(thread) == 0
    assert len(seen.events("ENTRY", thread=thread, a=SYSCALL, b=WRITE)) == 3
    assert len([line for line in shown if line.endswith("answer -14 (-EFAULT)")]) == 3


def switches_between_two(seen, reason):
    """{(from, to): count} of the threads that handed over to each other for this reason."""
    counts = {}
    for event in seen.events("SWITCH", b=reason):
        counts[event.thread, event.a] = counts.get((event.thread, event.a), 0) + 1
    return {pair: count for pair, count in counts.items() if (pair[1], pair[0]) in counts}


@pytest.mark.protection("yield")
def test_cooperative(tour):
    seen = tour()
    seen.scene("cooperative")
    polite = [pair for pair, count in switches_between_two(seen, YIELDED).items() if count >= 10]
    assert len(polite) >= 2
    assert all(seen.status_of(thread) == 0 for thread in polite[0])


@pytest.mark.protection("preempt")
def test_timer(tour):
    seen = tour()
    seen.scene("timer")
    begin, end = seen.symbols["loop_begin"], seen.symbols["loop_end"]
    stopped = {event.thread for event in seen.events("ENTRY", a=TIMER) if begin <= event.b < end}
    taken = {event.thread for event in seen.events("SWITCH", b=SLICE_OVER)}
    loops = stopped & taken
    assert len(loops) >= 2
    assert all(seen.status_of(thread) == 0 for thread in loops)
    assert not [event for event in seen.events("SWITCH", b=YIELDED) if event.thread in loops]


@pytest.mark.protection("registers")
@pytest.mark.protection("fpu")
def test_switch(tour):
    seen = tour()
    shown = "\n".join(seen.scene("switch"))
    assert re.search(r"rax a000a000a000a000 +rcx a101a101a101a101 +rdx a202a202a202a202", shown)
    rip = int(re.search(r"A's kernel goes on behind the switch: (0x\w+),", shown)[1], 16)
    kernel = symbols_of(os.path.join(default_build(), "kernel.debug.elf"), kernel_offset(seen.log))
    place = max((address, name) for name, address in kernel.items() if address < rip)[1]
    assert place in ("schedule", "switch_to")
    begin, end = seen.symbols["hold_begin"], seen.symbols["hold_end"]
    held = {event.thread for event in seen.events("ENTRY", a=TIMER) if begin <= event.b < end}
    assert len(held) == 2 and all(seen.status_of(thread) == 0 for thread in held)


@pytest.mark.protection("cow")
@pytest.mark.protection("zero")
def test_hidden(tour):
    seen = tour()
    seen.scene("hidden")
    seen.expect_killed("at_read_word", PAGE_FAULT, SECRET_PLACE)


@pytest.mark.protection("exit-clean")
def test_exit(tour):
    seen = tour()
    seen.scene("exit")
    ends = [event.b & 0xFF7F for event in seen.events("PROCESS_EXIT")]
    assert ends.count(7 << 8) == ends.count(signal.SIGILL) == ends.count(signal.SIGKILL) == 2
    for name in ("SIGILL", "SIGKILL"):
        assert len([line for line in seen.log if f"(tour) killed by {name}" in line]) == 2


@pytest.mark.protection("fast-return")
def test_call_cost(tour):
    seen = tour()
    shown = "\n".join(seen.scene("call-cost"))
    reads = seen.events("ENTRY", a=SYSCALL, b=READ)
    threads = [event.thread for event in reads]
    measured = max(set(threads), key=threads.count)
    assert threads.count(measured) == 1500
    assert len(seen.events("EXIT", thread=measured, a=1)) >= 1500
    assert int(re.search(r"(\d+) ns for one read\(\)", shown)[1]) > 0


@pytest.mark.protection("pipe-wake")
def test_switch_cost(tour):
    seen = tour()
    shown = "\n".join(seen.scene("switch-cost"))
    waits = [count for count in switches_between_two(seen, BLOCKED).values() if count >= 50]
    assert len(waits) == 2
    assert int(re.search(r"to the other program: (\d+) ns", shown)[1]) > 0


SESSION = r"""
tour list; echo "status $?"
tour seventeen; echo "status $?"
tour 3 4; echo "status $?"
printf '3\nr\n\nnonsense\nl\n13\nq\n1\n' | tour -i; echo "status $?"
"""


# Without SMAP: in the build whose trap table is open, a CPU with SMAP could not use it itself.
@pytest.mark.protection("trap-table")
def test_session(run_exec):
    result = run_exec(["/bin/busybox", "sh", "-c", SESSION], cpu="max,-smap", cmdline=DIRECT)
    listing, number, many, session = result.stdout.decode().split("\nstatus ")[:4]
    rows = [line.split()[:2] for line in listing.splitlines()]
    assert rows == [[str(number), name] for number, name in enumerate(SCENES, 1)]
    assert number.splitlines() == ["0"] and many.splitlines() == ["2"]
    assert result.stderr.count(b"usage: tour [all | list | NUMBER | NAME]") == 2
    verdict_lines = re.findall(r"^tour: (.*)$", session, re.M)
    assert verdict_lines == ["scene 3 privileged: ok"] * 2 + ["scene 4 trap-table: ok",
                                                              "3 scenes, 3 ok"]
    assert session.count("there is no scene ") == 2
    assert result.stdout.endswith(b"status 0\n")


def test_without_direct_and_timer(booted):
    """What this boot cannot show is said, not failed; the loop keeps the machine for its time."""
    guest = booted("timer=off -- /bin/tour,1 /bin/tour,6 /bin/tour,timer /bin/tour,10")
    expect_orderly(guest)
    assert guest.matches(r"^tour: scene 1 direct: not shown in this boot$")
    assert guest.matches(r"^tour: scene 6 cooperative: ok$")
    assert guest.matches(r"B kept the CPU for (\d+) ms; nobody")
    assert guest.matches(r"^tour: scene 7 timer: not shown in this boot$")
    assert guest.matches(r"^tour: scene 10 exit: ok$")
    assert verdicts(guest) == [("tour", "exited 0")] * 4
