"""Says in words what a timeline shows: title, sentences, warnings."""

import shlex
from collections import Counter

from timeline.model import INTERRUPT
from timeline.svg import duration

RING_LIMITS = (64, 131072)  # kernel/debug/trace.h
TITLE_LENGTH = 72
PAGE_FAULT = "page fault"


class Facts:
    def __init__(self, model, words, status, complete, icount=False):
        self._model, self._words, self._status = model, words, status
        self._complete = complete  # the program's beginning is there
        self._icount = icount

    def title(self):
        cpus = len(self._model.slices)
        words = shlex.join(self._words)
        words = words if len(words) <= TITLE_LENGTH else words[:TITLE_LENGTH - 1] + "…"
        return f"{words}: {duration(self._model.span)} on {plural(cpus, 'CPU', 'CPUs')}"

    def lines(self):
        """What was measured."""
        begin = "its fork" if self._complete else "the oldest event that was kept"
        clock = ("one instruction is one nanosecond" if self._icount
                 else "times are those of the emulated machine")
        return [f"Who ran, and in which mode, from {begin} to its end. Ringfence in QEMU; {clock}.",
                self._counts(), *self.warnings()]

    def extent(self):
        return "The whole run" if self._complete else "The end of the run"

    def _counts(self):
        kinds = Counter(arrow.kind for arrow in self._model.arrows)
        entries = Counter(INTERRUPT if entry.mode == INTERRUPT else
                          PAGE_FAULT if entry.cause == PAGE_FAULT else "call" if entry.call else
                          "other" for entry in self._model.entries)
        parts = [plural(kinds["switch"], "switch", "switches"),
                 plural(kinds["wake"], "wake-up", "wake-ups"),
                 plural(entries["call"], "system call", "system calls"),
                 plural(entries[PAGE_FAULT], PAGE_FAULT, "page faults"),
                 plural(entries["other"], "other exception", "other exceptions"),
                 plural(entries[INTERRUPT], "interrupt", "interrupts")]
        return " · ".join(part for part in parts if not part.startswith("0 "))

    def warnings(self):
        model, lines = self._model, []
        if model.lost_count:
            lines.append(self._loss())
        if self._status:
            lines.append(f"{self._words[0]} ended with status {self._status}.")
        return lines

    def _loss(self):
        """The overwritten are older than what is shown; did they belong to the program?"""
        count = self._model.lost_count
        lost = f"{plural(count, 'older event was', 'older events were')} overwritten"
        if self._complete:
            return f"{lost}, all from before the program: nothing is missing here."
        needed = enough(self._model)
        advice = (f"EVENTS={needed} keeps them all." if needed <= RING_LIMITS[1]
                  else f"A shorter run, or EVENTS={RING_LIMITS[1]}, shows more of it.")
        return f"{lost}; from the oldest that was kept on the picture is whole. {advice}"

    def dictionary(self):
        """For the JSON file's otherData."""
        return {"title": self.title(), "measured": " ".join(self.lines()),
                "events": self._model.event_count, "events_lost": self._model.lost_count}


def enough(model):
    """A power of two that would have held all events."""
    count = 64
    while count < model.event_count + model.lost_count:
        count *= 2
    return count


def plural(count, one, many):
    return f"{count:,} {one if count == 1 else many}"
