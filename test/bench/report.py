"""The tables that `make bench` prints, and build/bench.json."""

import json
import os
import statistics
import textwrap

from bench import cost, expected
from bench import rows as rows_table
from bench.machines import ISOLATED, LINUX, OURS, TUNED

COST_GOALS = {"boot without waiting, ns": 10_000_000, "memory in use, KiB": 2048}


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def table(head, lines):
    """Columns as wide as their widest cell; the first two to the left, the others to the right."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    for line in [head, *lines]:
        cells = [cell.ljust(width) if i < 2 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def names_of(results):
    """All rows that any system has, in measure's order."""
    names = {}
    for result in results.values():
        names.update(dict.fromkeys(list(result.rows.rows) + list(result.rows.notes)))
    return list(names)


def instruction_table(results, table_rows):
    """Ours, with isolation, Linux, Linux tuned, ratio to the better of the two, goal, verdict."""
    head = ["row", "unit", "ours", "kpti=on", "Linux", "tuned", "ratio", "goal", "verdict"]
    lines = []
    for name in names_of(results):
        row = table_rows.get(name, rows_table.Row(name))
        values = {system: median_of(result, name) for system, result in results.items()}
        ours, rivals = values.get(OURS), [values.get(LINUX), values.get(TUNED)]
        share = rows_table.ratio(row, ours, rivals)
        lines.append([name, unit_of(results, name), number(ours),
                      number(values.get(ISOLATED)), *map(number, rivals),
                      "-" if share is None else f"{share:.2f}", number(row.goal),
                      rows_table.verdict(row, ours)])
    return table(head, lines)


def median_of(result, name):
    value = result.rows.rows.get(name)
    return value.median if value else None


def unit_of(results, name):
    units = [result.rows.rows[name].unit for result in results.values()
             if name in result.rows.rows]
    return units[0] if units else ""


def cost_table(results):
    head = ["boot and memory", "", "ours", "Linux", "tuned", "goal", "verdict"]
    lines = []
    for name in results[OURS].costs:
        values = [results[system].costs.get(name) if system in results else None
                  for system in (OURS, LINUX, TUNED)]
        row = rows_table.Row(name, goal=COST_GOALS.get(name))
        lines.append([name, "", *map(number, values), number(row.goal),
                      rows_table.verdict(row, values[0])])
    return table(head, lines)


def time_table(runs):
    """`runs`: {system: [Result...]}: minimum and median over them, in time instead of cycles."""
    head = ["row", "unit"]
    for system in runs:
        head += [f"{system} min", "median"]
    first = {system: results[0] for system, results in runs.items()}
    lines = []
    for name in names_of(first):
        unit = unit_of(first, name)
        line = [name, "ns" if unit == "cycles" else unit]
        for results in runs.values():
            times = [result.rows.rows[name].time for result in results if name in result.rows.rows]
            line += [number(min(times)), number(statistics.median(times))] if times else ["-", "-"]
        lines.append(line)
    return table(head, lines)


def event_table(events):
    """`events`: {row: {event: count an iteration}}."""
    kinds = list(next(iter(events.values()))) if events else []
    lines = [[name, "", *(f"{counts[kind]:.2f}" for kind in kinds)]
             for name, counts in events.items()]
    return table(["row", "", *kinds], lines)


def notes(results, table_rows):
    yield cost.HOW_LINUX
    for name in names_of(results):
        for system, result in results.items():
            if name in result.rows.notes:
                yield f"{name}: {system}: {result.rows.notes[name]}"
    missed = [row for row in table_rows.values() if row.here and is_missed(row, results)]
    if missed:
        yield ""
        yield "Goals missed: where the instructions go, what for, what was tried:"
    for row in missed:
        yield from indented(f"{row.name}: {row.here}")
    yield ""
    yield "What Linux does on the path that this kernel does not:"
    for row in table_rows.values():
        if row.linux:
            yield from indented(f"{row.name}: {row.linux}")


def is_missed(row, results):
    value = results[OURS].rows.rows.get(row.name)
    return value is not None and rows_table.verdict(row, value.median) == rows_table.MISSED


def indented(text):
    return textwrap.wrap(text, 98, initial_indent="  ", subsequent_indent="    ")


def changes(result, table_rows):
    """What `make test` would complain of."""
    complaints = expected.regressions(expected.load(), result.rows, table_rows)
    if complaints:
        yield f"Not as accepted in test/bench/expected.json ({expected.HOW}):"
        yield from (f"  {change}" for change in complaints)


def plain(results):
    """One system's results as JSON has them."""
    return {"rows": {name: {"value": value.median, "unit": value.unit, "time": value.time,
                            "min": value.minimum, "max": value.maximum}
                     for name, value in results.rows.rows.items()},
            "notes": results.rows.notes, "boot": results.costs}


def write_json(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
    os.replace(temporary, path)
