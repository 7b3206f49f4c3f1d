"""What no program can show: the state of control registers and tables, which instruction leaves the
kernel. (The kernel's own misdeeds: test_panic.py.)"""

import re

import pytest

from verdicts import expect_orderly, expect_success

CR0_WP, CR0_NE = 1 << 16, 1 << 5
CR4 = {"umip": 1 << 11, "fsgsbase": 1 << 16, "smep": 1 << 20, "smap": 1 << 21}
EFER_NXE = 1 << 11
DR6_NOTHING, DR7_NO_BREAKPOINTS = 0xFFFF0FF0, 0x400
WRITE_BACK, WRITE_COMBINING, UNCACHED = 6, 1, 0  # of the PAT, SDM vol. 3A, 11.12.2
SFMASK = sum(1 << bit for bit in (8, 9, 10, 12, 13, 14, 16, 18, 21))  # TF IF DF IOPL NT RF AC ID
IST_VECTORS = {1, 2, 8, 18}  # #DB, NMI, #DF, #MC
USER_GATES = {3, 4}  # INT3 and INTO, as on Linux
LAST_PAGE_RETURN = 0x7FFFFFFFF000


@pytest.fixture
def state(booted):
    def read():
        guest = booted("direct=/direct/probe -- /bin/hello", cpu="max")
        expect_orderly(guest)
        return probed(guest)

    return read


def probed(guest):
    found = guest.matches(r"^probe: (\S+) (0x[0-9a-f]{16})$")
    return {match[1]: int(match[2], 16) for match in found}


def bits(mask):
    return {bit for bit in range(64) if mask >> bit & 1}


def test_control_registers(state):
    values = state()
    assert values["cr0"] & CR0_WP and values["cr0"] & CR0_NE
    assert values["efer"] & EFER_NXE
    for name, bit in CR4.items():
        if values[f"cpu-{name}"]:
            assert values["cr4"] & bit, name
    assert values["dr6"] == DR6_NOTHING and values["dr7"] == DR7_NO_BREAKPOINTS


def test_memory_types(state):
    """What a page's entry means that names the PAT's entry 0, 3 or 4 (mem/kernel_map.h)."""
    types = state()["pat"].to_bytes(8, "little")
    assert (types[0], types[3], types[4]) == (WRITE_BACK, UNCACHED, WRITE_COMBINING)


# The other boots count returns by SYSRET, too, and have SMEP and SMAP: see above.
def test_mechanisms_turned_off(booted):
    words = "nosmap nosmep nopcid noxsaveopt iretq"
    programs = "/bin/isolate /bin/usercopy /bin/syscalls /bin/signals"
    guest = booted(f"{words} direct=/direct/probe -- {programs}", cpu="max")
    expect_orderly(guest)
    for name in ("isolate", "usercopy", "syscalls", "signals"):
        expect_success(guest, name)
    values = probed(guest)
    assert values["cpu-smep"] and values["cpu-smap"]
    assert not values["cr4"] & (CR4["smep"] | CR4["smap"])
    for text in ("nosmap: SMAP is not used", "nosmep: SMEP is not used",
                 "nopcid: no effect, this CPU has no PCID",
                 "noxsaveopt: XSAVEOPT is not used"):
        assert guest.matches(rf"boot: {text}$"), text
    assert guest.matches(r" 0 exits by SYSRET, \d+ by IRETQ")
    assert not guest.matches("unknown word")


# The emulator clears DF on SYSCALL whatever SFMASK says: only reading it back shows that bit.
@pytest.mark.protection("sfmask-tf")
@pytest.mark.protection("sfmask-if")
@pytest.mark.protection("sfmask-df")
@pytest.mark.protection("sfmask-nt")
@pytest.mark.protection("sfmask-ac")
def test_system_call_registers(state):
    values = state()
    assert values["sfmask"] & SFMASK == SFMASK
    assert values["sysenter-cs"] == 0
    assert values["lstar"] >> 63 and values["cstar"] >> 63
    assert values["lstar"] != values["cstar"]
    assert values["star"] >> 32 & 0xFFFF == 0x08 and (values["star"] >> 48 & 0xFFFF) + 16 == 0x33


def test_tables(state):
    values = state()
    assert values["idt-limit"] == 256 * 16 - 1 and values["idt-absent"] == 0
    assert bits(values["idt-open-to-ring-3"]) == USER_GATES
    assert bits(values["idt-with-ist"]) == IST_VECTORS
    assert values["gdt-narrow-code"] == 0 and values["ldt"] == 0
    assert values["tss-io-map"] > values["tss-limit"]  # no I/O bitmap


def test_kernel_pages(state):
    values = state()
    assert values["leaf-entries"] > 0
    assert values["writable-and-executable"] == 0
    assert values["open-to-ring-3"] == 0


@pytest.mark.protection("sysret")
def test_return_past_the_last_page_is_not_by_sysret(run_exec):
    result = run_exec(["/bin/escape", "-c", "doors/last-page-getpid"], trace=True)
    assert result.status == 128 + 11
    exits = [event for event in result.trace.named("EXIT") if event.b == LAST_PAGE_RETURN]
    assert exits and all(event.a == 0 for event in exits)  # IRETQ


def test_nmi_anywhere(boot):
    """NMIs while a program makes system calls with a stack pointer that nobody may use."""
    guest = boot("-- /bin/busybox,echo,begin /bin/escape,doors/stack-null "
                 "/bin/escape,doors/stack-kernel /bin/escape,doors/stack-non-canonical")
    guest.wait_for("^begin$")
    sent = 0
    while not guest.ended:
        try:
            guest.monitor("nmi")
            sent += 1
        except ConnectionError:
            break
    guest.wait()
    expect_orderly(guest)
    seen = guest.matches(r"power: up .* (\d+) NMIs")
    assert sent and int(seen[0][1]) > 0


def test_offender_is_told_exactly(run_exec):
    """One log line says who, what, where; the same signal reaches the parent."""
    result = run_exec(["/bin/escape", "-c", "pages/kernel-read"])
    assert result.status == 128 + 11 and not result.stdout
    line = next(line for line in result.log if "(escape) killed by" in line)
    assert re.search(r"killed by SIGSEGV: .* at 0xffffffff80000000, rip 0x[0-9a-f]+", line)
