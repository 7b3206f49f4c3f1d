"""Every attempt to escape, on every model, on one CPU and on four (make escape)."""

import os

import pytest

from harness.media import ROOT
from table import expect_table, save
from verdicts import kernel_offset

MACHINES = {
    "max": {"cpu": "max"},  # AMD; everything that TCG has
    # TCG has far returns and IRET read the stack with the kernel's rights: only where there is no
    # SMAP are they seen to the end.
    "intel": {"cpu": "max,vendor=GenuineIntel,-smap"},
    "skylake": {"cpu": "Skylake-Server"},  # Intel without UMIP
    "epyc": {"cpu": "EPYC"},  # AMD: ring 3's tables have the kernel's half
    "qemu64": {"cpu": "qemu64", "machine": "pc"},  # little: no SMEP, SMAP, FSGSBASE, XSAVE
}
# What is tried of the kernel is where it was linked. Here it lies there, on the second one in ring
# 3's tables, too; on the others it lies elsewhere.
WHERE_LINKED = ("skylake", "epyc")
CPUS = ("1", "4")
MEMORY = "768M"  # what the resource attacks ask for is there: RLIMIT_NPROC follows it
ESCAPE_SECONDS = 1800
FOLDER = os.path.join(ROOT, "build", "escape")


@pytest.mark.parametrize("smp", CPUS)
@pytest.mark.parametrize("name", MACHINES)
def test_nothing_escapes(boot, name, smp):
    place = "nokaslr " if name in WHERE_LINKED else ""
    guest = boot(f"{place}panic=1 -- /bin/escape", smp=smp, mem=MEMORY, timeout=ESCAPE_SECONDS,
                 **MACHINES[name])
    guest.wait()
    save(guest, FOLDER, f"{name}-{smp}")
    expect_table(guest)
    assert not place or kernel_offset(guest.log) == 0
