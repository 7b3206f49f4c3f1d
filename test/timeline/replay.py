"""Replays a trace: from its events to a Model.

The mode of a CPU follows from entries and exits: in by SYSCALL or by an exception is kernel, in by
a vector from 32 on is interrupt, until the exit or the switch. The idle thread outside of these is
idle. What a thread was in when it lost the CPU it is in again when it gets it back.
"""

import os
import re

import trace
from timeline.model import (IDLE, IDLE_THREAD, INTERRUPT, KERNEL, NAMELESS, USER, Arrow, Entry,
                            Model, Name, Sample, Slice, Wait)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIRST_INTERRUPT = 32
QUEUE, FRAMES = "run queue", "frames in use"
PREEMPTED = ("slice over", "yielded", "woken better")  # why a thread that could go on did not


def replay(trace_file):
    """The Model of everything that the trace holds; ValueError when that is nothing."""
    events = [event for event in trace_file.events if event.tsc and not is_kept(event)]
    if not events:
        raise ValueError("the trace holds no event: nothing was traced (is it trace=off?)")
    return Replay(trace_file, events).run()


def is_kept(event):
    """Whether it is one of the boot's, which stay when what came after them is overwritten."""
    return (event.name == "STEP" and event.a < trace.first_step_at_run()
            or event.name == "NAME" and event.a >> 32 == 0)


class Cpu:
    """Who runs, since when, in which mode."""

    def __init__(self, number, thread, mode):
        self.number, self.thread, self.mode, self.cause = number, thread, mode, ""
        self.since = 0
        self.slices = []

    def key(self):
        """The running thread; each CPU has an idle thread of its own, all of the same number."""
        return self.thread or ("idle", self.number)

    def change(self, time, thread, mode, cause):
        if time > self.since:
            self.slices.append(Slice(self.since, time, self.mode, self.thread, self.number,
                                     self.cause))
            self.since = time
        self.thread, self.mode, self.cause = thread, mode, cause


