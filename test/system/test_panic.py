"""A kernel bug ends in a report on serial and on screen, and in a restart."""

import re
import time

import pytest

from harness import screen
from harness.fixtures import start_guest

HALT_SECONDS = 30
USER_PAGE = 0x10000000  # where selftest.c maps its page
PRESENT, WRITE, FETCH = 1, 2, 16  # page fault error code
PAGE_FAULT, DOUBLE_FAULT, PROTECTION_FAULT = 14, 8, 13
STEP = re.compile(r"^\[ *\d+\.\d+\] panic:   #(\d+) 0x([0-9a-f]{16}) (\S+)$")


def poll(condition, guest):
    """For what no line tells."""
    deadline = time.monotonic() + HALT_SECONDS
    while not condition():
        assert not guest.ended and time.monotonic() < deadline, guest.complaint()
        time.sleep(0.05)


def run_selftest(name):
    """(the log from the kernel's first line to the end of its report, screen, registers)."""
    with start_guest(f"panic=0 selftest={name}", cpu="max") as guest:
        guest.wait_for(r"\] panic: halted$")
        poll(lambda: "HLT=1" in guest.monitor("info registers"), guest)
        log = guest.log
        first = next(index for index, line in enumerate(log) if "] boot: Ringfence" in line)
        return log[first:], screen.capture(guest), guest.monitor("info registers")


def function_names(report):
    """The backtrace's functions, innermost first; the numbers count up from 0."""
    steps = list(filter(None, map(STEP.match, report)))
    assert [int(step[1]) for step in steps] == list(range(len(steps)))
    return [step[3].split("+")[0] for step in steps]


def registers(report):
    found = {}
    for line in report:
        if re.match(r"\[ *\d+\.\d+\] panic: (rip|rax|rdx|rbp|r10|r13) ", line):
            found.update(re.findall(r"(\w+) +([0-9a-f]{16})", line))
    return {name: int(value, 16) for name, value in found.items()}


@pytest.fixture(scope="module")
def asked_for():
    return run_selftest("panic")


def test_report_in_order(asked_for):
    """What a screen has no room for comes first; the reason is told in front of both parts."""
    report = asked_for[0]
    reason = r"asked for by selftest=panic$"
    parts = [reason, r"last events$", r"  \d+\.\d{6} thread \d+ SWITCH: ", reason,
             r"kernel offset 0x[0-9a-f]+$", r"cr2 [0-9a-f]{16}  cr3 [0-9a-f]{16}  cr4 ",
             r"cpu 0, 0 spinlocks held, \d+ timer interrupts, 0 NMIs, \d+ switches$",
             r"running: kernel thread 1 \(init\)$", r"  #0 .* panic\+0x0$", r"halted$"]
    lines = iter(report)
    for part in parts:
        assert any(re.search(rf"\] panic: {part}", line) for line in lines), part


def test_last_events_are_told_in_words(asked_for):
    told = [line.split(" thread ", 1)[1] for line in asked_for[0]
            if re.search(r"\] panic:   \d+\.\d{6} thread ", line)]
    for words in (r"\d+ SWITCH: to thread 1, it waits; \d+ wait, \d+ frames in use",
                  r"\d+ STEP: save regs\(A\) to proc-struct\(A\) \(0x\d\)",
                  r"1 SWITCHED: on its kernel stack, below 0xffff[0-9a-f]+",
                  r"1 ENTRY: vector 224 at \w+\+0x[0-9a-f]+",
                  r"1 EXIT: IRETQ, inside the kernel, to \w+\+0x[0-9a-f]+"):
        assert any(re.fullmatch(words, line) for line in told), (words, told)


def test_backtrace_names_functions(asked_for):
    names = function_names(asked_for[0])
    for name in ("panic", "panic_on_request", "boot_run_selftest", "first_thread"):
        assert name in names
        names = names[names.index(name) :]


def test_screen_shows_the_serial_log(asked_for):
    report, picture, _ = asked_for
    columns = picture.width // screen.GLYPH_WIDTH
    wrapped = [line[start : start + columns].rstrip() for line in report
               for start in range(0, max(len(line), 1), columns)]
    rows = picture.height // screen.GLYPH_HEIGHT - 1  # the cursor is below the last line
    assert picture.lines() == wrapped[-rows:]


def test_halted_for_good(asked_for):
    state = asked_for[2]
    assert "HLT=1" in state and "CPL=0" in state
    assert not int(state.split("RFL=")[1].split()[0], 16) & 1 << 9  # nothing wakes it up


def test_restarts_by_itself():
    with start_guest("panic=1 selftest=panic", reboot=True) as guest:
        guest.wait_for(r"\] panic: restarting in 1 s$")
        assert len(guest.matches("^ringfence loader: started$")) == 1
        poll(lambda: len(guest.matches("^ringfence loader: started$")) == 2, guest)


def is_shown(picture, reason):
    """It is told twice, since a screen shows what comes last."""
    text = reason.split("] ", 1)[1]
    return any(line.endswith(text) for line in picture.lines())


def expect_page_fault(name, address, error):
    report, picture, _ = run_selftest(name)
    assert not [line for line in report if "not protected" in line]
    reason = next(line for line in report if "] panic: " in line)
    assert re.search(rf"page fault in the kernel: address {address}, error code {error:#x}$",
                     reason)
    state = f"] panic: vector {PAGE_FAULT}, error {error:#x}, from kernel mode, "
    assert [line for line in report if state in line]
    assert is_shown(picture, reason)
    return report


@pytest.mark.protection("smap")
def test_reading_user_memory():
    report = expect_page_fault("smap", f"{USER_PAGE:#x}", PRESENT)
    assert function_names(report)[:2] == ["read_user_memory", "boot_run_selftest"]
    assert registers(report)["rip"] >> 63


