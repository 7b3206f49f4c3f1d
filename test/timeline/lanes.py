"""The rows of the picture: one per CPU, one per process; the least busy ones share a row when there
are many."""

from timeline import svg
from timeline.model import IDLE, INTERRUPT, MODES, READY, Process, times_in_modes

LIMIT = 16  # processes with a row of their own


class Lane:
    """A row. `keys`: the threads, or ("cpu", number), whose arrows end there."""

    def __init__(self, label, keys, slices, waits=(), modes=MODES[:3]):
        self.label, self.keys, self.slices, self.modes = label, keys, slices, modes
        self.times = times_in_modes(slices)
        self.pieces = ([(piece.begin, piece.end, piece.mode) for piece in slices]
                       + [(wait.begin, wait.end, READY) for wait in waits])

    def tip(self, span):
        shares = ", ".join(f"{mode} {percent(self.times[mode], span)}" for mode in self.modes)
        return f"{self.label}: {shares}"

    def words(self, piece, model):
        """What a slice is: on a CPU who, in a process which call."""
        if piece.mode == IDLE:
            return "idle"
        if self.modes == MODES and piece.mode != INTERRUPT:
            return model.label(piece.thread)
        return piece.cause


def choose(model):
    lanes = [Lane(f"CPU {cpu}", [("cpu", cpu)], slices, modes=MODES)
             for cpu, slices in sorted(model.slices.items())]
    processes = model.processes()
    busiest = sorted(processes, key=Process.run_ns, reverse=True)
    limit = LIMIT if len(processes) <= LIMIT else LIMIT - 1
    own, others = busiest[:limit], busiest[limit:]
    for process in processes:
        if process in own:
            label = f"{process.name} (pid {process.pid})" if process.pid else process.name
            lanes.append(Lane(label, process.threads, process.slices, process.waits))
    if others:
        slices = sorted(piece for process in others for piece in process.slices)
        threads = [thread for process in others for thread in process.threads]
        lanes.append(Lane(f"{len(others)} others", threads, slices))
    return lanes


def percent(part, whole):
    share = 100 * part / max(whole, 1)
    return "–" if not part else "<0.1 %" if share < 0.1 else f"{share:.1f} %"


def length(part, _):
    return svg.duration(part) if part else "–"
