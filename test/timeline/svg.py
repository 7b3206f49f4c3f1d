"""Shapes of the picture: scales, stacked columns, counters, arrows, text. Knows no kernel.

Time is area. A column of the picture, one unit wide, shows what share of its time each mode had by
the height of each colour; where one mode has all of it, that is a plain bar. So nothing that is
shorter than a column is left out or drawn larger than it was.
"""

from html import escape

UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
CHARACTER = 0.56  # of the font's size: a generous mean width


class Scale:
    """From nanoseconds to columns."""

    def __init__(self, begin, end, left, width):
        self.begin, self.end, self.left, self.width = begin, max(end, begin + 1), left, width

    def column(self, time):
        return (time - self.begin) * self.width / (self.end - self.begin)

    def x(self, time):
        return self.left + self.column(time)


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(x, y, words, kind="", anchor="start"):
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{number(x)}" y="{number(y)}" class="{kind}"{place}>{escape(words)}</text>'


def text_width(words, size):
    return len(words) * size * CHARACTER


def duration(nanoseconds, digits=3):
    """In the unit that suits it: 12.3 ms."""
    size, unit = unit_of(nanoseconds)
    value = nanoseconds / size
    whole = len(str(int(value)))
    return f"{value:.{max(0, digits - whole)}f} {unit}"


def unit_of(nanoseconds):
    return next(((size, unit) for size, unit in UNITS if nanoseconds >= size), UNITS[-1])


def stack_columns(pieces, scale, modes):
    """[[share of each of `modes`] for each column]; pieces have begin, end and mode."""
    columns = [[0.0] * len(modes) for _ in range(scale.width)]
    place = {mode: index for index, mode in enumerate(modes)}
    for begin, end, mode in pieces:
        low, high = scale.column(max(begin, scale.begin)), scale.column(min(end, scale.end))
        index = place[mode]
        for column in range(int(low), min(int(high) + 1, scale.width)):
            share = min(high, column + 1) - max(low, column)
            if share > 0:
                columns[column][index] += share
    return columns


def stacked_bars(pieces, scale, modes, y, height):
    """A path for each mode, the first one at the bottom."""
    paths = {mode: [] for mode in modes}
    columns = [bar_edges(shares, height) for shares in stack_columns(pieces, scale, modes)]
    begin = 0
    for column in range(1, len(columns) + 1):
        if column < len(columns) and columns[column] == columns[begin]:
            continue
        edges = [0.0, *columns[begin]]
        for mode, low, high in zip(modes, edges, edges[1:]):
            if high > low:
                paths[mode].append(
                    f"M{scale.left + begin} {number(y + height - high)}h{column - begin}"
                    f"v{number(high - low)}h{begin - column}z")
        begin = column
    return [f'<path class="{mode}" d="{"".join(path)}"/>' for mode, path in paths.items() if path]


def bar_edges(shares, height):
    """Where each part of the stack ends; rounded as sums, so that nothing is lost in between."""
    edges, total = [], 0.0
    for share in shares:
        total += share
        edges.append(round(min(total, 1.0) * height, 2))
    return edges


def counter(samples, scale, y, height, floor, top):
    """The mean in each column. From 0 it is an area; from elsewhere a line, so as not to show as a
    large difference what is a small one."""
    ground, factor = y + height, height / max(top - floor, 1)
    level = previous = None
    points = []
    for column, mean in enumerate(column_means(samples, scale)):
        level = number(ground - (mean - floor) * factor)
        if level != previous:
            points.append(f"H{scale.left + column}V{level}" if points else
                          f"M{scale.left} {level}")
            previous = level
    points.append(f"H{scale.left + scale.width}")
    if floor == 0:
        points.append(f"V{number(ground)}H{scale.left}z")
    return f'<path class="{"counter-line" if floor else "counter"}" d="{"".join(points)}"/>'


def column_means(samples, scale):
    ends = [sample.time for sample in samples[1:]] + [scale.end]
    means = [0.0] * scale.width
    for sample, end in zip(samples, ends):
        low, high = scale.column(sample.time), scale.column(end)
        for column in range(int(low), min(int(high) + 1, scale.width)):
            means[column] += max(0.0, min(high, column + 1) - max(low, column)) * sample.value
    return means


def arrow(kind, x, begin, end):
    """From one height to the other."""
    return (f'<line class="{kind}" x1="{number(x)}" y1="{number(begin)}" x2="{number(x)}" '
            f'y2="{number(end)}" marker-end="url(#{kind}-head)"/>')


def tick_step(span, count):
    """1, 2 or 5 times a power of ten: about `count` of them in the span."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if span / (step * factor) <= count:
                return step * factor
        step *= 10


def axis(scale, top, bottom, count=9):
    """Grid lines from top to bottom, with the time since the scale's begin below."""
    span = scale.end - scale.begin
    size, unit = unit_of(span)
    parts = []
    for time in range(0, span + 1, tick_step(span, count)):
        x = number(scale.x(scale.begin + time))
        parts.append(f'<line class="grid" x1="{x}" y1="{number(top)}" x2="{x}" '
                     f'y2="{number(bottom + 4)}"/>')
        parts.append(text(scale.x(scale.begin + time), bottom + 17,
                          f"{number(time / size)} {unit}", "axis", "middle"))
    return parts
