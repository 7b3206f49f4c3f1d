"""Every attempt to escape, on every model, on one CPU and on four (make escape)."""

import pytest

from table import expect_table, rows_of

MACHINES = {
    "max": {"cpu": "max"},  # AMD; everything that TCG has
    "max-intel": {"cpu": "max,vendor=GenuineIntel"},
    "skylake": {"cpu": "Skylake-Server"},  # Intel without UMIP
    "epyc": {"cpu": "EPYC"},
    "qemu64": {"cpu": "qemu64", "machine": "pc"},  # little: no SMEP, SMAP, FSGSBASE, XSAVE
}
CPUS = ("1", "4")
ESCAPE_SECONDS = 900


@pytest.mark.parametrize("smp", CPUS)
@pytest.mark.parametrize("name", MACHINES)
def test_nothing_escapes(boot, name, smp):
    guest = boot("panic=1 -- /bin/escape", smp=smp, mem="512M", timeout=ESCAPE_SECONDS,
                 **MACHINES[name])
    guest.wait()
    for row in rows_of(guest):
        print(f"{name:<10} {smp} {row.group:<12} {row.name:<28} {row.seen:<20} "
              f"{'ok' if row.good else 'SHORT'}{row.remark}")
    expect_table(guest)
