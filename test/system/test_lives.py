"""A thousand process lives leave nothing behind (issue 2, "Done means" 4)."""

from verdicts import deaths, expect_orderly, expect_success, live_counts

LIVES = 1000
CACHES = ("frames-free", "frames-cache", "frames-stack")  # may keep what they have grown to
# The reading `cat` has its stack at a random place, which costs this much more or less: pages, and
# page tables where it crosses from one to the next.
STACK_NOISE = 2
STACK_NOISY = ("frames-anonymous", "frames-page-table")


def run(booted):
    return booted("-- /bin/lives,64 /bin/busybox,cat,/proc/live "
                  f"/bin/lives,{LIVES} /bin/busybox,cat,/proc/live", timeout=240)


def test_every_life_ended_as_it_should(booted):
    expect_success(run(booted), "lives")


def test_a_quarter_died_of_faults(booted):
    names = [name for _, name, _ in deaths(run(booted))]
    assert names.count("lives") >= LIVES // 4


def test_live_counts_are_what_they_were(booted):
    before, after = live_counts(run(booted))
    assert before["processes"] > 0 and before["kernel-stacks"] > 0
    for name in (*CACHES, *STACK_NOISY):
        difference = after.pop(name) - before.pop(name)
        assert name in CACHES or abs(difference) <= STACK_NOISE
    assert before == after


def test_everything_came_back(booted):
    expect_orderly(run(booted))
