"""Decodes the event ring's file format; names come from include/trace_format.h.

    events = trace.load(data).events
    [event for event in events if event.name == "SWITCH"]
"""

import os
import re
import struct
from collections import namedtuple

FORMAT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "include",
                      "trace_format.h")
HEADER = struct.Struct("<QIIQQQ")
EVENT = struct.Struct("<QHHIQQ")

Event = namedtuple("Event", "tsc type cpu thread a b name")


class TraceFile:
    """Header fields, and events in the order of the file."""

    def __init__(self, tsc_hz, lost_count, events):
        self.tsc_hz = tsc_hz
        self.lost_count = lost_count  # overwritten before they were read
        self.events = events

    def named(self, *names):
        return [event for event in self.events if event.name in names]

    def nanoseconds(self, ticks):
        return ticks * 1_000_000_000 // self.tsc_hz


def read_format():
    """({number: name}, {constant: value}) out of the header."""
    with open(FORMAT, encoding="ascii") as file:
        text = file.read()
    names = {int(number): name for number, name in re.findall(r"TRACE_EVENT\((\d+), (\w+),", text)}
    constants = re.findall(r"#define TRACE_FILE_(\w+) (0x[0-9a-f]+|\d+)u", text)
    return names, {name: int(value, 0) for name, value in constants}


def load(data):
    """A TraceFile from bytes; ValueError when they are no whole trace of this version."""
    names, constants = read_format()
    if len(data) < HEADER.size:
        raise ValueError(f"a trace has a header of {HEADER.size} bytes, here are {len(data)}")
    magic, version, size, tsc_hz, count, lost = HEADER.unpack_from(data)
    if (magic, version, size) != (constants["MAGIC"], constants["VERSION"], EVENT.size):
        raise ValueError(f"not a trace of version {constants['VERSION']}")
    if len(data) < HEADER.size + count * EVENT.size:
        raise ValueError(f"{count} events announced, the file ends before")
    body = data[HEADER.size : HEADER.size + count * EVENT.size]
    events = [Event(*fields, names.get(fields[1], str(fields[1])))
              for fields in EVENT.iter_unpack(body)]
    return TraceFile(tsc_hz, lost, events)
