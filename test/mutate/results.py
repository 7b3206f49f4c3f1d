"""What is to be mutated (files.toml), what is known of each mutant (build/mutate/results.json), and
why some survive (explained.toml)."""

import fnmatch
import hashlib
import json
import os
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass

from mutate.judge import CAUGHT, DISCARDED, SURVIVED, Boot, Reference
from mutate.tree import FOLDER

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(FOLDER, "results.json")
ENOUGH = 0.95
EXPLAINED = "explained"


@dataclass(frozen=True)
class File:
    path: str
    host: tuple = ()  # cases of the host tests that cover it, by a word in their names
    boots: tuple = ()  # in the order in which they are tried
    tests: tuple = ()  # what pytest runs on who survives all that
    likely: tuple = ()  # [pattern of functions, test]: is run before the others
    functions: tuple = ()  # of which alone there are mutants; none: all

    def chosen(self, mutants):
        return [mutant for mutant in mutants
                if not self.functions or mutant.function in self.functions]


def load_plan(path=os.path.join(HERE, "files.toml")):
    with open(path, "rb") as file:
        plan = tomllib.load(file)
    boots = {name: Boot(name, **tuples(entry)) for name, entry in plan["boot"].items()}
    return [File(**tuples(entry)) for entry in plan["file"]], boots


def tuples(entry):
    return {key: tuple(value) if isinstance(value, list) else value
            for key, value in entry.items()}


def load_explained(path=os.path.join(HERE, "explained.toml")):
    """[(pattern, reason)]"""
    with open(path, "rb") as file:
        entries = tomllib.load(file).get("explained", [])
    return [(pattern, entry["reason"]) for entry in entries for pattern in entry["mutants"]]


def explanation(mutant_id, explained):
    return next((reason for pattern, reason in explained
                 if fnmatch.fnmatchcase(mutant_id, pattern)), None)


class Results:
    """Written after every verdict."""

    def __init__(self, path=FILE):
        self.path = path
        try:
            with open(path, encoding="utf-8") as file:
                self.known = json.load(file)
        except (FileNotFoundError, json.JSONDecodeError):
            self.known = {"mutants": {}, "boots": {}}

    def of(self, mutant):
        """(outcome, reason), or None while nothing is known of this mutant of this function."""
        entry = self.known["mutants"].get(mutant.id)
        if not entry or entry["source"] != digest(mutant.surroundings.encode()):
            return None
        return entry["outcome"], entry["reason"]

    def is_open(self, mutant, explained, again):
        known = self.of(mutant)
        if again or not known:
            return True
        return known[0] == SURVIVED and not explanation(mutant.id, explained)

    def note(self, mutant, outcome, reason):
        self.known["mutants"][mutant.id] = {"source": digest(mutant.surroundings.encode()),
                                            "outcome": outcome, "reason": reason}
        self._save()

    def reference(self, *key):
        entry = self.known["boots"].get(key[0].name)
        return Reference(**entry["reference"]) if entry and entry["of"] == identity(*key) else None

    def note_reference(self, boot, images, reference):
        self.known["boots"][boot.name] = {"of": identity(boot, images),
                                          "reference": asdict(reference)}
        self._save()

    def _save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.known, file, indent=1)
        os.replace(self.path + ".new", self.path)


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def identity(boot, images):
    return digest(repr((boot, [digest(image) for image in images])).encode())


def print_table(mutants, kept, explained, sources):
    """One row a file, then every survivor; returns the exit status."""
    counts, left = {}, []
    for mutant in mutants:
        outcome, reason = kept.of(mutant) or ("not run", "")
        why = explanation(mutant.id, explained)
        if outcome == SURVIVED:
            outcome = EXPLAINED if why else SURVIVED
            left.append((mutant, why))
        counts.setdefault(mutant.path, Counter())[outcome] += 1
    print(f"\n{'file':<34} {'mutants':>7} {'caught':>7} {'explained':>9} {'survived':>8} "
          f"{'discarded':>9}")
    for path, row in counts.items():
        print(f"{path:<34} {made(row):>7} {row[CAUGHT]:>7} {row[EXPLAINED]:>9} {row[SURVIVED]:>8} "
              f"{row[DISCARDED]:>9}")
    for mutant, why in left:
        print(f"{EXPLAINED if why else SURVIVED} {mutant.id}: "
              f"{why or mutant.describe(sources[mutant.path])}")
    total = sum(counts.values(), Counter())
    if total["not run"]:
        print(f"{total['not run']} were not run")
    print(f"{made(total)} mutants, {total[CAUGHT]} caught, {total[EXPLAINED]} explained, "
          f"{total[SURVIVED]} survived")
    enough = total[CAUGHT] >= ENOUGH * made(total)
    return 0 if enough and not total[SURVIVED] and not total["not run"] else 1


def made(row):
    """Mutants that are programs of their own; with those that nobody has run yet."""
    return sum(row.values()) - row[DISCARDED]
