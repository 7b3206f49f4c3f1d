"""The decoder of trace files."""

import pytest

import trace

SWITCH = trace.EVENT.pack(1000, 3, 0, 7, 8 | 500 << 32, 1 | 2 << 8)
FAULT = trace.EVENT.pack(2000, 4, 1, 8, 14, 0xDEAD)
SPINNER = int.from_bytes(b"spinner", "little")
NAME = trace.EVENT.pack(0, 14, 0, 0, 8 | 4 << 32, SPINNER)


def trace_file(*events, magic=0x4543415254464E52, version=2, count=None):
    count = len(events) if count is None else count
    header = trace.HEADER.pack(magic, version, 32, 2_000_000_000, count, 5, 10, 3000, 16384, 1,
                               30000, 0)
    return header + b"".join(events)


def test_events_come_out_with_names_and_in_the_order_of_time():
    decoded = trace.load(trace_file(NAME, FAULT, SWITCH))
    assert [event.name for event in decoded.events] == ["NAME", "SWITCH", "FAULT"]
    assert decoded.events[2] == (2000, 4, 1, 8, 14, 0xDEAD, "FAULT")
    assert (decoded.lost_count, decoded.nanoseconds(1000)) == (5, 500)
    assert (decoded.header.zero_tsc, decoded.header.open_tsc) == (10, 3000)
    assert decoded.named("FAULT") == decoded.events[2:]
    assert decoded.thread_names() == {8: (4, "spinner")}


def test_an_entry_tells_vector_and_call():
    entry = trace.Event(1, 1, 0, 7, 256 | 110 << 32, 0x401000, "ENTRY")
    assert trace.entry_vector(entry) == (256, 110)
    assert trace.entry_vector(entry._replace(a=14)) == (14, None)
    assert trace.plain(entry)[4:6] == (256, 110)
    assert trace.plain(entry._replace(a=14))[4:6] == (14, 0x401000)
    decoded = trace.load(trace_file(SWITCH))
    assert [event[4:6] for event in decoded.plain("SWITCH")] == [(8, 1)]


def test_the_tables_of_the_header_are_found_whole():
    names, _ = trace.read_format()
    steps = trace.read_steps()
    text = trace.read_text()
    assert sorted(names) == list(range(1, len(names) + 1))
    assert len(names) == text.count("TRACE_EVENT(") - 1  # the first is the comment
    assert len(steps) == text.count("TRACE_STEP(") - 1
    assert {step.column for step in steps.values()} == {"OS", "HARDWARE"}
    assert trace.read_enum("exit_path") == ["EXIT_IRETQ", "EXIT_SYSRET", "EXIT_TO_KERNEL"]
    assert trace.read_enum("switch_reason")[4] == "SWITCH_WOKEN_BETTER"


@pytest.mark.parametrize("data", [b"", trace_file(magic=1), trace_file(version=1),
                                  trace_file(SWITCH, count=2)])
def test_what_is_no_trace_is_refused(data):
    with pytest.raises(ValueError):
        trace.load(data)
