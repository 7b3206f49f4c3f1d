"""The build that checks itself (SAN=1) for undefined behaviour and misused memory: that it
does, and that on four CPUs jobs of every kind get on beside each other, come out as they must, and
leave nothing behind. Its spinlocks keep their queue, as on real processors."""

import random
import re

import pytest

from verdicts import expect_orderly, expect_queued_spinlocks, expect_success

STRESS_SECONDS = 20
PATIENCE_SECONDS = 400  # a hang, on however slow a machine
JOB = re.compile(r"^stress:   (\S+) +(\d+) +(\d+) +(\d+)$")

pytestmark = pytest.mark.xdist_group("sanitizer")


@pytest.fixture(scope="module")
def sanitizer_build(built):
    return built("debug-sanitizer", "SAN=1")


def test_undefined_behaviour_is_reported(sanitizer_build, boot):
    guest = boot("panic=0 selftest=undefined", build=sanitizer_build)
    guest.wait_for(r"\] panic: halted$")
    assert guest.matches(r"\] panic: undefined behaviour: shift out of bounds, type "
                         r"'unsigned int', operands 0x1 and 0x20 "
                         r"\(kernel/boot/selftest\.c:\d+\)$")
    assert guest.matches(r"\] panic:   #\d+ 0x[0-9a-f]{16} shift_too_far\+")
    assert not guest.matches("not protected")


OBJECT = (r"cache %s: object 0xffff[0-9a-f]{12} \(%d bytes\) %s; "
          r"taken by %s\+0x[0-9a-f]+, given back by %s")
FRAME = (r"frame 0x[0-9a-f]+ was written after its release: 0x5a5a5a5a5a5a5a01 at offset %d; "
         r"given back by %s")
MISUSED = {
    "behind object": OBJECT % ("sample", 128, "was written behind its end", "write_behind_object",
                               "0x0"),
    "behind memory": OBJECT % ("memory-128", 100, "was written behind its end",
                               "write_behind_memory", "0x0"),
    "released twice": OBJECT % ("sample", 128, "released twice", "release_twice",
                                "release_twice.*"),
    "released object": OBJECT % ("sample", 128, "was written after its release",
                                 "write_released_object", "write_released_object.*"),
    "released frame": FRAME % (1000, "write_released_frame.*"),
    "released block": FRAME % (8, "write_released_block.*"),
}


def test_misused_memory_is_reported(sanitizer_build, boot):
    """Who took it, who gave it back, and what became of it."""
    guest = boot("panic=1 selftest=memory", build=sanitizer_build)
    guest.wait_for(r"\] power: .*; powering off$")
    assert not guest.matches(r"not caught$")
    caught = {match[1]: match[2]
              for match in guest.matches(r"\] selftest: ([a-z ]+): caught: (.*)$")}
    assert list(caught) == list(MISUSED)
    for name, message in MISUSED.items():
        assert re.fullmatch(message, caught[name]), (name, caught[name])


def test_all_jobs_get_on_beside_each_other(sanitizer_build, boot):
    seed = random.randrange(1 << 32)  # on the command line, which a failure shows
    guest = boot(f"panic=1 spinlocks=queued -- /bin/stress,-t,{STRESS_SECONDS},-s,{seed}",
                 build=sanitizer_build, smp="4", tcg="single", mem="512M", timeout=PATIENCE_SECONDS)
    guest.wait()
    expect_queued_spinlocks(guest)
    assert not guest.matches(r"^BAD "), [line for line in guest.log if line.startswith("BAD ")]
    expect_orderly(guest)
    expect_success(guest, "stress")
    jobs = [match for match in map(JOB.match, guest.log) if match]
    assert len(jobs) > 20 and sum(int(job[2]) for job in jobs) > len(jobs), guest.log[-40:]
