"""Every attempt to escape, on every model, on one CPU and on four (make escape)."""

import os

import pytest

from harness.media import ROOT
from table import expect_table, save

MACHINES = {
    "max": {"cpu": "max"},  # AMD; everything that TCG has
    # TCG has far returns and IRET read the stack with the kernel's rights: only where there is no
    # SMAP are they seen to the end.
    "intel": {"cpu": "max,vendor=GenuineIntel,-smap"},
    "skylake": {"cpu": "Skylake-Server"},  # Intel without UMIP
    "epyc": {"cpu": "EPYC"},
    "qemu64": {"cpu": "qemu64", "machine": "pc"},  # little: no SMEP, SMAP, FSGSBASE, XSAVE
}
CPUS = ("1", "4")
ESCAPE_SECONDS = 1800
FOLDER = os.path.join(ROOT, "build", "escape")


@pytest.mark.parametrize("smp", CPUS)
@pytest.mark.parametrize("name", MACHINES)
def test_nothing_escapes(boot, name, smp):
    guest = boot("panic=1 -- /bin/escape", smp=smp, mem="512M", timeout=ESCAPE_SECONDS,
                 **MACHINES[name])
    guest.wait()
    save(guest, FOLDER, f"{name}-{smp}")
    expect_table(guest)
