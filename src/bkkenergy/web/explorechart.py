"""The explorer's picture as SVG: for the first sight, for print, and where no script runs.

Lines and bars stretch with the page, while texts stay as large as they are: no text shrinks on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.reports.chart import nice_step

TOP, PLOT, FOOT = 26, 270, 26
SMALL_TOP, SMALL_PLOT = 18, 70
WIDE, HIGH = 1000.0, 100.0
"""Units of the part that stretches."""
AIR_RATIO = 0.16
"""Share of a bar's width that is left free."""
GRID_LINES = 4
MAX_STEPS = 3000
"""More steps than this are drawn some together."""
MARK_PX, HALF = 22, 0.5
"""How far notes of one instant are from one another: to the right in the left half, else to the left."""


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A text under the picture. x : 0..1. is_minor : left out where there is little space."""

    x: float
    text: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class HoverStep:
    """What pointing at a step says, and the address that a click on it leads to; "" for none."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn.

    edges : (n+1,) where steps begin and end, 0..1. values : (n,). complete, estimated : (n,) how each is known; what is
    not complete is drawn as such. compared, low, high : (n,) the second line and its interval.
    from_zero : whether the foot is zero. hovers : one a step, or none at all.
    closed : spans of closed days, 0..1. marks : (x, number) of notes.
    """

    title: str
    edges: FloatArray
    values: FloatArray
    complete: BoolArray
    estimated: BoolArray
    compared: FloatArray | None
    low: FloatArray | None
    high: FloatArray | None
    is_bars: bool
    from_zero: bool
    closed: Sequence[tuple[float, float]]
    marks: Sequence[tuple[float, int]]
    ticks: Sequence[TimeTick]
    hovers: Sequence[HoverStep]
    number: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Range:
    """The values from the foot to the top of a picture, with the grid's between them."""

    least: float
    most: float
    grid: Sequence[float]

    @classmethod
    def of(cls, arrays: Sequence[FloatArray | None], *, from_zero: bool) -> Range | None:
        """Return a range with round ends that holds all values; None where there are none."""
        known = [array[np.isfinite(array)] for array in arrays if array is not None]
        values = np.concatenate(known) if known else np.empty(0)
        if len(values) == 0:
            return None
        least, most = float(values.min()), float(values.max())
        if from_zero:
            least, most = min(least, 0.0), max(most, 0.0)
        step = nice_step(max(most - least, abs(most) * 1e-3, 1e-6), lines=GRID_LINES)
        first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
        last = max(last, first + 1)
        return cls(first * step, last * step, [step * number for number in range(first, last + 1)])

    def y(self, value: float) -> float:
        """Return how far down a value is, 0..1."""
        return 1 - (value - self.least) / (self.most - self.least)


def picture(drawing: Drawing) -> Markup:
    """Draw a series, what it is compared with, and how it is known."""
    shown = Range.of((drawing.values, drawing.compared, drawing.low, drawing.high), from_zero=drawing.from_zero)
    if shown is None:
        return Markup("")
    parts = [
        _hatch(),
        *_closed(drawing, TOP, PLOT),
        *_grid(shown, TOP, PLOT),
        *_estimated(drawing),
        _stretched(list(_lines(drawing, shown)), TOP, PLOT),
        *_heights(shown, drawing.number, TOP, PLOT),
        *_ticks(drawing.ticks, TOP + PLOT),
        Markup('<g aria-hidden="true">{}</g>').format(Markup("").join(_hovers(drawing))),
        *_marks(drawing.marks),
    ]
    role = "group" if any(hover.address for hover in drawing.hovers) else "img"
    return _svg("explored", TOP + PLOT + FOOT, drawing.title, parts, role)


def strip(title: str, edges: FloatArray, values: FloatArray, number: Callable[[float], str]) -> Markup:
    """Draw the weather below the picture, over the same time."""
    shown = Range.of((values,), from_zero=False)
    if shown is None:
        return Markup("")
    few = Range(shown.least, shown.most, [shown.least, shown.most])
    path = Markup('<path class="weather" d="{}"/>').format(_steps(edges, values, np.isfinite(values), shown))
    parts = [
        *_grid(few, SMALL_TOP, SMALL_PLOT),
        _stretched([path], SMALL_TOP, SMALL_PLOT),
        *_heights(few, number, SMALL_TOP, SMALL_PLOT),
    ]
    return _svg("explored strip", SMALL_TOP + SMALL_PLOT + 6, title, parts)


