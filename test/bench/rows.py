"""The rows of the benchmark and their goals: rows.toml, and the judgement of a value."""

import os
import tomllib
from dataclasses import dataclass

ROWS_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rows.toml")
MET, MISSED, NO_GOAL, NO_VALUE = "met", "missed", "-", "no value"


@dataclass(frozen=True)
class Row:
    name: str
    goal: float = None  # in the row's unit
    more_is_better: bool = False
    layout: bool = False  # varies with where memory lies: measured in several fresh processes
    parts: int = 1  # units of the row in one iteration of its loop
    timed: bool = True  # a loop between marker instructions; False: values of its own
    slack: float = 1.0  # growth in the row's unit that is never a regression
    here: str = ""  # of a goal that is missed: where its instructions go, what for, what was tried
    linux: str = ""  # what Linux does on that path and this kernel does not


def load(path=ROWS_FILE):
    with open(path, "rb") as file:
        table = tomllib.load(file)
    return {name: Row(name, **content) for name, content in table.items()}


def verdict(row, value):
    if row.goal is None:
        return NO_GOAL
    if value is None:
        return NO_VALUE
    good = value >= row.goal if row.more_is_better else value <= row.goal
    return MET if good else MISSED


def ratio(row, ours, rivals):
    """Our cost against the best rival's: below 1 is better. None where one is missing."""
    rivals = [value for value in rivals if value is not None]
    if ours is None or not rivals:
        return None
    best = max(rivals) if row.more_is_better else min(rivals)
    above, below = (best, ours) if row.more_is_better else (ours, best)
    return above / below if below > 0 else None
