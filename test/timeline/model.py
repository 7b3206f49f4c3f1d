"""What a timeline shows: slices of mode per CPU and per thread, waits, arrows, counters.

Times are whole nanoseconds from the trace's first event. Invariant of a Model: the slices of each
CPU follow each other without a gap from `begin` to `end`, so their lengths add up to its span.
"""

from collections import namedtuple
from dataclasses import dataclass, field, replace

USER, KERNEL, INTERRUPT, IDLE = MODES = ("user", "kernel", "interrupt", "idle")
NAMELESS = "process"  # whose name was overwritten
READY = "ready"  # of a thread: able to run, while another has the CPU
IDLE_THREAD = 0

# `cause`: the call, exception or interrupt that the CPU was in; empty in user mode and idle.
Slice = namedtuple("Slice", "begin end mode thread cpu cause")
Wait = namedtuple("Wait", "begin end")  # ready, not running
# kind "switch": source gave `cpu` to target, `why` says for which reason. kind "wake": source made
# target ready; `mode` is that of the CPU then, for in an interrupt the source had no part in it.
Arrow = namedtuple("Arrow", "kind time cpu source target why mode")
Sample = namedtuple("Sample", "time value")
Entry = namedtuple("Entry", "time mode cause call")  # into the kernel; call: by SYSCALL
Name = namedtuple("Name", "pid text")  # pid 0: a thread of the kernel


@dataclass
class Model:
    begin: int = 0
    end: int = 0
    slices: dict = field(default_factory=dict)  # {cpu: [Slice]}
    waits: dict = field(default_factory=dict)  # {thread: [Wait]}
    names: dict = field(default_factory=dict)  # {thread: Name}
    arrows: list = field(default_factory=list)
    entries: list = field(default_factory=list)
    counters: dict = field(default_factory=dict)  # {name: [Sample]}
    origin_tsc: int = 0  # TSC of time 0
    event_count: int = 0
    lost_count: int = 0
    whole_from: int = 0  # nothing is missing from here on

    @property
    def span(self):
        return self.end - self.begin

    def name_of(self, thread):
        unknown = "idle" if thread == IDLE_THREAD else f"thread {thread}"
        return self.names.get(thread, Name(0, unknown))

    def label(self, thread):
        pid, text = self.name_of(thread)
        return f"{text} {pid}" if pid else text

    def cut(self, begin, end):
        """The same between two moments."""
        return replace(
            self, begin=begin, end=end,
            slices={cpu: clip(slices, begin, end) for cpu, slices in self.slices.items()},
            waits={thread: clip(waits, begin, end) for thread, waits in self.waits.items()},
            arrows=[arrow for arrow in self.arrows if begin <= arrow.time < end],
            entries=[entry for entry in self.entries if begin <= entry.time < end],
            counters={name: cut_samples(samples, begin, end)
                      for name, samples in self.counters.items()})

    def processes(self):
        """[Process] of those that ran or waited, in the order of their first moment."""
        found = {}
        for slices in self.slices.values():
            for piece in slices:
                if piece.thread != IDLE_THREAD:
                    self._process(found, piece.thread).slices.append(piece)
        for thread, waits in self.waits.items():
            if waits:
                self._process(found, thread).waits.extend(waits)
        for process in found.values():
            process.slices.sort()
            process.waits.sort()
        return sorted(found.values(), key=Process.first)

    def _process(self, found, thread):
        pid, text = self.name_of(thread)
        process = found.setdefault((pid, 0 if pid else thread), Process(pid, text))
        process.threads.add(thread)
        return process


@dataclass
class Process:
    """A process with its threads, or one thread of the kernel."""

    pid: int
    name: str
    threads: set = field(default_factory=set)
    slices: list = field(default_factory=list)
    waits: list = field(default_factory=list)

    def first(self):
        return min(piece.begin for piece in self.slices[:1] + self.waits[:1])

    def run_ns(self):
        return sum(times_in_modes(self.slices).values())


def times_in_modes(slices):
    """{mode: nanoseconds}"""
    total = dict.fromkeys(MODES, 0)
    for piece in slices:
        total[piece.mode] += piece.end - piece.begin
    return total


def clip(pieces, begin, end):
    """Slices or waits, without what lies outside."""
    return [piece._replace(begin=max(piece.begin, begin), end=min(piece.end, end))
            for piece in pieces if piece.begin < end and piece.end > begin]


def cut_samples(samples, begin, end):
    """A counter keeps its value: the last one before `begin` is that of `begin`."""
    before = [sample for sample in samples if sample.time <= begin][-1:]
    inside = [sample for sample in samples if begin < sample.time < end]
    first = before or inside[:1]
    return [sample._replace(time=begin) for sample in first] + inside
