"""Draws a Model as one SVG: the whole run, and a typical handover enlarged. What a column means
stands in svg.py. Self-contained; light or dark as the browser wishes."""

from bisect import bisect_left, bisect_right
from html import escape

from timeline import closeup, lanes, svg
from timeline.model import IDLE, INTERRUPT, KERNEL, MODES, READY, USER
from timeline.style import STYLE

WIDTH, LEFT, PLOT = 1280, 176, 840
SHARES, SHARE_WIDTH = LEFT + PLOT + 62, 62  # right edge of the first column of numbers; their width
LANE, GAP, COUNTER = 26, 16, 34
CROWD, CROWD_WIDTH = 3, 4  # so many arrows within so many columns left and right are not drawn
STACK = (USER, KERNEL, INTERRUPT, READY, IDLE)  # upwards
BLOCKED = "lane-ground"  # the empty part of a process's lane
LEGEND = {USER: "user mode", KERNEL: "kernel mode", INTERRUPT: "interrupt", IDLE: "idle",
          READY: "waits for the CPU", BLOCKED: "waits for something else"}
ARROWS = {"switch": ("switch", "switches"), "wake": ("wake-up", "wake-ups")}


def text(model, title, lines, extent="The whole run"):
    """The file; `lines`: what was measured, in sentences, below the title; `extent`: how much of
    it the model is."""
    return Picture(title, lines, extent).draw(model)


