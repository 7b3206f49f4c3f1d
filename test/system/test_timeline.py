"""`make timeline` of three programs one after the other: what both files show is what they do.

An instruction is a nanosecond there, so that no standstill of the emulator changes whose turn it
is.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from statistics import median

import pytest

from harness.fixtures import noted
from harness.media import ROOT, default_build
from timeline import rules
from timeline.chrome import CPU_GROUP

MS = 1_000_000
SLICE, SLEEP = 10 * MS, 20 * MS
ROUNDS = 100
SCRIPT = f"spinners 3 300ms; pingpong {ROUNDS}; sleeper 20ms 5"

pytestmark = pytest.mark.xdist_group("timeline")


def run_timeline(folder, *arguments, cmdline=""):
    command = [sys.executable, "-B", os.path.join(ROOT, "test", "timeline"), "--build-dir",
               default_build(), "--out", str(folder), f"--cmdline={cmdline}", *arguments]
    return subprocess.run(noted(command), stdin=subprocess.DEVNULL, capture_output=True,
                          check=False)


class Result:
    def __init__(self, folder, run):
        self.run = run
        self.table = (folder / "timeline.txt").read_text()
        self.picture = (folder / "timeline.svg").read_text()
        self.document = json.loads((folder / "timeline.json").read_text())
        self.events = self.document["traceEvents"]
        self.tracks = rules.tracks(self.events)
        names = {event["pid"]: event["args"]["name"] for event in self.events
                 if event["name"] == "process_name"}
        self.pids = {text: sorted(pid for pid in names if names[pid] == text)
                     for text in names.values()}

    def track(self, pid):
        return next(slices for (group, _), slices in self.tracks.items() if group == pid)

    def runs(self, pids):
        """[(begin, end, pid)] of uninterrupted turns on the CPU, in the order of time."""
        turns = []
        for pid in pids:
            for begin, end, name in self.track(pid):
                if name == "ready":
                    continue
                if turns and turns[-1][1:] == (begin, pid):
                    begin = turns.pop()[0]
                turns.append((begin, end, pid))
        return sorted(turns)

    def flows(self, name):
        """[(time, pid from, pid to)]"""
        starts = {event["id"]: event for event in self.events if event["ph"] == "s"}
        return [(event["ts"], starts[event["id"]]["pid"], event["pid"]) for event in self.events
                if event["ph"] == "f" and event["name"] == name]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timeline")
    run = run_timeline(folder, "--icount", "--events", "65536", "--", "sh", "-c", SCRIPT)
    assert run.returncode == 0, run.stderr.decode()
    return Result(folder, run)


def test_the_program_s_output_is_seen_and_the_files_are_named(result):
    assert b"spinners: pid" in result.run.stderr and b"sleeper: 5 sleeps" in result.run.stderr
    for ending in ("json", "svg", "txt"):
        assert f"timeline.{ending}".encode() in result.run.stderr


def test_the_json_keeps_the_rules_of_the_format(result):
    assert rules.complaints(result.document) == []
    assert result.document["otherData"]["events_lost"] == 0


def test_the_slices_of_the_cpu_add_up_to_the_span(result):
    slices = result.tracks[CPU_GROUP, CPU_GROUP]
    assert slices[0][0] == 0
    assert sum(end - begin for begin, end, _ in slices) == slices[-1][1]
    assert max(end for track in result.tracks.values() for _, end, _ in track) == slices[-1][1]


def test_three_spinners_take_turns_of_a_slice_each(result):
    pids = result.pids["spinners"][1:]  # after the one that starts them
    assert len(pids) == 3
    handed = {(rules.nanoseconds(time), pid) for time, pid, _ in result.flows("switch: slice over")}
    turns = [turn for turn in result.runs(pids) if turn[1:] in handed]  # taken away, not given
    lengths = [end - begin for begin, end, _ in turns]
    # The fair policy lets three have their turn within two slices.
    assert SLICE * 2 / 3 * 0.95 < median(lengths) < SLICE * 3
    counts = Counter(pid for _, _, pid in turns)
    assert len(turns) >= 9 and max(counts.values()) - min(counts.values()) <= 2
    following = Counter((one[2], other[2]) for one, other in zip(turns, turns[1:]))
    assert sum(count for _, count in following.most_common(3)) >= 0.8 * following.total()
    assert {one for (one, _), _ in following.most_common(3)} == set(pids)
    times = [sum(end - begin for begin, end, _ in result.runs([pid])) for pid in pids]
    assert all(0.1 < time / sum(times) < 0.6 for time in times)


def test_a_pair_that_plays_ping_pong_alternates(result):
    one, other = result.pids["pingpong"]
    turns = [pid for _, _, pid in result.runs([one, other])]
    changes = sum(before != after for before, after in zip(turns, turns[1:]))
    assert changes >= 2 * ROUNDS - 2
    for there, back in ((one, other), (other, one)):
        for name in ("switch: blocked", "wake-up"):
            hits = [flow for flow in result.flows(name) if flow[1:] == (there, back)]
            assert ROUNDS * 0.9 <= len(hits) <= ROUNDS * 1.1, name


def test_a_sleeper_leaves_the_cpu_idle(result):
    pid, = result.pids["sleeper"]
    woken = {rules.nanoseconds(time) for time, *ends in result.flows("wake-up")
             if ends == [CPU_GROUP, pid]}  # by an interrupt
    track = result.track(pid)
    gaps = [(before[1], after[0]) for before, after in zip(track, track[1:]) if after[0] in woken]
    idle = [piece for piece in result.tracks[CPU_GROUP, CPU_GROUP] if piece[2] == "idle"]
    inside = sum(max(0, min(end, stop) - max(begin, start))
                 for start, stop in gaps for begin, end, _ in idle)
    lengths = [stop - start for start, stop in gaps]
    assert len(lengths) == 5 and median(lengths) > SLEEP * 0.9 and inside > 0.7 * sum(lengths)


def test_the_counters_are_there(result):
    values = {}
    for event in result.events:
        if event["ph"] == "C":
            values.setdefault(event["name"], []).append(event["args"][event["name"]])
    assert max(values["run queue"]) >= 2 and min(values["run queue"]) == 0
    assert 100 < min(values["frames in use"]) < max(values["frames in use"]) < 65536


def test_the_picture_shows_the_same_times(result):
    lanes = rules.lanes_of(result.picture)
    slices = result.tracks[CPU_GROUP, CPU_GROUP]
    times = Counter()
    for begin, end, name in slices:
        times[name] += end - begin
    total = sum(lanes["CPU 0"].values())
    for mode, time in times.items():
        share = time / slices[-1][1]
        assert lanes["CPU 0"].get(mode, 0) / total == pytest.approx(share, abs=0.002), mode
    for pid in result.pids["spinners"]:
        assert f"spinners (pid {pid})" in lanes


def test_the_table_is_the_chapter_s(result):
    assert "return-from-trap" in result.table
