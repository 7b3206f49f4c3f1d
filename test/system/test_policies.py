"""Shares of the CPUs under each policy, as the kernel counts them, and threads that move between
two CPUs. `make test-shares` counts the shares in instructions, without the host's noise, for every
policy and on several CPUs."""

import os
import re

import pytest

from verdicts import expect_orderly

NICE_WORTH = 1.25  # a step of nice, as a factor
PERCENT = 0.01
ICOUNT_SECONDS = 400
DRAWINGS = 1000  # of the lottery, in a second of slices of 1 ms
COUNTED = os.environ.get("RINGFENCE_COUNTED", "fair").split()  # an instruction takes a nanosecond
NOISE = 8 * PERCENT  # of the host, elsewhere
SEVERAL_CPUS = [("fair", 7), ("fair", 9), ("stride", 7)] if len(COUNTED) > 1 else []


def weights(nices):
    values = [NICE_WORTH ** -nice for nice in nices]
    return [value / sum(values) for value in values]


def chance(share, drawings):
    """Four standard deviations."""
    return 4 * (share * (1 - share) / drawings) ** 0.5


def weighted(nices):
    return [(share, 2 * PERCENT) for share in weights(nices)]


def equal(nices):
    return [(1 / len(nices), 2 * PERCENT) for _ in nices]


def drawn(nices):
    return [(share, chance(share, DRAWINGS)) for share in weights(nices)]


def by_case(text):
    cases = {}
    for line in text.splitlines():
        if line.startswith("shares: "):
            _, case, kind, worth, time_us = line.split()
            cases.setdefault(case, []).append((kind, int(worth), int(time_us)))
    return cases


def expect_shares(text, promise, noise):
    cases = by_case(text)
    nices = [worth for _, worth, _ in cases["nice"]]
    times = [time_us for _, _, time_us in cases["nice"]]
    assert sum(times) > 950_000
    for time_us, (share, tolerance) in zip(times, promise(nices)):
        assert abs(time_us / sum(times) - share) <= tolerance + noise, (times, share)
    fixed = {kind: time_us for kind, _, time_us in cases["fifo"]}
    assert fixed["fifo"] > 2 * fixed["other"]  # which would have 98 % by its nice value
    first, second = [time_us for kind, _, time_us in cases["rr"] if kind == "rr"]
    others = [time_us for kind, _, time_us in cases["rr"] if kind == "other"]
    assert min(first, second) > 0.6 * max(first, second)
    assert others[0] < min(first, second) / 2


# Not counted, the machine has two CPUs; `shares` stays on one of them, then threads move.
MOVING = """cat /proc/sched; shares || exit
cpus storm 500ms; echo storm $?
cpus pinned 500ms; echo pinned $?
if grep -q '\\[rr]' /proc/sched; then cpus behind; echo behind $?; fi
cpus share 3 700ms || cpus share 3 700ms || cpus share 3 700ms || true
"""
PARTS = re.compile(r"cpus: 3 loops on 2 CPUs: (\d+) to (\d+) us each")


def expect_moving(text, policy):
    """Nothing hangs or leaves its mask; of three loops none has a CPU for itself, which would be
    twice what the others have."""
    assert f"[{policy}]" in text.splitlines()[0].split(), text
    assert {"storm 0", "pinned 0"} <= set(text.splitlines()), text
    # Where everybody's turn comes in order, the one who may move is the last for sure.
    assert policy != "rr" or "behind 0" in text.splitlines(), text
    assert max(int(least) / int(most) for least, most in PARTS.findall(text)) > 0.65, text


# Loops of different worth, side by side for a second. Nice values count where a policy says so;
# fixed priorities come before any of them.
@pytest.mark.parametrize("policy, slice_ms, promise", [
    ("stride", 10, weighted), ("lottery", 1, drawn), ("rr", 10, equal), ("mlfq", 2, equal)])
def test_shares(run_exec, policy, slice_ms, promise):
    counted = policy in COUNTED
    program = ["/bin/shares"] if counted else ["/bin/busybox", "sh", "-c", MOVING]
    result = run_exec(program, cmdline=f"sched={policy} slice_ms={slice_ms}", icount=counted,
                      smp=None if counted else 2, timeout=ICOUNT_SECONDS)
    text = result.stdout.decode()
    assert result.status == 0, text
    expect_shares(text, promise, 0 if counted else NOISE)
    if not counted:
        expect_moving(text, policy)


def test_shares_of_the_default(counted):
    result, _ = counted
    assert result.returncode == 0, result.stderr
    expect_shares(result.stdout.decode(), weighted, 0)


def test_loop_of_a_fixed_priority_leaves_a_twentieth(counted):
    """As of three seconds, in which it has used up its part of each."""
    result, _ = counted
    times = {kind: time_us for kind, _, time_us in by_case(result.stdout.decode())["budget"]}
    assert sum(times.values()) > 2_900_000
    assert 0.04 <= times["other"] / sum(times.values()) <= 0.06, times


def count_even(boot, words, programs):
    """How many of the programs had equal parts, on four CPUs that take turns."""
    guest = boot(f"{words} -- {programs}", smp="4", icount=True, timeout=2 * ICOUNT_SECONDS)
    guest.wait_for(r"^\[ *0\.")
    guest.interleave()
    guest.wait()
    expect_orderly(guest)
    return sum(bool(re.match(r"cpus: .*, within 5 %$", line)) for line in guest.log)


@pytest.mark.parametrize("policy, loops", SEVERAL_CPUS)
def test_shares_of_four_cpus(boot, policy, loops):
    """More loops than CPUs, and they do not divide: each has its part within 5 % in 2 seconds."""
    assert count_even(boot, f"sched={policy}", f"/bin/cpus,share,{loops},2s") == 1


def test_shares_of_four_cpus_in_short(boot):
    """The same of the default, in a fifth of the time with slices of a tenth."""
    programs = "/bin/cpus,share,7,400ms /bin/cpus,share,9,400ms"
    assert count_even(boot, "slice_ms=1", programs) == 2


def test_unknown_policy_is_reported(run_exec):
    result = run_exec(["/bin/busybox", "cat", "/proc/sched"], cmdline="sched=lotto")
    assert b"[fair]" in result.stdout
    assert any("sched=lotto is no policy; using fair" in line for line in result.log)
