"""The timeline, from made-up events: modes, waits, arrows, the part shown, and both files."""

import json
import random
import subprocess
import xml.etree.ElementTree as xml

import pytest

import trace
import timeline.__main__ as command
from timeline import chrome, closeup, describe, model, picture, program, rules, svg
from timeline.replay import replay

MS = 1_000_000
HZ = 1_000_000_000  # so that a tick is a nanosecond
NUMBERS = {name: number for number, name in trace.read_format()[0].items()}
REASONS = {name: value for value, name in enumerate(trace.read_enum("switch_reason"))}
TO_USER, TO_KERNEL = 1, 2
TIMER, PAGE_FAULT, SYSCALL = 0xE0, 14, 256
READ, WRITE = 0, 1
STATE = -1  # the time of what was so already


def event(time, name, thread, a=0, b=0, cpu=0):
    return trace.Event(1 + time, NUMBERS[name], cpu, thread, a, b, name)  # 0: no event, but state


def call(time, thread, number):
    return event(time, "ENTRY", thread, SYSCALL | number << 32)


def enter(time, thread, vector, cpu=0):
    return event(time, "ENTRY", thread, vector, cpu=cpu)


def leave(time, thread, to=TO_USER, cpu=0):
    return event(time, "EXIT", thread, to, cpu=cpu)


def switch(time, source, target, why, queue=0, frames=0, cpu=0):
    b = REASONS[f"SWITCH_{why}"] | queue << 8
    return event(time, "SWITCH", source, target | frames << 32, b, cpu)


def name(time, thread, pid, text, by=0):
    value = int.from_bytes(text.encode().ljust(8, b"\0"), "little")
    return event(time, "NAME", by, thread | pid << 32, value)


def trace_of(events, lost=0, cpus=1, hz=HZ):
    return trace.TraceFile(header_of(events, lost, cpus, hz), events)


def header_of(events, lost=0, cpus=1, hz=HZ):
    constants = trace.read_format()[1]
    header = trace.Header._make([0] * len(trace.Header._fields))
    return header._replace(magic=constants["MAGIC"], version=constants["VERSION"],
                           event_size=trace.EVENT.size, event_count=len(events), lost_count=lost,
                           tsc_hz=hz, cpu_count=cpus)


def modes(events, cpu=0, cpus=1):
    """[(length, mode, cause)] of a CPU."""
    return [(piece.end - piece.begin, piece.mode, piece.cause)
            for piece in replay(trace_of(events, cpus=cpus)).slices[cpu]]


def spinners():
    """Three of them, 10 ms each in turn, forked by the program (thread 2), which waits."""
    events = [name(STATE, 1, 1, "init"), event(1000, "FORK", 1, 2, 1),
              name(2000, 2, 2, "spin", by=1), switch(3000, 1, 2, "BLOCKED"),
              event(4000, "EXEC", 2, 2), leave(5000, 2), call(6000, 2, 57)]
    for thread in (3, 4, 5):
        events.append(name(7000 + thread, thread, thread, "spin", by=2))
    events.append(switch(8000, 2, 3, "BLOCKED", queue=2))
    now = 10_000
    events.append(leave(now, 3))
    for turn in range(30):
        thread, following = 3 + turn % 3, 3 + (turn + 1) % 3
        now += 10 * MS
        events += [enter(now, thread, TIMER), switch(now + 500, thread, following, "SLICE_OVER", 2),
                   leave(now + 900, following)]
    return events + [event(now + 2000, "PROCESS_EXIT", 3, 2)]


def pingpong(rounds=50):
    events = [name(STATE, 1, 1, "left"), name(STATE, 2, 2, "right"), call(1000, 1, READ),
              switch(1500, 1, 2, "BLOCKED")]
    now = 2000
    for turn in range(rounds):
        here, there = 2 - turn % 2, 1 + turn % 2
        events += [leave(now, here), call(now + 300, here, WRITE),
                   event(now + 500, "WAKE", here, there, here), leave(now + 800, here),
                   call(now + 1000, here, READ), switch(now + 1500, here, there, "BLOCKED")]
        now += 2000
    return events


