"""`make scale` without a machine: reading, summing, judging."""

import pytest

from bench import jobs
from bench.jobs import Limits, Summary, offences
from bench.scale import script

PRINTED = """\
[    0.1] something of the kernel
fork_exec_wait waits spin process 30 ns 3000
fork_exec_wait waits mutex write 10 ns 500
fork_exec_wait jobs 2 operations 100 ns 5000 RES 4 CAL 2 TLB 1 migrations 3
null_call jobs 2 operations 2000 ns 4000 RES 0 CAL 0 TLB 0
fork_exec_wait jobs 2 operations 100 ns 7000 RES 0 CAL 0 TLB 0 migrations 0
# pipe_hop: failed: a job died
""".splitlines()


@pytest.fixture
def fork():
    return Summary([run for run in jobs.parse(PRINTED)[0] if run.name == "fork_exec_wait"])


def test_lines_become_runs():
    runs, complaints = jobs.parse(PRINTED)
    assert [(run.name, run.jobs, run.operations, run.ns) for run in runs] == [
        ("fork_exec_wait", 2, 100, 5000), ("null_call", 2, 2000, 4000),
        ("fork_exec_wait", 2, 100, 7000)]
    assert runs[0].waits == {"process": (30, 3000), "write": (10, 500)}
    assert runs[1].waits == {} and "migrations" not in runs[1].counted
    assert complaints == ["pipe_hop: failed: a job died"]


def test_everything_is_for_one_operation(fork):
    assert fork.ns == 60 and fork.spread == (50, 70)
    assert fork.waits() == {"process": 0.15, "write": 0.05}
    assert fork.waited_ns("process") == 15
    assert [fork.share(kind) for kind in jobs.PARTS] == [0.03, 0.005, 0.015]


def test_what_a_kernel_does_not_tell_is_not_judged():
    null_call = Summary([run for run in jobs.parse(PRINTED)[0] if run.name == "null_call"])
    assert null_call.share("migrations") is None
    assert not list(offences(null_call, Limits("null_call", 1)))


def test_offenders_are_named(fork):
    allowed = {"waits": {"process": 0.15, "write": 0.05}, "ipis": 0.03, "shootdowns": 0.005,
               "migrations": 0.015}
    assert not list(offences(fork, Limits("fork_exec_wait", 1, **allowed)))
    assert [offence.split(":")[0] for offence in offences(fork, Limits("fork_exec_wait", 1))] == [
        "lock process", "lock write", *jobs.PARTS]
    stricter = allowed | {"waits": {"process": 0.15, "write": 0.04}}
    [offence] = offences(fork, Limits("fork_exec_wait", 1, **stricter))
    assert offence == "lock write: 0.0500 waits an operation, at most 0.04"


def test_a_limit_has_an_argument():
    for row in jobs.load().values():
        used = [*row.waits.values(), row.ipis, row.shootdowns, row.migrations]
        assert not any(used) or row.why, row.name
        assert all(lock in row.why for lock in row.waits), row.name


def test_rows_take_turns():
    limits = {"a": Limits("a", 7), "b": Limits("b", 9)}
    measured = [line.split()[1:6] for line in script(limits, 4, rounds=2).splitlines()
                if line.startswith("/bin/measure")]
    assert [" ".join(words) for words in measured] == ["-j 4 -n 7 a", "-j 4 -n 9 b"] * 2
