"""No row of `measure` costs more instructions than was accepted (test/bench/expected.json)."""

import subprocess

from bench import expected, rows
from bench.machines import Progress, measure_ours
from harness.media import ROOT


def release_build():
    """The lean build is what is measured; it is made here when it is not up to date."""
    result = subprocess.run(["make", "-s", "DEBUG=0", "WITHOUT="], cwd=ROOT, text=True, check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout
    return f"{ROOT}/build/release"


def test_no_row_costs_more_than_was_accepted():
    table = rows.load()
    layout_rows = [row.name for row in table.values() if row.layout]
    result = measure_ours(release_build(), layout_rows, Progress(quiet=True))
    changes = expected.regressions(expected.load(), result.rows, table)
    assert not changes, "\n".join([*map(str, changes), expected.HOW])