@pytest.mark.parametrize("events, expected", [
    ([leave(0, 1), call(10, 1, READ), leave(30, 1), leave(31, 1)],
     [(10, "user", ""), (20, "kernel", "read"), (1, "user", "")]),
    ([leave(0, 1), enter(10, 1, TIMER), leave(15, 1), leave(20, 1)],
     [(10, "user", ""), (5, "interrupt", "timer"), (5, "user", "")]),
    ([call(0, 1, READ), enter(10, 1, TIMER), leave(12, 1, TO_KERNEL), leave(20, 1)],
     [(10, "kernel", "read"), (2, "interrupt", "timer"), (8, "kernel", "read")]),
    ([call(0, 1, READ), enter(10, 1, PAGE_FAULT), leave(14, 1, TO_KERNEL), leave(20, 1)],
     [(10, "kernel", "read"), (4, "kernel", "page fault"), (6, "kernel", "read")]),
    ([enter(0, 0, TIMER), leave(5, 0, TO_KERNEL), enter(40, 0, TIMER)],
     [(5, "interrupt", "timer"), (35, "idle", "")]),
    ([leave(0, 1), enter(10, 1, TIMER), switch(12, 1, 2, "SLICE_OVER"), leave(15, 2),
      call(20, 2, READ), switch(22, 2, 1, "BLOCKED"), leave(25, 1)],
     [(10, "user", ""), (2, "interrupt", "timer"), (3, "kernel", ""), (5, "user", ""),
      (2, "kernel", "read"), (3, "kernel", "return from timer")]),
])
def test_modes_follow_from_entries_and_exits(events, expected):
    assert modes(events) == expected


def test_an_exception_that_waits_goes_on_where_it_was():
    events = [call(0, 1, READ), enter(5, 1, PAGE_FAULT), switch(8, 1, 0, "BLOCKED"),
              switch(20, 0, 1, "BLOCKED"), leave(24, 1, TO_KERNEL), leave(30, 1)]
    assert modes(events)[2:] == [(12, "idle", ""), (4, "kernel", "page fault"),
                                 (6, "kernel", "read")]


def test_each_cpu_has_an_idle_thread_of_its_own():
    events = [call(0, 1, READ), switch(5, 1, 0, "BLOCKED"), enter(10, 0, TIMER, cpu=1),
              enter(11, 0, TIMER), leave(12, 0, TO_KERNEL), leave(14, 0, TO_KERNEL, cpu=1),
              enter(30, 0, TIMER)]
    assert modes(events, 0, 3)[1:] == [(6, "idle", ""), (1, "interrupt", "timer"),
                                       (18, "idle", "")]
    assert modes(events, 1, 3) == [(10, "idle", ""), (4, "interrupt", "timer"), (16, "idle", "")]
    assert modes(events, 2, 3) == [(30, "idle", "")]


