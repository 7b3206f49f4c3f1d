"""What `measure -j` printed: rows done by several processes at once, and what the kernel counted
meanwhile. And scale.toml: how much of it one operation may have.
"""

import os
import re
import statistics
import tomllib
from dataclasses import dataclass, field

LIMITS_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scale.toml")
WAIT = re.compile(r"^([a-z][a-z0-9_]*) waits (\w+) (\S+) (\d+) ns (\d+)$")
DONE = re.compile(r"^([a-z][a-z0-9_]*) jobs (\d+) operations (\d+) ns (\d+)((?: \w+ \d+)*)$")
FAILED = re.compile(r"^# ([a-z][a-z0-9_]*): (.+)$")
PARTS = {"ipis": ("RES", "CAL"), "shootdowns": ("TLB",), "migrations": ("migrations",)}


@dataclass
class Run:
    """One row, once."""

    name: str
    jobs: int
    operations: int
    ns: int  # from the first one's start to the last one's end
    counted: dict  # RES, CAL, TLB, migrations: those that the kernel tells
    waits: dict = field(default_factory=dict)  # lock -> (how often, ns)


@dataclass(frozen=True)
class Limits:
    name: str
    turns: int
    waits: dict = field(default_factory=dict)
    ipis: float = 0.0
    shootdowns: float = 0.0
    migrations: float = 0.0
    why: str = ""

    @property
    def waited(self):
        return sum(self.waits.values())


def load(path=LIMITS_FILE):
    with open(path, "rb") as file:
        return {name: Limits(name, **content) for name, content in tomllib.load(file).items()}


def parse(lines):
    """([Run...], [complaint...]) in the order of the lines."""
    runs, complaints, waits = [], [], {}
    for line in lines:
        wait, done, failed = WAIT.match(line), DONE.match(line), FAILED.match(line)
        if wait:
            waits[wait[3]] = (int(wait[4]), int(wait[5]))
        elif done:
            words = done[5].split()
            counted = dict(zip(words[::2], map(int, words[1::2])))
            runs.append(Run(done[1], int(done[2]), int(done[3]), int(done[4]), counted, waits))
            waits = {}
        elif failed:
            complaints.append(f"{failed[1]}: {failed[2]}")
    return runs, complaints


class Summary:
    """One row on one system with one number of CPUs, over all its runs."""

    def __init__(self, runs):
        self.runs = runs

    @property
    def ns(self):
        """Of one operation, had they all been done one after the other: the median."""
        return statistics.median(run.ns / run.operations for run in self.runs)

    @property
    def spread(self):
        costs = [run.ns / run.operations for run in self.runs]
        return min(costs), max(costs)

    def share(self, kind):
        """`ipis`, `shootdowns` or `migrations` of one operation; None: the kernel does not tell."""
        labels = PARTS[kind]
        if any(label not in run.counted for run in self.runs for label in labels):
            return None
        return self._an_operation(sum(run.counted[label] for run in self.runs for label in labels))

    def waits(self):
        """{lock: waits of one operation}, most first."""
        names = {name for run in self.runs for name in run.waits}
        counts = {name: self._an_operation(sum(run.waits.get(name, (0, 0))[0] for run in self.runs))
                  for name in names}
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def waited_ns(self, lock):
        return self._an_operation(sum(run.waits.get(lock, (0, 0))[1] for run in self.runs))

    def _an_operation(self, count):
        return count / sum(run.operations for run in self.runs)


def offences(summary, limits):
    """What is above its limit, in words."""
    for lock, count in summary.waits().items():
        allowed = limits.waits.get(lock, 0)
        if count > allowed:
            yield f"lock {lock}: {count:.4f} waits an operation, at most {allowed:g}"
    for kind in PARTS:
        count, allowed = summary.share(kind), getattr(limits, kind)
        if count is not None and count > allowed:
            yield f"{kind}: {count:.4f} an operation, at most {allowed:g}"
