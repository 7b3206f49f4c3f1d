"""Chooses what the picture shows enlarged: a typical handover of the CPU from one to another."""

from bisect import bisect_left, bisect_right
from collections import Counter, namedtuple

from timeline.model import IDLE, IDLE_THREAD, INTERRUPT, USER
from timeline.svg import duration

MARGIN = 1.6  # handovers' lengths shown before and after
LEAST_ENLARGEMENT = 4

# From when the CPU left what it did to when it did the next thing.
Stretch = namedtuple("Stretch", "begin end words")
Kind = namedtuple("Kind", "source target why")
Handover = namedtuple("Handover", "length begin end kind arrow")


def choose(model):
    """The Stretch to show; None when there is none, or the whole is hardly larger."""
    handovers = find(model)
    if not handovers:
        return None
    kinds = Counter(handover.kind for handover in handovers)
    begun = [kind for kind in kinds if kind.target != "idle"]
    kind = max(begun or kinds, key=lambda kind: kinds[kind])
    alike = sorted(handover for handover in handovers if handover.kind == kind)
    typical = alike[len(alike) // 2]
    margin = round(typical.length * MARGIN)
    begin, end = max(typical.begin - margin, model.begin), min(typical.end + margin, model.end)
    if (end - begin) * LEAST_ENLARGEMENT > model.span:
        return None
    return Stretch(begin, end, describe(model, typical, begin, len(alike)))


def describe(model, handover, begin, count):
    arrow = handover.arrow
    words = f"From {model.label(arrow.source)} to {model.label(arrow.target)} ({arrow.why})"
    if count > 1:
        words += f": of the {count:,} of this kind the one of median length"
    return f"{words}. 0 is {duration(begin - model.begin, 4)} after the beginning above."


def find(model):
    """Every Handover: between two rests in user mode or idle, with a switch in between."""
    found = []
    for cpu, slices in model.slices.items():
        switches = [arrow for arrow in model.arrows if (arrow.kind, arrow.cpu) == ("switch", cpu)]
        times = [arrow.time for arrow in switches]
        rests = [piece for before, piece in zip([None, *slices], slices)
                 if piece.mode in (USER, IDLE) and not is_last_idle(before, piece, times)]
        for before, after in zip(rests, rests[1:]):
            first = bisect_left(times, before.end)
            if first < bisect_right(times, after.begin):
                found.append(Handover(after.begin - before.end, before.end, after.begin,
                                      kind_of(switches[first]), switches[first]))
    return found


def is_last_idle(before, piece, switch_times):
    """Idle only from an interrupt to the switch that it brought about: part of the handover."""
    if piece.mode != IDLE or before is None or before.mode != INTERRUPT:
        return False
    at = bisect_left(switch_times, piece.end)
    return at < len(switch_times) and switch_times[at] == piece.end


def kind_of(arrow):
    ends = ["idle" if thread == IDLE_THREAD else "program"
            for thread in (arrow.source, arrow.target)]
    return Kind(*ends, arrow.why)
