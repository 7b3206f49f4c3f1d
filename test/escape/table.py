#!/usr/bin/env python3
"""Judges runs of /bin/escape from outside: its lines, the wait status that init read, and the
deaths by fault that the kernel's log counts.

  table.py FOLDER      prints what the runs that were saved there saw: a row for each attempt,
                       a column for each machine; an empty cell is as the first column
"""

import os
import re
import sys
from dataclasses import dataclass

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from verdicts import deaths, expect_orderly, verdicts

LINE = re.compile(r"^escape: (\S+) (\S+) (\S+) (ok|SHORT)(.*)$")
SUM = re.compile(r"^escape: (\d+) attempts, (\d+) as they must be, (\d+) short$")


@dataclass
class Row:
    group: str
    name: str
    seen: str  # harmless, SIGSEGV,KERNEL ...
    good: bool
    remark: str


def rows_of(guest):
    found = [match for line in guest.log if (match := LINE.match(line))]
    return [Row(match[1], match[2], match[3], match[4] == "ok", match[5]) for match in found]


def expect_table(guest, groups=()):
    """Every attempt that was begun has its line, none falls short, and who had to die did."""
    expect_orderly(guest)
    rows = rows_of(guest)
    short = [f"{row.group} {row.name}: {row.seen}{row.remark}" for row in rows if not row.good]
    assert not short, "\n".join(short)
    sums = [match for line in guest.log if (match := SUM.match(line))]
    ends = [end for name, end in verdicts(guest) if name == "escape"]
    assert len(sums) == len(ends) and set(ends) == {"exited 0"}, ends
    assert rows and sum(int(match[1]) for match in sums) == len(rows)
    assert set(groups) <= {row.group for row in rows}
    died = sorted(signal for _, name, signal in deaths(guest) if name == "escape")
    due = sorted(row.seen.split(",")[0] for row in rows if row.seen.startswith("SIG"))
    assert died == due


def save(guest, folder, machine):
    """The lines of a run, for the table of all runs."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{machine}.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in guest.log if LINE.match(line))


def load(folder):
    """{machine: {(group, name): what was seen}}"""
    runs = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found = [LINE.match(line.rstrip("\n")) for line in file]
        runs[name.removesuffix(".txt")] = {
            (match[1], match[2]): match[3] if match[4] == "ok" else f"SHORT:{match[3]}"
            for match in found if match}
    return runs


def main():
    runs = load(sys.argv[1])
    rows = list(dict.fromkeys(row for run in runs.values() for row in run))
    first = next(iter(runs.values()), {})
    print(f"{'attempt':<36}", *(f"{machine:<20}" for machine in runs))
    for row in rows:
        cells = [run.get(row, "-") for run in runs.values()]
        shown = [cell if i == 0 or cell != first.get(row) else "" for i, cell in enumerate(cells)]
        print(f"{' '.join(row):<36}", *(f"{cell:<20}" for cell in shown))
    short = sum(cell.startswith("SHORT") for run in runs.values() for cell in run.values())
    print(f"{sum(map(len, runs.values()))} attempts on {len(runs)} machines, {short} short")
    return 1 if short or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
