"""What instruction counts do not show: how often each timed row writes CR3 and MSRs, leaves by
IRETQ, is interrupted. Counted exactly, between the row's marker instructions, by test/profile.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile

from bench.machines import BenchError, run_counted, script
from harness.media import ROOT

PROFILE = os.path.join(ROOT, "test", "profile", "profile.py")
COUNTER = os.path.join(ROOT, "test", "profile", "counter.c")

ITERATIONS = 64
EVENTS = ("write CR3", "WRMSR", "IRETQ", "SYSRETQ", "INVLPG")  # of profile.COSTLY
TIMER, IPI = "timer interrupt", "IPI"
TIMER_VECTOR = 0xE0  # kernel/cpu/frame.h
IPI_VECTORS = [0xE2]
STUB_SIZE = 16  # kernel/cpu/entry.S, VECTOR_STUB_SIZE


def count(build, rows, progress):
    """{row: {event: count for one unit of the row}} of rows (rows.Row) that measure times."""
    progress.say("counting events, in one more boot of this kernel")
    names = " ".join(row.name for row in rows)
    commands = script([], f"/bin/measure -n {ITERATIONS} {names}")
    profile = load_profile()
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        plugin, counts = os.path.join(folder, "counter.so"), os.path.join(folder, "counts")
        subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", plugin, COUNTER], check=True)
        run_counted(build, commands, f"{plugin},out={counts}", progress)
        with open(counts, encoding="ascii") as lines:
            stretches = profile.read_stretches(lines)
    if len(stretches) != len(rows):
        raise BenchError(f"{len(rows)} rows marked {len(stretches)} stretches: does rows.toml say "
                         "of each row whether it is timed?")
    stubs = stub_address(os.path.join(build, "kernel.elf"))
    return {row.name: events_of(stretch, stubs, ITERATIONS * row.parts)
            for row, stretch in zip(rows, stretches)}


def load_profile():
    """test/profile/profile.py; Python has a module of that name itself."""
    spec = importlib.util.spec_from_file_location("row_profile", PROFILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def events_of(stretch, stubs, units):
    counts = {name: stretch.costly[name] / units for name in EVENTS}
    counts[TIMER] = arrivals(stretch, stubs, [TIMER_VECTOR]) / units
    counts[IPI] = arrivals(stretch, stubs, IPI_VECTORS) / units
    return counts


def arrivals(stretch, stubs, vectors):
    """How often the first instructions of these vectors' stubs ran; the very first is CLAC, which a
    CPU without SMAP leaves out."""
    return sum(max(stretch.kernel.get(stubs + vector * STUB_SIZE + offset, 0) for offset in (0, 3))
               for vector in vectors)


def stub_address(kernel):
    listing = subprocess.run(["llvm-nm", kernel], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        if line.endswith(" vector_stubs"):
            return int(line.split()[0], 16)
    raise BenchError(f"{kernel} has no symbol vector_stubs")