def _svg(kind: str, height: int, title: str, parts: Sequence[Markup], role: str = "img") -> Markup:
    """Put a picture together. With links it is a group: in an "img" readers of the screen find none."""
    whole = Markup('<svg class="{}" width="100%" height="{}" role="{}" aria-label="{}">{}</svg>')
    return whole.format(kind, height, role, title, Markup("").join(parts))


def _stretched(parts: Sequence[Markup], top: int, height: int) -> Markup:
    inner = Markup(
        '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 {:g} {:g}" preserveAspectRatio="none">{}</svg>'
    )
    return inner.format(top, height, WIDE, HIGH, Markup("").join(parts))


def _hatch() -> Markup:
    return Markup(
        '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="hatching" x1="0" x2="0" y1="0" y2="7"/></pattern></defs>'
    )


def _band(kind: str, start: float, end: float, top: int, height: int) -> Markup:
    band = Markup('<rect class="{}" x="{:.3f}%" width="{:.3f}%" y="{}" height="{}"/>')
    return band.format(kind, start * 100, (end - start) * 100, top, height)


def _closed(drawing: Drawing, top: int, height: int) -> Iterator[Markup]:
    return (_band("closed", start, end, top, height) for start, end in drawing.closed)


def _estimated(drawing: Drawing) -> Iterator[Markup]:
    """Hatch the time whose energy was estimated."""
    for first, end in runs(drawing.estimated):
        yield _band("estimated", drawing.edges[first], drawing.edges[end], TOP, PLOT)


def _grid(shown: Range, top: int, height: int) -> Iterator[Markup]:
    line = Markup('<line class="grid" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>')
    return (line.format(top + height * shown.y(value)) for value in shown.grid)


def _heights(shown: Range, number: Callable[[float], str], top: int, height: int) -> Iterator[Markup]:
    """Write the grid's values over what is drawn."""
    text = Markup('<text class="height" x="2" y="{:.1f}">{}</text>')
    return (text.format(top + height * shown.y(value) - 4, number(value)) for value in shown.grid)


def _ticks(ticks: Sequence[TimeTick], foot: int) -> Iterator[Markup]:
    line = Markup('<line class="axis{}" x1="{:.3f}%" x2="{:.3f}%" y1="{}" y2="{}"/>')
    text = Markup('<text class="tick{}" x="{:.3f}%" y="{}" dx="{}" text-anchor="{}">{}</text>')
    for tick in ticks:
        minor, is_last = " minor" if tick.is_minor else "", tick.x > 1 - 1 / 16
        yield line.format(minor, tick.x * 100, tick.x * 100, foot, foot + 6)
        yield text.format(
            minor, tick.x * 100, foot + 19, -2 if is_last else 2, "end" if is_last else "start", tick.text
        )


def _hovers(drawing: Drawing) -> Iterator[Markup]:
    """Draw an unseen column over each step: its tooltip says the figures, a click on it leads to the day."""
    link = Markup('<a href="{}" tabindex="-1">{}</a>')
    column = Markup('<rect class="hover" x="{:.3f}%" width="{:.3f}%" y="{}" height="{}"><title>{}</title></rect>')
    for number, hover in enumerate(drawing.hovers):
        start, end = drawing.edges[number], drawing.edges[number + 1]
        over = column.format(start * 100, (end - start) * 100, TOP, PLOT, hover.text)
        yield link.format(hover.address, over) if hover.address else over


