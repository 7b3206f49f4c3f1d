"""System calls at random: the kernel stays up, nothing is left behind, and the calls do get
somewhere. The long run is `make fuzz-calls`; a seed that failed becomes a line of SEEDS."""

import pytest

from verdicts import expect_orderly, expect_success

PATIENCE_SECONDS = 400

# (seed, calls, CPUs): one fresh mixture, and every child whose seed has found something.
SEEDS = [(20261121, 30000, "4")]


@pytest.mark.parametrize("seed, calls, smp", SEEDS)
def test_calls_at_random_do_no_harm(boot, seed, calls, smp):
    guest = boot(f"panic=1 -- /bin/callfuzz,-s,{seed},-n,{calls}", smp=smp, tcg="single",
                 mem="512M", timeout=PATIENCE_SECONDS)
    guest.wait()
    assert not guest.panic, guest.log[-60:]
    assert not guest.matches(r"^BAD | SHORT$"), guest.matches(r"^BAD | SHORT$")
    expect_orderly(guest)
    expect_success(guest, "callfuzz")
