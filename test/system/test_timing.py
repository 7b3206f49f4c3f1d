"""Who gets the CPU, measured from outside by the event ring (issue 2, "Done means" 3)."""

import subprocess

import pytest

import trace
from harness.fixtures import exec_command
from harness.guest import GuestError
from verdicts import expect_orderly, run_times, verdicts

SLICE_NS = 10_000_000
LATE_NS = 100_000
TIMER_VECTOR = 0xE0
SYSCALL_VECTOR = 256
ICOUNT_SECONDS = 180
RING = "trace=65536"  # events: nothing is to be lost


def clip(stretches, begin, end):
    pieces = [(max(start, begin), min(stop, end)) for start, stop in stretches]
    return [(start, stop) for start, stop in pieces if stop > start]


def threads_of_brothers(events, count):
    """The threads of the processes whose parent had exactly so many children."""
    parents = {event.a: event.b for event in events.named("FORK")}
    threads = {event.a: event.thread for event in events.named("PROCESS_EXIT")}
    families = {}
    for child, parent in parents.items():
        families.setdefault(parent, []).append(threads[child])
    return next(family for family in families.values() if len(family) == count)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """One run in which an instruction takes a nanosecond: three spinners, then a sleeper beside a
    loop. The host's noise is not in it."""
    kept = {}

    def run():
        if not kept:
            events = tmp_path_factory.mktemp("timing") / "trace"
            programs = "/bin/spinners 3 1100ms && exec /bin/sleeper 20ms 30 beside-loop"
            command = exec_command(["/bin/busybox", "sh", "-c", programs], trace=events,
                                   icount=True, timeout=ICOUNT_SECONDS, cmdline=RING)
            kept["result"] = subprocess.run(command, stdin=subprocess.DEVNULL,
                                            capture_output=True, check=False)
            if kept["result"].returncode == 0:
                kept["trace"] = trace.load(events.read_bytes())
        assert "trace" in kept, kept["result"].stderr.decode("utf-8", "replace")
        assert kept["trace"].lost_count == 0
        return kept["trace"]

    return run


@pytest.mark.protection("preempt")
def test_spinners_share_fairly(measured):
    """100 slices and more in the window where all three live: within 5 % of each other."""
    times = run_times(measured())
    spinners = threads_of_brothers(measured(), 3)
    begin = max(times[thread][0][0] for thread in spinners)
    end = min(times[thread][-1][1] for thread in spinners)
    parts = {thread: clip(times[thread], begin, end) for thread in spinners}
    shares = [sum(stop - start for start, stop in parts[thread]) for thread in spinners]
    assert sum(len(part) for part in parts.values()) >= 100
    assert max(shares) <= min(shares) * 1.05


@pytest.mark.protection("preempt")
def test_sleeper_wakes_beside_a_loop(measured):
    """From every wake-up to the CPU: at once, whatever the loop has left of its slice."""
    events = measured().plain("WAKE", "SWITCH")
    delays = {}
    for position, event in enumerate(events):
        onto = next((later for later in events[position:]
                     if later.name == "SWITCH" and later.a == event.a), None)
        if event.name == "WAKE" and onto:
            delay = measured().nanoseconds(onto.tsc - event.tsc)
            delays.setdefault(event.a, []).append(delay)
    sleeper = max(delays.values(), key=len)
    assert len(sleeper) >= 30
    assert max(sleeper) <= LATE_NS


@pytest.mark.protection("preempt")
def test_loop_is_interrupted(boot):
    guest = boot("-- /bin/sleepvsloop", timeout=30)
    guest.wait()
    expect_orderly(guest)
    assert verdicts(guest) == [("sleepvsloop", "killed by SIGTERM")]


def test_without_the_timer_the_loop_owns_the_machine(boot):
    guest = boot("timer=off -- /bin/sleepvsloop")
    guest.wait_for("^sleepvsloop: looping$")
    with pytest.raises(GuestError):
        guest.wait_for("the sleeper woke", timeout=5)
    assert not guest.ended
    assert "CPL=3" in guest.monitor("info registers")


def test_cooperative_programs_work_without_the_timer(booted):
    guest = booted("timer=off -- /bin/pingpong,200 /bin/forktree,2,3 /bin/sleeper,5ms,3")
    expect_orderly(guest)
    assert [verdict for _, verdict in verdicts(guest)] == ["exited 0"] * 3


def test_lone_program_has_no_timer_interrupt(run_exec):
    """Direct execution: a fixed amount of work alone, from its last system call to its next."""
    result = run_exec(["/bin/spinner", "200000000", "r"], trace=True, timeout=60)
    assert result.status == 0
    entries = result.trace.plain("ENTRY")
    spinner = max({event.thread for event in entries},
                  key=lambda thread: longest_gap(entries, thread)[0])
    length, begin, end = longest_gap(entries, spinner)
    assert result.trace.nanoseconds(length) > 5 * SLICE_NS
    assert not [event for event in entries
                if begin < event.tsc < end and event.a == TIMER_VECTOR]


def longest_gap(entries, thread):
    """(length, begin, end) of the longest stretch between two system calls of the thread."""
    calls = [event.tsc for event in entries if event.thread == thread and event.a == SYSCALL_VECTOR]
    gaps = ((end - begin, begin, end) for begin, end in zip(calls, calls[1:]))
    return max(gaps, default=(0, 0, 0))


def test_direct_program_returns(booted):
    """Figure 6.1: called in ring 0, by call and return; then the boot goes on."""
    guest = booted("direct=/direct/without-limits -- /bin/hello")
    expect_orderly(guest)
    assert guest.matches(r"direct: program: ring 0x0, CR3 0x[0-9a-f]+, ")
    assert guest.matches(r"direct: /direct/without-limits returned 42; the boot goes on$")
    assert verdicts(guest) == [("hello", "exited 0")]


def test_direct_program_that_does_not_return(boot):
    guest = boot("direct=/direct/forever")
    guest.wait_for("^forever: I have the machine")
    registers = guest.monitor("info registers")
    assert "CPL=0" in registers
    flags = int(registers.split("RFL=")[1].split()[0], 16)
    assert not flags & 1 << 9  # interrupts are off, for good
