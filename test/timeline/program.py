"""Which part of a trace is the program's: from its fork to when it has been taken away.

exec's init forks once; what it starts is the program, or `lde`, which forks the program.
"""

import trace
from timeline.model import NAMELESS, Name

INIT_PID = 1
TABLE_PROGRAM = "lde"


def cut(trace_file, model, name):
    """(the program's part of the Model, whether its beginning is there). What has been overwritten
    is not part of it; `name` is the program's, should that have been."""
    pid = find_program(trace_file)
    for thread, known in model.names.items():
        if known == (pid, NAMELESS):
            model.names[thread] = Name(pid, name)
    begin, end = lifetime(trace_file, pid) if pid else (None, None)
    first = model.whole_from if begin is None else time_of(trace_file, model, begin)
    last = model.end if end is None else time_of(trace_file, model, end)
    complete = begin is not None and first >= model.whole_from
    return model.cut(max(first, model.whole_from), last), complete


def time_of(trace_file, model, tsc):
    return trace_file.nanoseconds(tsc - model.origin_tsc)


def find_program(trace_file):
    """The program's pid, by its fork or, if that was overwritten, by its end; None: not there."""
    pid = first_child(trace_file, INIT_PID)
    names = {pid: name for pid, name in trace_file.thread_names().values()}
    if pid and names.get(pid) == TABLE_PROGRAM:
        pid = first_child(trace_file, pid)
    return pid or reaped_last(trace_file)


def reaped_last(trace_file):
    """Whom lde, which is still there when the events are read, took away last; else who was."""
    if trace_file.lost_count == 0:
        return None
    removed = step_number("REMOVE_ENTRY")
    reaped = [event for event in trace_file.named("STEP") if event.a == removed]
    names = trace_file.thread_names()
    by_lde = [event for event in reaped
              if names.get(event.thread, (0, ""))[1] == TABLE_PROGRAM]
    return (by_lde or reaped)[-1].b if reaped else None


def has_started(trace_file):
    """Whether the program was loaded; believed when that may have been overwritten."""
    pid = find_program(trace_file)
    return trace_file.lost_count > 0 or any(event.a == pid for event in trace_file.named("EXEC"))


def first_child(trace_file, parent):
    for event in trace_file.named("FORK"):
        if event.b == parent:
            return event.a
    return None


def descendants(trace_file, pid):
    """pids: of it and what came of it."""
    family = {pid}
    for event in trace_file.named("FORK"):
        if event.b in family:
            family.add(event.a)
    return family


def lifetime(trace_file, pid):
    """(first, last TSC); None: its fork is not in the trace, or it has not ended."""
    family = descendants(trace_file, pid)
    created, removed = step_number("CREATE_ENTRY"), step_number("REMOVE_ENTRY")
    begin = min((event.tsc for event in trace_file.events
                 if event.name == "FORK" and event.a == pid
                 or event.name == "STEP" and event.a == created and event.b == pid), default=None)
    ends = [event.tsc for event in trace_file.events
            if event.name == "PROCESS_EXIT" and event.a in family
            or event.name == "STEP" and event.a == removed and event.b in family]
    return begin, max(ends, default=None)


def step_number(name):
    return next(number for number, step in trace.read_steps().items() if step.name == name)