@pytest.mark.parametrize("seed", range(8))
def test_the_slices_of_a_cpu_add_up_exactly_whatever_the_events(seed):
    chance = random.Random(seed)
    events, now = [], chance.randrange(1 << 40)
    for _ in range(2000):
        now += chance.choice((0, 1, 7, 1000, 10**6))
        cpu, thread = chance.randrange(3), chance.randrange(6)
        events.append(chance.choice((
            leave(now, thread, chance.randrange(3), cpu), enter(now, thread, TIMER, cpu),
            enter(now, thread, PAGE_FAULT, cpu),
            event(now, "WAKE", thread, 1 + thread, thread, cpu),
            switch(now, thread, chance.randrange(6), chance.choice([*REASONS])[7:], cpu=cpu))))
    whole = replay(trace_of(events, cpus=3, hz=2_599_983_014))
    part = whole.cut(whole.span // 3, whole.span // 2)
    for each in (whole, part):
        assert len(each.slices) == 3
        for slices in each.slices.values():
            assert sum(piece.end - piece.begin for piece in slices) == each.span
            assert all(one.end == other.begin for one, other in zip(slices, slices[1:]))


def test_who_could_run_and_did_not_waits():
    found = replay(trace_of(spinners())).waits
    assert [wait.end - wait.begin for wait in found[4][1:-1]] == [20 * MS] * 9
    assert replay(trace_of(pingpong())).waits[1][0] == model.Wait(1500, 2500)


def test_a_wake_before_the_switch_makes_nobody_wait():
    events = [call(0, 1, READ), event(5, "WAKE", 1, 1, 1), leave(9, 1), call(20, 1, READ)]
    whole = replay(trace_of(events))
    assert whole.waits == {} and whole.arrows[0].target == 1
    assert not [row for row in json.loads(chrome.text(whole, {}))["traceEvents"]
                if row["ph"] in "sf"]


def test_the_run_queue_grows_with_wake_ups_and_is_what_the_kernel_says_at_switches():
    samples = replay(trace_of(pingpong(2))).counters["run queue"]
    assert [sample.value for sample in samples] == [0, 1, 0, 1, 0]


def test_only_the_programs_life_is_shown():
    trace_file = trace_of(spinners())
    part, complete = program.cut(trace_file, replay(trace_file), "spin")
    assert complete and (part.begin, part.span) == (0, 300 * MS + 11_000)
    assert program.find_program(trace_file) == 2 and program.has_started(trace_file)


def test_the_program_that_lde_starts_is_meant_not_lde():
    events = [event(1, "FORK", 1, 2, 1), name(2, 2, 2, "lde"), event(3, "FORK", 2, 3, 2),
              name(4, 3, 3, "hello")]
    assert program.find_program(trace_of(events)) == 3
    assert not program.has_started(trace_of(events + [event(5, "EXEC", 2, 2)]))
    assert program.has_started(trace_of(events + [event(5, "EXEC", 3, 3)]))


def test_what_was_overwritten_is_told_and_not_shown():
    late = [each for each in spinners() if each.tsc > 100 * MS]
    trace_file = trace_of(late, lost=700)
    part, complete = program.cut(trace_file, replay(trace_file), "spin")
    words = describe.Facts(part, ["spin"], 3, complete).warnings()
    assert "700 older events were overwritten" in words[0] and "EVENTS=1024" in words[0]
    assert words[1] == "spin ended with status 3."


def test_what_is_kept_of_the_boot_is_not_where_the_picture_begins():
    events = [event(0, "STEP", 0, 1), name(5, 2, 0, "console"), leave(5000, 7), call(5100, 7, READ)]
    whole = replay(trace_of(events, lost=9))
    assert (whole.span, whole.waits, whole.event_count) == (100, {}, 2)


def test_a_program_whose_fork_was_overwritten_is_known_by_its_end():
    removed = program.step_number("REMOVE_ENTRY")
    events = [name(STATE, 6, 2, "lde"), leave(0, 7), call(100, 7, READ),
              event(200, "PROCESS_EXIT", 7, 3), switch(210, 7, 6, "EXITED"),
              event(300, "STEP", 6, removed, 3), leave(310, 6), call(900, 6, WRITE),
              event(950, "STEP", 1, removed, 9)]
    trace_file = trace_of(events, lost=9)
    part, complete = program.cut(trace_file, replay(trace_file), "spin")
    assert (part.span, complete, part.label(7)) == (300, False, "spin 3")


def test_nothing_traced_is_an_error():
    with pytest.raises(ValueError, match="nothing was traced"):
        replay(trace_of([]))


@pytest.mark.parametrize("events, flows", [(spinners(), 32), (pingpong(), 100)])
def test_the_json_keeps_the_rules_of_the_format(events, flows):
    document = json.loads(chrome.text(replay(trace_of(events)), {"title": "x"}))
    assert rules.complaints(document) == []
    assert sum(row["ph"] == "s" for row in document["traceEvents"]) == flows
    assert document["otherData"] == {"title": "x"}


def test_the_rules_notice_offences():
    document = json.loads(chrome.text(replay(trace_of(pingpong())), {}))
    rows = document["traceEvents"]
    flow = next(row for row in rows if row["ph"] == "f")
    for offence in ([row for row in rows if row is not flow], rows[::-1],
                    [row for row in rows if row["name"] != "thread_name"],
                    [{**row, "ts": 10**9} if row is flow else row for row in rows]):
        assert rules.complaints({"traceEvents": offence})


def drawn(events, **options):
    return picture.text(replay(trace_of(events, **options)), "a <title>", ["what & how"])


def test_the_picture_is_self_contained_and_for_light_and_dark():
    text = drawn(spinners())
    words = [element.text for element in xml.fromstring(text).iter(f"{rules.SVG}text")]
    assert {"a <title>", "what & how", "CPU 0", "spin (pid 3)", "300 ms", "One handover, enlarged",
            *picture.LEGEND.values(), "switch", "wake-up", "run queue"} <= set(words)
    assert "prefers-color-scheme:dark" in text
    assert not any(word in text for word in ("<script", "href", "@import", "url(h", "<image"))


@pytest.mark.parametrize("events", [spinners(), pingpong(), pingpong(8_000)])
def test_areas_are_times_however_thin_the_slices(events):
    whole = replay(trace_of(events))
    areas = rules.lanes_of(drawn(events))["CPU 0"]
    full = picture.PLOT * picture.LANE
    for mode, length in model.times_in_modes(whole.slices[0]).items():
        assert areas.get(mode, 0) / full == pytest.approx(length / whole.span, abs=5e-4), mode


def test_a_long_run_makes_no_large_picture():
    short, long = drawn(pingpong(2_000)), drawn(pingpong(8_000))
    assert len(long) < 1.5 * len(short) < 600_000
    assert "of 8,001 switches" in long


def test_many_processes_share_a_lane():
    events = [name(STATE, 1, 1, "p1")]
    for thread in range(1, 60):
        events += [leave(thread * 1000, thread), call(thread * 1000 + 400 + thread, thread, READ),
                   switch(thread * 1000 + 500 + thread, thread, thread + 1, "EXITED")]
    lanes = rules.lanes_of(drawn(events))
    assert len(lanes) == 17 and "44 others" in lanes


def test_the_typical_handover_is_the_one_of_median_length():
    whole = replay(trace_of(pingpong()))
    stretch = closeup.choose(whole)
    assert "From left 1 to right 2 (blocked)" in stretch.words or \
        "From right 2 to left 1 (blocked)" in stretch.words
    assert stretch.end - stretch.begin == 1000 + 2 * 1600
    assert closeup.choose(whole.cut(0, 6000)) is None


def test_after_idling_it_is_the_wake_up_that_is_enlarged():
    events = [leave(0, 1)]
    for now in range(1000, 6000, 1000):
        events += [call(now, 1, READ), switch(now + 10, 1, 0, "BLOCKED"),
                   enter(now + 500, 0, TIMER),
                   event(now + 505, "WAKE", 0, 1, 0), leave(now + 510, 0, TO_KERNEL),
                   switch(now + 512, 0, 1, "BLOCKED"), leave(now + 520, 1)]
    stretch = closeup.choose(replay(trace_of(events)))
    assert "From idle to thread 1" in stretch.words
    assert stretch.end - stretch.begin == 20 + 2 * 32  # from the interrupt to user mode, and around


@pytest.mark.parametrize("value, words", [
    (0, "0.00 ns"), (999, "999 ns"), (1500, "1.50 µs"), (12_340_000, "12.3 ms"),
    (2_500_000_000, "2.50 s")])
def test_durations_have_the_unit_that_suits(value, words):
    assert svg.duration(value) == words


def command_of(tmp_path, events, lost=0, status=0):
    """What `make timeline` does once the guest has ended; the standard output of lde is a table."""
    header = trace.HEADER.pack(*header_of(events, lost))
    path = tmp_path / "timeline.trace"
    path.write_bytes(header + b"".join(trace.EVENT.pack(*each[:-1]) for each in events))
    options, _ = command.parse(["--out", str(tmp_path), "--", "spin"])
    run = subprocess.CompletedProcess([], status, b"a table\n")
    command.write_all(options, path, run, icount=False)


def test_three_files_are_written(tmp_path):
    command_of(tmp_path, spinners())
    assert (tmp_path / "timeline.txt").read_text() == "a table\n"
    assert "spin: 300 ms on 1 CPU" in (tmp_path / "timeline.svg").read_text()
    assert json.loads((tmp_path / "timeline.json").read_text())["otherData"]["events_lost"] == 0


def test_lost_events_are_said(tmp_path, capsys):
    command_of(tmp_path, [each for each in spinners() if each.tsc > 100 * MS], lost=10)
    assert "10 older events were overwritten" in capsys.readouterr().err


def test_a_program_that_did_not_start_has_no_timeline(tmp_path):
    with pytest.raises(ValueError, match="spin did not start"):
        command_of(tmp_path, [each for each in spinners() if each.name != "EXEC"], status=127)
    assert not (tmp_path / "timeline.svg").exists()


@pytest.mark.parametrize("words, complaint", [
    (["--events", "lots", "--", "spin"], "EVENTS=lots is no number from 64 to 131072"),
    (["--events", "131073", "--", "spin"], "EVENTS=131073"), (["--"], "which program?")])
def test_wrong_knobs_are_told(words, complaint, capsys):
    with pytest.raises(SystemExit):
        command.parse(words)
    assert complaint in capsys.readouterr().err


def test_the_knob_for_more_events_reaches_the_kernel():
    options, more = command.parse(["--smp", "2", "--cmdline=loglevel=7", "--events", "64", "--",
                                   "spin", "3"])
    words = command.exec_command(options, more, "x")
    assert "--cmdline=trace=64 loglevel=7" in words and words[-3:] == ["--", "spin", "3"]
    assert words[words.index("--smp") + 1] == "2"


def test_crowded_arrows_are_left_out_and_pairs_are_not():
    assert picture.lonely([0, 1, 100, 200, 201, 202]) == [True] * 3 + [False] * 3