class Picture:
    """Parts are added from top to bottom; `_y` is where the next one begins."""

    def __init__(self, title, lines, extent):
        self._title, self._lines, self._extent = title, lines, extent
        self._parts = []
        self._y = 0
        self._top = self._behind = 0  # of the panel: its first lane's y, and the part before that
        self._drawn = {}  # of the panel, {kind: (arrows drawn, of how many)}
        self._written = {}  # of the panel, {y: [x]} of the words beside arrows

    def draw(self, model):
        self._head()
        self._legend()
        zoom = closeup.choose(model)
        self._panel(model, self._extent,
                    "Where slices are too thin to be seen, heights are shares of time.",
                    lanes.percent, "share of the time")
        if zoom:
            self._mark(zoom, model)
        self._counters(model)
        self._end_panel(model)
        if zoom:
            part = model.cut(zoom.begin, zoom.end)
            self._panel(part, "One handover, enlarged", zoom.words, lanes.length,
                        "time in each mode", with_words=True)
            self._end_panel(part)
        return self._frame()

    def _frame(self):
        height = self._y + 10
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                f'viewBox="0 0 {WIDTH} {height}" role="img">')
        parts = [head, f"<title>{escape(self._title)}</title>",
                 f"<desc>{escape(' '.join(self._lines))}</desc>", STYLE,
                 f'<rect class="paper" width="{WIDTH}" height="{height}"/>', *self._parts, "</svg>"]
        return "\n".join(parts) + "\n"

    def _add(self, *arguments, **options):
        self._parts.append(svg.text(*arguments, **options))

    def _head(self):
        self._add(20, 36, self._title, "title")
        for number, line in enumerate(self._lines):
            self._add(20, 58 + 18 * number, line, "about")
        self._y = 58 + 18 * len(self._lines)

    def _legend(self):
        x, y = 20, self._y + 4
        for mode, words in LEGEND.items():
            self._parts.append(f'<rect class="{mode} legend-box" x="{x}" y="{y}" width="14" '
                               'height="14"/>')
            self._add(x + 20, y + 12, words)
            x += round(44 + svg.text_width(words, 13))
        for kind, (words, _) in ARROWS.items():
            self._parts.append(svg.arrow(kind, x + 6, y - 2, y + 16))
            self._add(x + 18, y + 12, words)
            x += round(42 + svg.text_width(words, 13))
        self._y = y + 22

    def _panel(self, model, title, words, as_words, numbers_title, with_words=False):
        """The lanes with their arrows; `as_words` and `numbers_title`: the times on the right."""
        self._add(20, self._y + 34, title, "panel")
        self._add(20, self._y + 52, words, "about")
        self._numbers_head(numbers_title)
        self._top, self._behind = self._y, len(self._parts)
        scale = scale_of(model)
        places = self._lanes(model, scale, as_words)
        self._drawn = self._arrows(model, places, scale, with_words)

    def _end_panel(self, model):
        """The time axis; its lines lie behind all that was drawn since."""
        self._parts[self._behind:self._behind] = svg.axis(scale_of(model), self._top - 4, self._y)
        self._y += 24
        parts = [f"{seen:,} of {count:,} {ARROWS[kind][1]}"
                 for kind, (seen, count) in self._drawn.items() if seen < count]
        if parts:
            self._y += 16
            self._add(LEFT, self._y, f"Drawn as arrows: {' and '.join(parts)}; the others are too "
                      "close together.", "axis")

    def _numbers_head(self, title):
        self._add(LEFT + PLOT + 24, self._y + 40, title, "axis")
        for column, mode in enumerate(MODES):
            self._add(SHARES + SHARE_WIDTH * column, self._y + 58, mode, "number-head",
                      anchor="end")
        self._y += 66

    def _lanes(self, model, scale, as_words):
        """Draws them; {thread, or ("cpu", number): y of its lane}."""
        places = {}
        for lane in lanes.choose(model):
            y = self._y
            self._parts.append(f"<g><title>{escape(lane.tip(model.span))}</title>")
            self._add(LEFT - 12, y + 18, lane.label, anchor="end")
            self._ground(y, LANE)
            self._parts += svg.stacked_bars(lane.pieces, scale, STACK, y, LANE)
            self._parts.append("</g>")
            self._label_slices(lane, model, scale)
            for column, mode in enumerate(lane.modes):
                self._add(SHARES + SHARE_WIDTH * column, y + 18,
                          as_words(lane.times[mode], model.span), "number", anchor="end")
            places.update(dict.fromkeys(lane.keys, y))
            self._y += LANE + GAP
        self._y -= GAP - 6
        return places

    def _ground(self, y, height):
        self._parts.append(f'<rect class="lane-ground" x="{LEFT}" y="{y}" width="{PLOT}" '
                           f'height="{height}"/>')

    def _label_slices(self, lane, model, scale):
        """Where there is room for the words."""
        for piece in lane.slices:
            begin, end = scale.x(piece.begin), scale.x(piece.end)
            words = lane.words(piece, model)
            if words and svg.text_width(words, 11) + 8 < end - begin:
                self._add((begin + end) / 2, self._y + 17, words, f"on-{piece.mode}",
                          anchor="middle")

    def _arrows(self, model, places, scale, with_words):
        """Draws those that can be told apart; {kind: (how many are, of how many)}."""
        drawn = {}
        self._written = {}
        for kind in ARROWS:
            arrows = [arrow for arrow in model.arrows if arrow.kind == kind]
            visible = lonely([scale.x(arrow.time) for arrow in arrows])
            for arrow in (arrow for arrow, seen in zip(arrows, visible) if seen):
                self._arrow(arrow, arrow_ends(arrow, places), scale.x(arrow.time), with_words)
            drawn[kind] = sum(visible), len(arrows)
        return drawn

    def _arrow(self, arrow, ends, x, with_words):
        if ends is None:  # within one lane
            return
        self._parts.append(svg.arrow(arrow.kind, x, *ends))
        words = arrow.why if arrow.kind == "switch" else "wakes"
        y = ends[0] + (11 if ends[0] < ends[1] else -4)
        width = svg.text_width(words, 10) + 8
        if with_words and not any(abs(x - other) < width for other in self._written.get(y, [])):
            self._add(x + 6, y, words, "why")
            self._written.setdefault(y, []).append(x)

    def _mark(self, zoom, model):
        """Where the enlarged part lies."""
        middle = svg.number(scale_of(model).x((zoom.begin + zoom.end) / 2))
        self._parts.append(f'<path class="mark" d="M{middle} {self._top - 2}l-5 -8h10z"/>')

    def _counters(self, model):
        for name, samples in model.counters.items():
            if not samples:
                continue
            self._y += 14
            values = [sample.value for sample in samples]
            top, floor = max(values), min(values) if min(values) > max(values) / 2 else 0
            self._add(LEFT - 12, self._y + 21, name, anchor="end")
            self._ground(self._y, COUNTER)
            self._parts.append(svg.counter(samples, scale_of(model), self._y, COUNTER, floor, top))
            self._add(LEFT + PLOT + 6, self._y + 8, f"{top:,}", "axis")
            self._add(LEFT + PLOT + 6, self._y + COUNTER, f"{floor:,}", "axis")
            self._y += COUNTER
        self._y += 4


def scale_of(model):
    return svg.Scale(model.begin, model.end, LEFT, PLOT)


def arrow_ends(arrow, places):
    """(y from, y to) of the lanes' facing edges; None when both are in one lane. An idle CPU, and
    one in an interrupt, is the CPU's lane."""
    cpu = places[("cpu", arrow.cpu)]
    by_interrupt = arrow.kind == "wake" and arrow.mode == INTERRUPT
    source = cpu if by_interrupt else places.get(arrow.source, cpu)
    target = places.get(arrow.target, cpu)
    if source == target:
        return None
    return (source + LANE, target) if source < target else (source, target + LANE)


def lonely(columns):
    """For each of them whether it can be seen: a pair is, a crowd is not."""
    return [bisect_right(columns, column + CROWD_WIDTH) - bisect_left(columns, column - CROWD_WIDTH)
            < CROWD for column in columns]
