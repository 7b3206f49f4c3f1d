"""What `measure` printed, as numbers.

A line is `NAME VALUE UNIT min MIN max MAX [...]`, or `# NAME: why there is no value`. A row that
was measured several times, by fresh processes, counts as the median of its values.
"""

import re
import statistics
from dataclasses import dataclass, field

NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?)"
ROW = re.compile(rf"^([a-z][a-z0-9_]*) {NUMBER} (\S+) min {NUMBER} max {NUMBER}(?: ns {NUMBER})?$")
NOTE = re.compile(r"^# ([a-z][a-z0-9_]*): (.+)$")


@dataclass
class Value:
    """One row on one system."""

    unit: str
    values: list = field(default_factory=list)  # one for each process that measured it
    nanoseconds: list = field(default_factory=list)  # the same in time, where `unit` is cycles
    minimum: float = None
    maximum: float = None

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def time(self):
        """In nanoseconds, or in the row's own unit."""
        return statistics.median(self.nanoseconds or self.values)


@dataclass
class Measured:
    rows: dict = field(default_factory=dict)  # name -> Value
    notes: dict = field(default_factory=dict)  # name -> why it has no value


def parse(lines):
    measured = Measured()
    for line in lines:
        row, note = ROW.match(line), NOTE.match(line)
        if row:
            add(measured.rows.setdefault(row[1], Value(row[3])), row)
        elif note:
            measured.notes[note[1]] = note[2]
    for name in measured.rows:  # one process had no value, others did
        measured.notes.pop(name, None)
    return measured


def add(value, row):
    value.values.append(float(row[2]))
    if row[6] is not None:
        value.nanoseconds.append(float(row[6]))
    low, high = float(row[4]), float(row[5])
    value.minimum = low if value.minimum is None else min(low, value.minimum)
    value.maximum = high if value.maximum is None else max(high, value.maximum)