class Replay:
    def __init__(self, trace_file, events):
        self._file, self._events = trace_file, events
        self._origin = events[0].tsc
        self._calls, self._vectors = read_call_names(), read_vector_names()
        self._reasons = [reason_words(name) for name in trace.read_enum("switch_reason")]
        self._exits = trace.read_enum("exit_path")
        self._cpus = {}
        self._outer = {}  # {thread: [(mode, cause)]}: what each is in, outermost first
        self._ready = {}  # {thread: since when}
        self._model = Model(event_count=len(events), lost_count=trace_file.lost_count,
                            origin_tsc=self._origin)
        self._steps = {"ENTRY": self._entry, "EXIT": self._exit, "SWITCH": self._switch,
                       "WAKE": self._wake, "NAME": self._name}

    def run(self):
        model = self._model
        model.names = names_of(self._file)
        model.end = self._time(self._events[-1])
        self._begin_cpus()
        for event in self._events:
            step = self._steps.get(event.name)
            if step:
                step(event, self._cpus[event.cpu], self._time(event))
        for cpu in self._cpus.values():
            cpu.change(model.end, cpu.thread, cpu.mode, cpu.cause)
            model.slices[cpu.number] = cpu.slices
        for thread in list(self._ready):
            self._end_wait(thread, model.end)
        return model

    def _time(self, event):
        return self._file.nanoseconds(event.tsc - self._origin)

    def _begin_cpus(self):
        """What each CPU did before its first event is read from the events that follow."""
        for number in range(self._file.header.cpu_count):
            self._cpus[number] = Cpu(number, IDLE_THREAD, IDLE)
        firsts = {}
        for event in self._events:
            firsts.setdefault(event.cpu, event)
        for number, first in firsts.items():
            mode = first_mode(event for event in self._events if event.cpu == number)
            self._cpus[number] = Cpu(number, first.thread, mode)
            self._outer[self._cpus[number].key()] = [(mode, "")]
        if self._file.lost_count:
            self._model.whole_from = max(self._time(first) for first in firsts.values())

    def _entry(self, event, cpu, time):
        vector, call = trace.entry_vector(event)
        if vector == trace.SYSCALL:
            mode, cause = KERNEL, self._calls.get(call, f"call {call}")
        elif vector >= FIRST_INTERRUPT:
            mode, cause = INTERRUPT, self._vectors.get(vector, f"vector {vector:#x}")
        else:
            mode = INTERRUPT if cpu.mode == INTERRUPT else KERNEL
            cause = self._vectors.get(vector, f"exception {vector}")
        self._outer.setdefault(cpu.key(), [(cpu.mode, cpu.cause)]).append((mode, cause))
        cpu.change(time, cpu.thread, mode, cause)
        self._model.entries.append(Entry(time, mode, cause, call is not None))

    def _exit(self, event, cpu, time):
        if self._exits[event.a] == "EXIT_TO_KERNEL":
            base = (IDLE if cpu.thread == IDLE_THREAD else KERNEL, "")
            stack = self._outer.get(cpu.key(), [base])[:-1] or [base]
        else:
            stack = [(USER, "")]
        self._outer[cpu.key()] = stack
        cpu.change(time, cpu.thread, *stack[-1])

    def _switch(self, event, cpu, time):
        source, target = event.thread, event.a & 0xFFFFFFFF
        why = self._reasons[event.b & 0xFF] if source != IDLE_THREAD else "work after idling"
        self._add_arrow("switch", time, cpu, source, target, why)
        if why in PREEMPTED:
            self._ready[source] = time
        self._end_wait(target, time)
        if target == IDLE_THREAD:
            cpu.change(time, target, IDLE, "")
            self._outer[cpu.key()] = [(IDLE, "")]
        else:  # back in the kernel, on its way out of what it was in
            mode, cause = self._outer.get(target, [(KERNEL, "")])[-1]
            cause = f"return from {cause}" if mode == INTERRUPT else cause
            cpu.change(time, target, KERNEL, cause)
        self._sample(QUEUE, time, event.b >> 8)
        self._sample(FRAMES, time, event.a >> 32)

    def _wake(self, event, cpu, time):
        self._add_arrow("wake", time, cpu, event.b, event.a, cpu.cause)
        if all(other.thread != event.a for other in self._cpus.values()):
            self._begin_wait(event.a, time)

    def _name(self, event, cpu, time):
        thread = event.a & 0xFFFFFFFF
        if thread not in self._outer and thread != event.thread:  # new: waits for its first turn
            self._outer[thread] = [(KERNEL, "")]
            self._begin_wait(thread, time)

    def _begin_wait(self, thread, time):
        """One more in the queue; the next switch says how many the kernel counts."""
        if thread not in self._ready:
            self._ready[thread] = time
            before = self._model.counters.get(QUEUE)
            self._sample(QUEUE, time, before[-1].value + 1 if before else 1)

    def _end_wait(self, thread, time):
        since = self._ready.pop(thread, None)
        if since is not None and since < time:
            self._model.waits.setdefault(thread, []).append(Wait(since, time))

    def _add_arrow(self, kind, time, cpu, source, target, why):
        self._model.arrows.append(Arrow(kind, time, cpu.number, source, target, why, cpu.mode))

    def _sample(self, name, time, value):
        self._model.counters.setdefault(name, []).append(Sample(time, value))


def names_of(trace_file):
    """{thread: Name}; of those whose names were overwritten an end or a child may tell the pid."""
    names = {thread: Name(*name) for thread, name in trace_file.thread_names().items()}
    for event in trace_file.named("PROCESS_EXIT", "EXEC", "FORK"):
        pid = event.b if event.name == "FORK" else event.a
        names.setdefault(event.thread, Name(pid, NAMELESS))
    return names


def first_mode(events):
    """The mode in which a CPU must have been before these events of its."""
    for event in events:
        if event.thread == IDLE_THREAD:
            return IDLE
        if event.name == "ENTRY":
            return USER
        if event.name in ("EXIT", "SWITCH"):
            return KERNEL
    return KERNEL


def reason_words(name):
    return name.removeprefix("SWITCH_").lower().replace("_", " ")


def read_call_names():
    """{number: name} of the system calls."""
    with open(os.path.join(ROOT, "include", "syscalls.def"), encoding="ascii") as file:
        rows = re.findall(r"^SYSCALL\((\d+), (\w+)", file.read(), re.MULTILINE)
    return {int(number): name for number, name in rows}


def read_vector_names():
    """{number: name} of exceptions and interrupts."""
    with open(os.path.join(ROOT, "kernel", "cpu", "frame.h"), encoding="ascii") as file:
        rows = re.findall(r"^ +VECTOR_(\w+) = (\w+),", file.read(), re.MULTILINE)
    return {int(number, 0): name.removeprefix("LAPIC_").lower().replace("_", " ")
            for name, number in rows
            if not name.startswith("FIRST_")}
