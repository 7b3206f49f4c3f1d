"""`lde` prints the chapter's tables: each row of Figures 6.1 to 6.3 is there, in its column and in
the figures' order, and the rows' costs add up to what lde measured around the whole."""

import os
import re
from collections import namedtuple

import pytest

import trace as trace_file
from harness.media import default_build
from verdicts import kernel_offset, symbols_of

pytestmark = pytest.mark.xdist_group("lde")

OS, HARDWARE, PROGRAM = 0, 22, 44  # where the columns begin
NUMBERS = re.compile(r" *(\d+) +(\d+) +(\d+)  ")
SHARED = " " * 9 + "|" + " " * 24
TIMER_VECTOR, STUB_SIZE = 0xE0, 16

SCRIPT = r"""
lde -e dd if=/dev/zero of=/dev/null bs=1 count=20000; echo "== status $?"
lde -e /bin/spinners 2 100ms; echo "== status $?"
lde -e sh -c 'kill -9 $$'; echo "== status $?"
lde nosuch; echo "== status $?"
lde /etc/passwd; echo "== status $?"
lde; echo "== status $?"
lde -x hello; echo "== status $?"
lde -e /bin/hello; echo "== status $?"
lde -a -e /bin/hello; echo "== status $?"
"""

BOOT = [
    (OS, r"initialize trap table: IDT base (0x\w+)"),
    (HARDWARE, r"remember address of timer handler: IDT entry (0x\w+)"),
    (HARDWARE, r"remember address of syscall handler: LSTAR (0x\w+)"),
    (HARDWARE, r"and the segments of both modes: STAR 0x23000800000000"),
    (HARDWARE, r"and the flags that a trap clears: SFMASK 0x\w+"),
    (OS, r"start interrupt timer"),
    (HARDWARE, r"start timer; interrupt CPU in 10 ms, if two want it"),
]

# Figure 6.2, and what 6.1 has without its limits.
ONE_CALL = [
    (OS, r"create entry for process list: A, pid \d+"),
    (OS, r"allocate memory for program: .*"),
    (OS, r"load program into memory: .*"),
    (OS, r"set up user stack with argv: .*"),
    (OS, r"fill kernel stack with reg/PC: .*"),
    (OS, r"return-from-trap, by IRETQ"),
    (HARDWARE, r"restore regs\(A\) from k-stack\(A\)"),
    (HARDWARE, r"move to user mode"),
    (HARDWARE, r"jump to main, by _start 0x\w+"),
    (PROGRAM, r"A: run main\(\)"),
    (PROGRAM, r"A: call getppid\(\)"),
    (PROGRAM, r"trap into OS \(110\)"),
    (HARDWARE, r"save regs\(A\) to k-stack\(A\)"),
    (HARDWARE, r"move to kernel mode"),
    (HARDWARE, r"jump to trap handler"),
    (OS, r"handle the trap: getppid\(\)"),
    (OS, r"return-from-trap, by SYSRET"),
    (HARDWARE, r"restore regs\(A\) from k-stack\(A\)"),
    (HARDWARE, r"move to user mode"),
    (HARDWARE, r"jump to PC after trap: 0x\w+"),
    (PROGRAM, r"A: return from main"),
    (PROGRAM, r"trap \(via exit\(\)\)"),
    (HARDWARE, r"save regs\(A\) to k-stack\(A\)"),
    (OS, r"free memory of process: A, pid \d+"),
    (OS, r"remove from process list: A, pid \d+"),
]

# Figure 6.3: these follow each other without a row in between, but for the timer's being started.
TIMER_SWITCH = [
    (PROGRAM, r"B: runs, at 0x\w+"),
    (HARDWARE, r"timer interrupt"),
    (HARDWARE, r"save regs\(B\) to k-stack\(B\)"),
    (HARDWARE, r"move to kernel mode"),
    (HARDWARE, r"jump to trap handler"),
    (OS, r"handle the trap: timer interrupt"),
    (OS, r"call switch\(\) routine \(B to C\): its slice is over"),
    (OS, r"save regs\(B\) to proc-struct\(B\)"),
    (OS, r"restore regs\(C\) from proc-struct\(C\)"),
    (OS, r"switch to k-stack\(C\), below 0x\w+"),
    (OS, r"return-from-trap \(into C\), by \w+"),
    (HARDWARE, r"restore regs\(C\) from k-stack\(C\)"),
    (HARDWARE, r"move to user mode"),
    (HARDWARE, r"jump to \S+ PC.*: 0x\w+"),
]

Row = namedtuple("Row", "column text ticks ns total")


def rows_of(text):
    """The rows of one table; those without a cost of their own have None."""
    rows = []
    for line in text.splitlines():
        numbers = NUMBERS.match(line)
        if numbers or line.startswith(SHARED):
            body = line[len(SHARED) :]
            column = len(body) - len(body.lstrip())
            values = [int(number) for number in numbers.groups()] if numbers else [None] * 3
            rows.append(Row(column, body.strip(), *values))
    return rows


class Table:
    """What lde printed of one run."""

    def __init__(self, text):
        self.text = text
        boot, run = re.split(r"^.*OS @ (?:boot|run) .*$", text, flags=re.M)[1:]
        self.boot, self.run = rows_of(boot), rows_of(run)

    def sum_line(self, words):
        return re.search(rf"^{words} +(.*)$", self.text, re.M)[1]

    def expect_whole(self):
        """Costs add up to the running total, row by row, and to the whole."""
        for rows in self.boot, self.run:
            total = 0
            for row in rows:
                if row.ticks is not None:
                    total += row.ticks
                    assert row.total == total, row
        assert self.sum_line("sum of the rows") == f"{total} ticks"
        assert re.fullmatch(rf"{total} ticks, \d+ ns, by lde's own .*: equal",
                            self.sum_line("the whole"))
        assert abs(sum(row.ns or 0 for row in self.run)
                   - int(re.search(r"(\d+) ns", self.sum_line("the whole"))[1])) <= len(self.run)
        assert total > 0


