"""The decoder of trace files."""

import pytest

import trace

SWITCH = trace.EVENT.pack(1000, 3, 0, 7, 8, 1)
FAULT = trace.EVENT.pack(2000, 4, 1, 8, 14, 0xDEAD)


def trace_file(*events, magic=0x4543415254464E52, count=None):
    count = len(events) if count is None else count
    return trace.HEADER.pack(magic, 1, 32, 2_000_000_000, count, 5) + b"".join(events)


def test_events_come_out_with_names():
    decoded = trace.load(trace_file(SWITCH, FAULT))
    assert [event.name for event in decoded.events] == ["SWITCH", "FAULT"]
    assert decoded.events[1] == (2000, 4, 1, 8, 14, 0xDEAD, "FAULT")
    assert (decoded.lost_count, decoded.nanoseconds(1000)) == (5, 500)
    assert decoded.named("FAULT") == decoded.events[1:]


@pytest.mark.parametrize("data", [b"", trace_file(magic=1), trace_file(SWITCH, count=2)])
def test_what_is_no_trace_is_refused(data):
    with pytest.raises(ValueError):
        trace.load(data)