@pytest.mark.protection("smep")
def test_executing_user_memory():
    report = expect_page_fault("smep", f"{USER_PAGE:#x}", PRESENT | FETCH)
    assert "boot_run_selftest" in function_names(report)
    assert registers(report)["rip"] == USER_PAGE


def test_executing_data():
    report = expect_page_fault("nx", "0x[0-9a-f]{16}", PRESENT | FETCH)
    assert "boot_run_selftest" in function_names(report)


@pytest.mark.protection("wx")
def test_writing_text():
    report = expect_page_fault("wp", "0x[0-9a-f]{16}", PRESENT | WRITE)
    assert function_names(report)[:2] == ["write_read_only", "boot_run_selftest"]


def test_spoiled_pointer():
    report, picture, _ = run_selftest("pointer")
    reason = next(line for line in report if "] panic: " in line)
    assert reason.endswith("] panic: general protection fault in the kernel, error code 0")
    state = f"] panic: vector {PROTECTION_FAULT}, error 0x0, from kernel mode, "
    assert [line for line in report if state in line]
    assert function_names(report)[:2] == ["follow_spoiled_pointer", "boot_run_selftest"]
    assert is_shown(picture, reason)


# The push that goes below the stack finds no stack for the page fault either; the double fault has
# one of its own.
@pytest.mark.protection("guard")
@pytest.mark.protection("ist")
def test_stack_overflow():
    report, picture, _ = run_selftest("guard")
    assert not [line for line in report if "not protected" in line]
    reason = next(line for line in report if "] panic: " in line)
    assert reason.endswith("kernel stack overflow of thread 1 (init): it reached the guard page")
    state = f"] panic: vector {DOUBLE_FAULT}, error 0x0, from kernel mode, "
    assert [line for line in report if state in line]
    assert function_names(report)[0] == "overflow_stack"
    assert is_shown(picture, reason)


@pytest.mark.protection("stack-protector")
def test_array_overrun():
    report, picture, _ = run_selftest("canary")
    assert not [line for line in report if "not protected" in line]
    reason = next(line for line in report if "] panic: " in line)
    assert reason.endswith("] panic: a function's stack frame was overwritten (canary)")
    names = function_names(report)
    assert names[:4] == ["panic", "__stack_chk_fail", "write_behind_array", "overrun_array"]
    assert is_shown(picture, reason)


def test_double_fault_and_an_nmi_at_every_line(boot):
    """The stack is gone for good, and each line is written while an NMI comes: the whole report,
    once."""
    guest = boot("panic=0 selftest=double-fault", cpu="max", smp="2")
    guest.wait_for(r"\] panic: halted$")
    report = [line.split("] panic: ", 1)[1] for line in guest.log if "] panic: " in line]
    reason = "double fault in the kernel, error code 0"
    parts = [reason, "last events", reason,
             rf"vector {DOUBLE_FAULT}, error 0x0, from kernel mode, cs 0x8, ss 0x\d+",
             r"rip +\w{16}  rsp +8000000000000000  rflags +\w{16}", "rax .*", "rdx .*", "rbp .*",
             "r10 .*", "r13 .*", "kernel offset 0x[0-9a-f]+", "cr2 .*  cr3 .*  cr4 .*",
             r"cpu \d, 0 spinlocks held, \d+ timer interrupts, \d+ NMIs, \d+ switches",
             r"running: kernel thread 1 \(init\)", r"1 other CPUs were idle|cpu \d was at .*",
             r"  #0 0x[0-9a-f]{16} selftest_double_fault\+0x[0-9a-f]+", "halted"]
    told = [line for line in report if not re.match(r"  \d+\.\d{6} thread \d+ ", line)]
    assert len(told) == len(parts), told
    for part, line in zip(parts, told):
        assert re.fullmatch(part, line), (part, line)
    place, nmis = next((place, int(match[1])) for place, line in enumerate(report)
                       if (match := re.search(r", (\d+) NMIs", line)))
    assert nmis >= place  # one at least for each line before
    assert not guest.matches("while reporting")


def nested(log):
    """The second panic's lines, from its first word on."""
    start = next(i for i, line in enumerate(log) if line.startswith("panic while reporting"))
    return log[start:]


SECOND = "panic while reporting a panic: page fault in the kernel: address %#llx, error code %#llx"
WHERE = rf"panic: vector {PAGE_FAULT} at 0x\w{{16}}, cr2 0{{14}}10, kernel offset 0x[0-9a-f]+$"


def test_fault_in_the_report_restarts_at_once(boot):
    guest = boot("panic=60 selftest=panic-in-panic")
    assert guest.wait() == 1 and guest.end_reason == "guest-reset"
    reason = "asked for by selftest=panic-in-panic"
    second = nested(guest.log)
    assert second[:2] == [SECOND, f"the first: {reason}"] and re.search(WHERE, second[2])
    assert len(second) == 3  # no "restarting in 60 s"
    first = guest.log[:-len(second)]
    assert sum(line.endswith(f"] panic: {reason}") for line in first) == 2
    assert "] panic: kernel offset " in first[-1]  # the line before the one that faulted


def test_third_panic_resets_the_cpu(boot):
    """The first cannot even be put into words; the third comes where the second would halt."""
    guest = boot("panic=0 selftest=panic-argument")
    assert guest.wait() == 1 and guest.end_reason == "guest-reset"
    second = nested(guest.log)
    assert second[:2] == [SECOND, 'the first: asked for with "%s" by selftest=panic-argument']
    assert re.search(WHERE, second[2]) and len(second) == 3
    assert sum("] panic: " in line for line in guest.log) == 1
