"""The lean build, which is the one that is measured: no row of `measure` costs more instructions
than was accepted (test/bench/expected.json), and it keeps its promises. Its way out of system calls
is another one than the checked build's, which lets everything pass the exit gate."""

import pytest

from bench import expected, rows
from bench.machines import Progress, measure_ours
from verdicts import expect_orderly, expect_success

PROMISES = ("trace=off -- /bin/syscalls /bin/signals /bin/isolate,400ms /bin/badframe "
            "/bin/usercopy /bin/walker /bin/raw /bin/forktree,3,3 /bin/neighbour "
            "/bin/escape,-q,privileged,sensitive,vectors,pages,doors")

pytestmark = pytest.mark.xdist_group("lean")


@pytest.fixture(scope="module")
def lean_build(built):
    return built("release", "DEBUG=0")


def test_no_row_costs_more_than_was_accepted(lean_build):
    table = rows.load()
    layout_rows = [row.name for row in table.values() if row.layout]
    result = measure_ours(lean_build, layout_rows, Progress(quiet=True))
    changes = expected.regressions(expected.load(), result.rows, table)
    assert not changes, "\n".join([*map(str, changes), expected.HOW])


def test_lean_build_keeps_its_promises(lean_build, boot):
    guest = boot(PROMISES, build=lean_build)
    guest.wait()
    expect_orderly(guest)
    for program in ("syscalls", "signals", "isolate", "badframe", "usercopy", "walker", "raw",
                    "forktree", "neighbour", "escape"):
        expect_success(guest, program)
