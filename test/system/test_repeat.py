"""A run on one CPU in which an instruction is a nanosecond can be repeated exactly: with user
addresses at random, by a seed, and with interrupts, faults and signals in play."""

import re

from harness.machine import EXACT_WORDS, ICOUNT_CPU, Machine
from harness.media import Media, default_build, make_image
from harness.saved import resume, save_before_loader
from verdicts import expect_orderly

PROGRAMS = ("/bin/where,4 /bin/where-pie,4 /bin/callfuzz,-s,5,-n,1500,-c,500,-j,2 "
            "/bin/spinners,2,30ms")
SLOW_BYTES = 1_000_000  # a second: seconds for the initramfs
RUN_SECONDS = 300


def test_a_seeded_run_twice(tmp_path):
    """Both go on from one machine, at the loader, since a firmware whose instructions are counted
    takes half a minute. Loading and its waiting for the disk differ, as between whole runs."""
    image, state = str(tmp_path / "disk.img"), str(tmp_path / "state")
    media = Media(build=default_build(), cmdline=f"seed=7 panic=1 -- {PROGRAMS}")
    make_image(media.with_settings(EXACT_WORDS), image, str(tmp_path))
    log = save_before_loader(Machine(cpu=ICOUNT_CPU), image, state, SLOW_BYTES)
    assert not [line for line in log if "starting the kernel" in line]
    runs = []
    for _ in range(2):
        with resume(Machine(icount=True), image, state, RUN_SECONDS) as guest:
            guest.wait()
            expect_orderly(guest)
            runs.append(guest.raw_log)
    assert guest.matches(r"\] boot: kernel offset 0$")  # which has no seed: it keeps its place
    places = guest.matches(r"^where: code \S+ heap (\S+) ")
    assert len({place[1] for place in places}) == 8
    assert re.search(rb" [1-9]\d* timer interrupts", runs[0])
    assert runs[0] == runs[1], difference(*runs)


def difference(first, second):
    pairs = zip(first.splitlines(), second.splitlines())
    return next(((one, two) for one, two in pairs if one != two), "one ends earlier")
