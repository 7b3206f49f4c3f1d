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
HEADER = struct.Struct("<QIIQQQQQIIQQ")
EVENT = struct.Struct("<QHHIQQ")

Event = namedtuple("Event", "tsc type cpu thread a b name")
Step = namedtuple("Step", "name column words value")
Header = namedtuple("Header", "magic version event_size tsc_hz event_count lost_count zero_tsc "
                    "open_tsc ring_events cpu_count event_ticks reserved")
SYSCALL = 256  # ENTRY's vector of a system call


class TraceFile:
    """Header fields, and events in the order of time; the state at open (time 0) comes first."""

    def __init__(self, header, events):
        self.header = header
        self.tsc_hz = header.tsc_hz
        self.lost_count = header.lost_count  # overwritten before they were read
        self.events = events

    def named(self, *names):
        return [event for event in self.events if event.name in names]

    def plain(self, *names):
        """named(), with packed words taken apart: see plain()."""
        return [plain(event) for event in self.named(*names)]

    def nanoseconds(self, ticks):
        return ticks * 1_000_000_000 // self.tsc_hz

    def thread_names(self):
        """{thread id: (pid, name)}, by the last NAME of each."""
        return {event.a & 0xFFFFFFFF: (event.a >> 32, short_name(event.b))
                for event in self.named("NAME")}


def short_name(value):
    """The text in NAME's b."""
    return value.to_bytes(8, "little").rstrip(b"\0").decode("utf-8", "replace")


def entry_vector(event):
    """(vector, call number) of an ENTRY; the number is None but for SYSCALL."""
    vector = event.a & 0xFFFFFFFF
    return vector, event.a >> 32 if vector == SYSCALL else None


def plain(event):
    """The event with what its words are first of all about: a SWITCH has thread id and reason, an
    ENTRY its vector and, of a system call, the call's number."""
    if event.name == "SWITCH":
        return event._replace(a=event.a & 0xFFFFFFFF, b=event.b & 0xFF)
    if event.name == "ENTRY":
        vector, number = entry_vector(event)
        return event._replace(a=vector, b=event.b if number is None else number)
    return event


def read_text():
    with open(FORMAT, encoding="ascii") as file:
        return file.read()


def read_format():
    """({number: name}, {constant: value}) out of the header."""
    text = read_text()
    names = {int(number): name for number, name in re.findall(r"TRACE_EVENT\((\d+), (\w+),", text)}
    constants = re.findall(r"#define TRACE_FILE_(\w+) (0x[0-9a-f]+|\d+)u", text)
    return names, {name: int(value, 0) for name, value in constants}


def read_steps():
    """{number: Step} out of the header."""
    rows = re.findall(r'TRACE_STEP\((\d+), (\w+), (\w+), "([^"]*)",\s+"([^"]*)"\)', read_text())
    return {int(number): Step(*fields) for number, *fields in rows}


def first_step_at_run():
    """The steps before this number are the boot's."""
    return int(re.search(r"#define TRACE_STEP_FIRST_AT_RUN (\d+)u", read_text()).group(1))


def read_enum(name):
    """The names of an enum of the header, in the order of their values from 0."""
    body = re.search(rf"enum {name} \{{(.*?)\}};", read_text(), re.DOTALL).group(1)
    return re.findall(r"^\s*(\w+),", body, re.MULTILINE)


def load(data):
    """A TraceFile from bytes; ValueError when they are no whole trace of this version."""
    names, constants = read_format()
    if len(data) < HEADER.size:
        raise ValueError(f"a trace has a header of {HEADER.size} bytes, here are {len(data)}")
    header = Header(*HEADER.unpack_from(data))
    if header[:3] != (constants["MAGIC"], constants["VERSION"], EVENT.size):
        raise ValueError(f"not a trace of version {constants['VERSION']}")
    if header.tsc_hz == 0:
        raise ValueError("the trace does not say how fast its clock runs")
    if len(data) < HEADER.size + header.event_count * EVENT.size:
        raise ValueError(f"{header.event_count} events announced, the file ends before")
    body = data[HEADER.size : HEADER.size + header.event_count * EVENT.size]
    events = [Event(*fields, names.get(fields[1], str(fields[1])))
              for fields in EVENT.iter_unpack(body)]
    return TraceFile(header, sorted(events, key=lambda event: event.tsc))
