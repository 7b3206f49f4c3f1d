"""A run on one CPU in which an instruction is a nanosecond can be repeated exactly: with user
addresses at random, by a seed, and with interrupts, faults and signals in play."""

import re

from harness.guest import Guest
from harness.machine import Machine
from harness.media import Media, default_build
from harness.saved import FOLDER_VARIABLE
from verdicts import expect_orderly

PROGRAMS = ("/bin/where,4 /bin/where-pie,4 /bin/callfuzz,-s,5,-n,1500,-c,500,-j,2 "
            "/bin/spinners,2,30ms")
RUN_SECONDS = 900


def test_a_seeded_run_twice(tmp_path, monkeypatch):
    """Both go on from one saved machine. Loading and its waiting for the disk differ all the same,
    as between whole runs."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    media = Media(build=default_build(), cmdline=f"seed=7 panic=1 -- {PROGRAMS}")
    runs = []
    for _ in range(2):
        with Guest(Machine(icount=True), media, RUN_SECONDS) as guest:
            guest.wait()
            expect_orderly(guest)
            runs.append(guest.raw_log)
    assert not list(tmp_path.glob("*.failed"))
    assert guest.matches(r"\] boot: kernel offset 0$")  # which has no seed: it keeps its place
    places = guest.matches(r"^where: code \S+ heap (\S+) ")
    assert len({place[1] for place in places}) == 8
    assert re.search(rb" [1-9]\d* timer interrupts", runs[0])
    assert runs[0] == runs[1], difference(*runs)


def difference(first, second):
    pairs = zip(first.splitlines(), second.splitlines())
    return next(((one, two) for one, two in pairs if one != two), "one ends earlier")
