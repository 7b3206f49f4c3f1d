"""Writes a Model in Chrome's trace-event format, which Perfetto and chrome://tracing open.

Each CPU and each process is a track of slices named by mode; switches and wake-ups are flows from
slice to slice. Times are microseconds with three decimals, so that whole nanoseconds survive.
"""

import json

from timeline.model import IDLE_THREAD, INTERRUPT, READY

# Numbers of processes and threads that the guest has are below these.
CPU_GROUP = 1_000_000  # the CPUs; their threads are CPU_GROUP + number
KERNEL_GROUP = 2_000_000  # threads of the kernel
COLOURS = {"user": "thread_state_running", "kernel": "thread_state_iowait",
           "interrupt": "terrible", "idle": "thread_state_sleeping",
           READY: "thread_state_runnable"}


def text(model, about):
    """The file; `about`: a dictionary of texts that describe the measurement."""
    events = sorted(slices_of(model) + flows_of(model) + counters_of(model),
                    key=lambda event: (event["ns"], event["order"]))
    rows = names_of(model) + [finish(event, model.begin) for event in events]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    return (f'{{"displayTimeUnit":"ns","otherData":{json.dumps(about)},"traceEvents":[\n'
            f"{lines}\n]}}\n")


def finish(event, origin):
    """Exact: what is printed has at most three decimals. Flows begin after their slice has."""
    row = {key: value for key, value in event.items() if key not in ("ns", "order", "length")}
    row["ts"] = (event["ns"] - origin) / 1000
    if "length" in event:
        row["dur"] = event["length"] / 1000
    return row


def cpu_track(cpu):
    return {"pid": CPU_GROUP, "tid": CPU_GROUP + cpu}


def thread_track(model, thread):
    return {"pid": model.name_of(thread).pid or KERNEL_GROUP, "tid": thread}


def slices_of(model):
    rows = []
    for slices in model.slices.values():
        for piece in slices:
            who = model.name_of(piece.thread)
            about = {"cause": piece.cause} if piece.cause else {}
            rows.append(slice_row(piece, piece.mode, cpu_track(piece.cpu),
                                  about | {"process": who.text, "pid": who.pid}))
            if piece.thread != IDLE_THREAD:
                rows.append(slice_row(piece, piece.mode, thread_track(model, piece.thread),
                                      about | {"cpu": piece.cpu}))
    for thread, waits in model.waits.items():
        rows += [slice_row(wait, READY, thread_track(model, thread), {}) for wait in waits]
    return rows


def slice_row(piece, name, track, about):
    return {"ph": "X", "name": name, "cat": "mode", "cname": COLOURS[name], "ns": piece.begin,
            "length": piece.end - piece.begin, "order": 0, **track, "args": about}


def flows_of(model):
    """A pair for each arrow whose ends lie in slices; 1 ns before a switch the thread that gives
    the CPU away still has its slice."""
    starts = begin_times(model)
    rows = []
    for number, arrow in enumerate(model.arrows, 1):
        if arrow.time <= model.begin:
            continue
        source, target = source_track(model, arrow), target_track(model, arrow, starts)
        if target is None:
            continue
        name = "switch: " + arrow.why if arrow.kind == "switch" else "wake-up"
        flow = {"name": name, "cat": arrow.kind, "id": number}
        before = 1 if arrow.kind == "switch" else 0
        rows.append({"ph": "s", "ns": arrow.time - before, "order": 1, **flow, **source})
        rows.append({"ph": "f", "bp": "e", "ns": arrow.time, "order": 2, **flow, **target})
    return rows


def begin_times(model):
    """{(thread, time)} where slices and waits of threads begin, for an arrow to end at."""
    starts = {(piece.thread, piece.begin) for slices in model.slices.values() for piece in slices}
    return starts | {(thread, wait.begin) for thread, waits in model.waits.items()
                     for wait in waits}


def source_track(model, arrow):
    if arrow.source == IDLE_THREAD or (arrow.kind == "wake" and arrow.mode == INTERRUPT):
        return cpu_track(arrow.cpu)
    return thread_track(model, arrow.source)


def target_track(model, arrow, starts):
    if arrow.target == IDLE_THREAD:
        return cpu_track(arrow.cpu)
    if (arrow.target, arrow.time) not in starts:
        return None  # woken before it had left its CPU: nothing begins there
    return thread_track(model, arrow.target)


def counters_of(model):
    return [{"ph": "C", "name": name, "ns": sample.time, "order": 3, "pid": CPU_GROUP,
             "tid": CPU_GROUP, "args": {name: sample.value}}
            for name, samples in model.counters.items() for sample in samples]


def names_of(model):
    rows = [name_row("process_name", {"name": "CPUs"}, pid=CPU_GROUP, tid=CPU_GROUP),
            name_row("process_sort_index", {"sort_index": -1}, pid=CPU_GROUP, tid=CPU_GROUP)]
    for cpu in model.slices:
        rows.append(name_row("thread_name", {"name": f"CPU {cpu}"}, **cpu_track(cpu)))
    for order, process in enumerate(model.processes()):
        for thread in sorted(process.threads):
            track = thread_track(model, thread)
            group = process.name if process.pid else "kernel threads"
            rows.append(name_row("process_name", {"name": group}, **track))
            rows.append(name_row("process_sort_index", {"sort_index": order}, **track))
            rows.append(name_row("thread_name", {"name": process.name}, **track))
    return rows


def name_row(kind, about, pid, tid):
    return {"ph": "M", "name": kind, "ts": 0, "pid": pid, "tid": tid, "args": about}
