"""Judges runs of /bin/escape from outside: its lines, the wait status that init read, and the
deaths by fault that the kernel's log counts."""

import re
from dataclasses import dataclass

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
