"""The last accepted state: test/bench/expected.json, a row's cost in instructions each. A row that
grew is a regression until somebody accepts it on purpose and says why.
"""

import json
import os
from dataclasses import dataclass

EXPECTED_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.json")
TOLERANCE, LAYOUT_TOLERANCE = 0.02, 0.05
HOW = 'to accept it on purpose: make bench-accept WHY="..."'


@dataclass(frozen=True)
class Change:
    name: str
    old: float  # None: a new row
    new: float  # None: it has no value any more
    note: str = ""

    def __str__(self):
        if self.old is None:
            return f"{self.name}: new, {self.new:.1f}"
        if self.new is None:
            return f"{self.name}: was {self.old:.1f}, has no value now{self.note}"
        share = f" ({(self.new - self.old) / self.old:+.1%})" if self.old else ""
        return f"{self.name}: was {self.old:.1f}, is {self.new:.1f}{share}"


def load(path=EXPECTED_FILE):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["rows"]


def store(costs, why, path=EXPECTED_FILE):
    content = {"why": why, "rows": {name: round(value, 1) for name, value in costs.items()}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def costs_of(measured_rows):
    return {name: value.median for name, value in measured_rows.rows.items()}


def regressions(accepted, measured_rows, rows):
    """Changes that nobody accepted: rows that grew, vanished, or are not in the file."""
    costs = costs_of(measured_rows)
    changes = []
    for name, old in accepted.items():
        note = measured_rows.notes.get(name)
        if name not in costs:
            changes.append(Change(name, old, None, f": {note}" if note else ""))
        elif grew(rows.get(name), old, costs[name]):
            changes.append(Change(name, old, costs[name]))
    changes += [Change(name, None, new) for name, new in costs.items() if name not in accepted]
    return changes


def grew(row, old, new):
    tolerance = LAYOUT_TOLERANCE if row and row.layout else TOLERANCE
    slack = row.slack if row else 0.0
    if row and row.more_is_better:
        old, new = -old, -new
    return new - old > max(abs(old) * tolerance, slack)


def differences(accepted, costs):
    """Every change of value, for the message of the commit that accepts."""
    names = list(accepted) + [name for name in costs if name not in accepted]
    pairs = [Change(name, accepted.get(name), costs.get(name)) for name in names]
    return [change for change in pairs
            if change.old is None or change.new is None or round(change.new, 1) != change.old]


def commit_message(changes, why):
    lines = ["bench: accept new instruction counts", "", why, ""]
    return "\n".join(lines + [str(change) for change in changes])