def expect_in_order(rows, wanted):
    """Every wanted row in its column, in this order; the matches."""
    found, rest = [], iter(rows)
    for column, pattern in wanted:
        match = next((match for row in rest if row.column == column
                      if (match := re.fullmatch(pattern, row.text))), None)
        assert match, pattern
        found.append(match)
    return found


def follows_at(rows, wanted):
    return len(rows) >= len(wanted) and all(
        row.column == column and re.fullmatch(pattern, row.text)
        for row, (column, pattern) in zip(rows, wanted))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """One boot: what each command printed, its status, and the rings after the last."""
    kept = []

    def run(run_exec):
        if not kept:
            kept.append(run_exec(["/bin/busybox", "sh", "-c", SCRIPT], trace=True, timeout=90,
                                 cmdline="trace=20000"))
        parts = re.split(r"== status (\d+)\n", kept[0].stdout.decode())
        assert len(parts) == 19, kept[0].stderr
        return kept[0], list(zip(parts[0::2], map(int, parts[1::2])))

    return run


def test_figure_62_one_system_call(outputs, run_exec):
    result, printed = outputs(run_exec)
    text, status = printed[7]
    table = Table(text)
    assert status == 0 and text.startswith("lde: /bin/hello: exited 0\n  A is pid ")
    assert b"Hello from process" in result.stderr  # not in the table, for -e
    found = expect_in_order(table.boot, BOOT)
    expect_in_order(table.run, ONE_CALL)
    table.expect_whole()
    assert table.sum_line("lost") == "nothing"
    assert re.search(r": \d+ events, \d+\.\d ticks for one, as measured at boot$",
                     table.sum_line("the tracer's part"))
    kernel = symbols_of(os.path.join(default_build(), "kernel.debug.elf"),
                        kernel_offset(result.log))
    assert int(found[0][1], 16) == kernel["idt"]
    assert 0 <= int(found[1][1], 16) - kernel["vector_stubs"] - TIMER_VECTOR * STUB_SIZE < STUB_SIZE
    assert int(found[2][1], 16) == kernel["syscall_entry"]


@pytest.mark.protection("preempt")
def test_figure_63_timer_interrupt_and_switch(outputs, run_exec):
    text, status = outputs(run_exec)[1][1]
    table = Table(text)
    assert status == 0 and "  C is pid " in text
    table.expect_whole()
    rows = [row for row in table.run if not row.text.startswith("start timer")]
    assert any(follows_at(rows[start:], TIMER_SWITCH) for start in range(len(rows)))


def test_repeats_are_folded_and_a_small_ring_is_told(outputs, run_exec):
    text, status = outputs(run_exec)[1][0]
    table = Table(text)
    assert status == 0
    table.expect_whole()
    folds = re.findall(r"\.\.\. (\d+) more of the same (\d+) rows, (\d+) to (\d+) ticks", text)
    assert sum(int(turns) for turns, *_ in folds) > 5000 and len(table.run) < 1000
    assert "EVENTS LOST: the ring of 32768 was too small" in text
    assert re.match(r"events of this run: \d+ since boot did not fit", table.sum_line("LOST"))


def test_statuses_and_complaints(outputs, run_exec):
    result, printed = outputs(run_exec)
    assert [status for _, status in printed] == [0, 0, 137, 127, 126, 2, 2, 0, 0]
    assert printed[2][0].startswith("lde: sh -c kill -9 $$: killed by SIGKILL\n")
    complaints = result.stderr.decode()
    assert "lde: nosuch: No such file or directory\n" in complaints
    assert "lde: /etc/passwd: Permission denied\n" in complaints
    assert complaints.count("usage: lde [-a] [-e] [-t FILE] PROGRAM [ARGS]\n") == 2
    assert "more of the same" not in printed[8][0]


def test_events_fit_together(outputs, run_exec):
    """What a switch, an interrupt of the kernel and an exec record, in what order."""
    events = outputs(run_exec)[0].trace
    assert events.header.ring_events == 32768
    stream = [event for event in events.events if event.tsc > 0]
    for event, after, then in zip(stream, stream[1:], stream[2:]):
        if event.name == "SWITCH":
            plain = trace_file.plain(event)
            assert (after.name, after.b) == ("STEP", event.thread)
            assert (then.name, then.a, then.thread) == ("SWITCHED", plain.a, plain.a)
            assert 0 < event.a >> 32 < 1 << 20 and event.b >> 8 < 100
    inner = [event for event in events.named("ENTRY") if event.b >> 63]
    ends = [event for event in events.named("EXIT") if event.a == 2]
    assert inner and abs(len(inner) - len(ends)) <= 1
    assert events.thread_names()[0] == (0, "idle")
    assert (1, "exec-ini") in events.thread_names().values()
    assert any(event.a == 1 for event in events.named("PARENT"))
    assert 0 < events.header.event_ticks


def test_without_tracing(run_exec):
    result = run_exec(["/bin/lde", "/bin/hello"], trace=True, cmdline="trace=off")
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == b"lde: tracing is off: boot with trace=on\n"
    assert result.trace.header.ring_events == result.trace.header.event_ticks == 0
    assert {event.name for event in result.trace.events} == {"NAME", "PARENT", "STEP"}
