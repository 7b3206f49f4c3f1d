"""Boots from everything that firmware boots from, and on machines where something is missing.

All of it is the hybrid image that people write to sticks and burn; other tests boot the plain disk.
Each boot has a medium that the others have not: CD, stick, IDE, SATA, virtio, NVMe, SCSI CD.
"""

import re
import time

import pytest

from harness import log, screen
from harness.media import default_cmdline
from verdicts import expect_orderly

TOUR = f"{default_cmdline()} -- /bin/tour,all"
VERDICT = r"^tour: 12 scenes, 12 ok$"
BARE = "q35,hpet=off,i8042=off"


@pytest.mark.parametrize("medium, machine", [("cd", "q35"), ("usb", "q35"), ("ata", "pc"),
                                            ("virtio", "q35")])
def test_boots_from(boot, medium, machine):
    guest = boot(TOUR, medium=medium, machine=machine)
    guest.wait()
    expect_orderly(guest)
    assert guest.matches(VERDICT)


def test_without_serial_port(boot):
    """The screen shows everything, and nobody waits for a port that is not there."""
    guest = boot(TOUR, medium="ata", serial=False, machine=BARE, hold=True)
    guest.wait_for_power_off()
    lines = screen.capture(guest).lines()
    assert any(re.search(VERDICT, line) for line in lines)
    assert log.came_back(lines), lines
    assert not guest.log


def test_panic_without_serial_port(boot):
    guest = boot("panic=0 selftest=panic", medium="virtio", serial=False, machine=BARE)
    lines = []
    while not (lines and lines[-1].endswith("] panic: halted")):
        assert not guest.ended and time.monotonic() < guest.deadline, lines
        lines = screen.capture(guest).lines()
    assert any(line.endswith("] panic: asked for by selftest=panic") for line in lines)
    assert any(" panic_on_request+" in line for line in lines)


def test_without_framebuffer(boot):
    guest = boot(TOUR, medium="nvme", vga="none", machine=BARE)
    guest.wait()
    expect_orderly(guest)
    assert guest.matches(VERDICT)


def test_without_serial_port_and_framebuffer(run_exec):
    """Nothing is shown anywhere; what the program said came through exec's own channel."""
    result = run_exec(["/bin/busybox", "echo", "out of the dark"], medium="scsi-cd", serial=False,
                      vga="none", machine=BARE)
    assert (result.status, result.stdout) == (0, b"out of the dark\n"), result.stderr
    assert not any(result.log)
