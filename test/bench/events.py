"""What instruction counts do not show: how often each timed row writes CR3 and MSRs, leaves by
IRETQ, is interrupted. Counted exactly, between the row's marker instructions, by test/profile.
"""

import os
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(__file__), os.pardir, "profile"))

import counted
from bench.machines import BenchError, run_counted, script
from harness.media import ROOT

COUNTER = os.path.join(ROOT, "test", "profile", "counter.c")

ITERATIONS = 64
EVENTS = ("write CR3", "WRMSR", "IRETQ", "SYSRETQ", "INVLPG")  # of counted.COSTLY
TIMER, IPI = "timer interrupt", "IPI"
TIMER_VECTOR = 0xE0  # kernel/cpu/frame.h
IPI_VECTORS = [0xE2]
STUB_SIZE = 16  # kernel/cpu/entry.S, VECTOR_STUB_SIZE


def count(build, rows, progress):
    """{row: {event: count for one unit of the row}} of rows (rows.Row) that measure times."""
    progress.say("counting events, in one more boot of this kernel")
    names = " ".join(row.name for row in rows)
    commands = script([], f"/bin/measure -n {ITERATIONS} {names}")
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        plugin, counts = os.path.join(folder, "counter.so"), os.path.join(folder, "counts")
        subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", plugin, COUNTER], check=True)
        run_counted(build, commands, f"{plugin},out={counts}", progress)
        with open(counts, encoding="ascii") as lines:
            stretches = counted.read_stretches(lines)
    if len(stretches) != len(rows):
        raise BenchError(f"{len(rows)} rows marked {len(stretches)} stretches: does rows.toml say "
                         "of each row whether it is timed?")
    stubs = stub_address(os.path.join(build, "kernel.elf"))
    return {row.name: events_of(stretch, stubs, ITERATIONS * row.parts)
            for row, stretch in zip(rows, stretches)}


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