def _marks(marks: Sequence[tuple[float, int]]) -> Iterator[Markup]:
    """Draw numbered notes; those of one instant beside one another."""
    line = Markup('<line class="mark" x1="{:.3f}%" x2="{:.3f}%" y1="{}" y2="{}"/>')
    disc = Markup(
        '<g transform="translate({} 0)"><circle class="mark" cx="{:.3f}%" cy="11" r="10"/>'
        '<text class="mark" x="{:.3f}%" y="15.5">{}</text></g>'
    )
    beside: dict[float, int] = {}
    for x, number in marks:
        at = min(max(x, 0.015), 0.985) * 100
        shift = beside.get(x, 0)
        beside[x] = shift + (MARK_PX if x < HALF else -MARK_PX)
        yield line.format(x * 100, x * 100, 21, TOP + PLOT) + disc.format(shift, at, at, number)


def _lines(drawing: Drawing, shown: Range) -> Iterator[Markup]:
    path = Markup('<path class="{}" d="{}"/>')
    edges, values = drawing.edges, drawing.values
    if drawing.low is not None and drawing.high is not None:
        yield path.format("interval", _between(edges, drawing.low, drawing.high, shown))
    partial = ~drawing.complete & np.isfinite(values)
    if drawing.is_bars:
        yield path.format("bar", _bars(edges, values, drawing.complete, shown))
        yield path.format("bar partial", _bars(edges, values, partial, shown))
    else:
        yield path.format("area", _steps(edges, values, drawing.complete, shown, foot=shown.y(max(shown.least, 0.0))))
        yield path.format("line", _steps(edges, values, drawing.complete, shown))
        yield path.format("line partial", _steps(edges, values, partial, shown))
    if drawing.compared is not None:
        known = np.isfinite(drawing.compared)
        yield path.format("line compared", _steps(edges, drawing.compared, known, shown))


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Return (first, end) of each stretch of steps that are so, half-open."""
    changes = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in changes.reshape(-1, 2)]


def _steps(edges: FloatArray, values: FloatArray, flags: BoolArray, shown: Range, foot: float | None = None) -> str:
    """Return a path along means, each level for its step; down to the foot where one is given.

    Of more steps than a screen has dots, the lowest and highest of some together are drawn: no peak is left out.
    """
    parts, together = [], -(-len(values) // MAX_STEPS)
    for first, end in runs(flags):
        points = []
        for n in range(first, end, together):
            after = min(n + together, end)
            high, low = (shown.y(extreme) * HIGH for extreme in (values[n:after].max(), values[n:after].min()))
            points.append(f"V{high:.2f}" + (f"V{low:.2f}" if together > 1 and foot is None else ""))
            points.append(f"H{edges[after] * WIDE:.2f}")
        x = f"{edges[first] * WIDE:.2f}"
        if foot is None:
            parts.append(f"M{x},{shown.y(values[first]) * HIGH:.2f}{''.join(points)}")
        else:
            parts.append(f"M{x},{foot * HIGH:.2f}{''.join(points)}V{foot * HIGH:.2f}Z")
    return "".join(parts)


def _bars(edges: FloatArray, values: FloatArray, flags: BoolArray, shown: Range) -> str:
    foot = shown.y(0.0) * HIGH
    parts = []
    for n in np.flatnonzero(flags).tolist():
        air = (edges[n + 1] - edges[n]) * AIR_RATIO / 2
        left, right = (edges[n] + air) * WIDE, (edges[n + 1] - air) * WIDE
        parts.append(f"M{left:.2f},{foot:.2f}V{shown.y(values[n]) * HIGH:.2f}H{right:.2f}V{foot:.2f}Z")
    return "".join(parts)


def _between(edges: FloatArray, low: FloatArray, high: FloatArray, shown: Range) -> str:
    """Return the area between two lines."""
    parts = []
    for first, end in runs(np.isfinite(low) & np.isfinite(high)):
        there = [f"V{shown.y(high[n]) * HIGH:.2f}H{edges[n + 1] * WIDE:.2f}" for n in range(first, end)]
        back = [f"V{shown.y(low[n]) * HIGH:.2f}H{edges[n] * WIDE:.2f}" for n in range(end - 1, first - 1, -1)]
        parts.append(f"M{edges[first] * WIDE:.2f},{shown.y(high[first]) * HIGH:.2f}{''.join(there)}{''.join(back)}Z")
    return "".join(parts)
