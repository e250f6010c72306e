"""Series drawn as SVG inside a page: no script, no outside request, sharp in print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

Values = Sequence[float | None]
NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
HOURS = 24


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing area inside a picture, in its units, and what it spans."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    most: float

    def x(self, hour: float) -> float:
        """Return the position across for an hour of the day."""
        return self.left + (self.width - self.left - self.right) * hour / HOURS

    def y(self, value: float) -> float:
        """Return the position down for a value."""
        return self.top + (self.height - self.top - self.bottom) * (1 - value / self.most)


def nice_step(most: float, *, lines: int) -> float:
    """Return a round distance between grid lines, so that about `lines` of them reach `most`."""
    if most <= 0:
        return 1.0
    rough = most / lines
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(step * magnitude for step in NICE_STEPS if step * magnitude >= rough * (1 - 1e-9))


def day_profile(actual_kw: Values, usual_kw: Values, *, labels: ProfileLabels) -> Markup:
    """Draw mean power of each hour as an area, with the usual day as a dashed line over it."""
    if not labels.ticks:
        return Markup('<p class="empty">{}</p>').format(labels.empty)
    frame = Frame(760, 280, 66, 26, 26, 30, max(labels.ticks))
    parts = [_grid(frame, labels), _area(frame, actual_kw), _line(frame, usual_kw, "usual")]
    parts += [_line(frame, actual_kw, "actual"), _peak_dot(frame, actual_kw, labels), _hover(frame, labels)]

    svg = Markup('<svg class="profile" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>')
    return svg.format(frame.width, frame.height, labels.title, Markup("").join(parts))


@dataclass(frozen=True, slots=True)
class ProfileLabels:
    """The words of a profile, already in the reader's language.

    ticks : the grid's values and how each is written, from zero up; values : a text for each hour.
    """

    title: str
    empty: str
    peak: str
    ticks: dict[float, str]
    values: Sequence[str]


def tick_values(actual_kw: Values, usual_kw: Values) -> list[float]:
    """Return round values for a profile's grid, from zero to above its highest; none where nothing is known."""
    known = [value for value in (*actual_kw, *usual_kw) if value is not None]
    if not known:
        return []
    step = nice_step(max(known), lines=4)
    return [step * n for n in range(max(1, math.ceil(max(known) / step)) + 1)]


def sparkline(values: Values, usual: Values, *, label: str) -> Markup:
    """Draw a small profile for a table's cell."""
    known = [value for value in (*values, *usual) if value is not None]
    if not known or max(known) <= 0:
        return Markup('<span class="empty">–</span>')
    frame = Frame(120, 30, 1, 2, 1, 2, max(known))
    return Markup('<svg class="spark" viewBox="0 0 120 30" role="img" aria-label="{}">{}{}{}</svg>').format(
        label, _area(frame, values), _line(frame, usual, "usual"), _line(frame, values, "actual")
    )


def _runs(values: Values) -> list[list[tuple[int, float]]]:
    """Split a profile into stretches of known hours: a gap stays a gap."""
    hours = [(hour, value) for hour, value in enumerate(values)]
    return [
        [(hour, value) for hour, value in run if value is not None]
        for is_known, run in groupby(hours, key=lambda pair: pair[1] is not None)
        if is_known
    ]


def _steps(frame: Frame, run: Sequence[tuple[int, float]]) -> str:
    """Draw a path along hourly means, each level for its hour."""
    points = [f"{frame.x(h):.1f},{frame.y(v):.1f} {frame.x(h + 1):.1f},{frame.y(v):.1f}" for h, v in run]
    return " L".join(points)


def _line(frame: Frame, values: Values, kind: str) -> Markup:
    paths = " ".join(f"M{_steps(frame, run)}" for run in _runs(values))
    return Markup('<path class="line {}" d="{}"/>').format(kind, paths) if paths else Markup("")


def _area(frame: Frame, values: Values) -> Markup:
    foot = f"{frame.y(0):.1f}"
    paths = " ".join(
        f"M{frame.x(run[0][0]):.1f},{foot} L{_steps(frame, run)} L{frame.x(run[-1][0] + 1):.1f},{foot} Z"
        for run in _runs(values)
    )
    return Markup('<path class="area" d="{}"/>').format(paths) if paths else Markup("")


def _text(x: float, y: float, kind: str, anchor: str, words: str) -> Markup:
    text = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return text.format(kind, x, y, anchor, words)


def _grid(frame: Frame, labels: ProfileLabels) -> Markup:
    line = Markup('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    right = frame.width - frame.right
    lines = [line.format(frame.left, right, frame.y(tick), frame.y(tick)) for tick in labels.ticks]
    up = [_text(frame.left - 8, frame.y(tick) + 4, "tick", "end", text) for tick, text in labels.ticks.items()]
    across = [
        _text(frame.x(hour), frame.height - 10, "tick", "middle", f"{hour:02d}:00") for hour in range(0, HOURS + 1, 3)
    ]
    return Markup("").join([*lines, *up, *across])


def _peak_dot(frame: Frame, values: Values, labels: ProfileLabels) -> Markup:
    """Mark the highest hour and label it beside its dot."""
    known = [(value, hour) for hour, value in enumerate(values) if value is not None]
    if not known:
        return Markup("")
    value, hour = max(known)
    x, y = frame.x(hour + 0.5), frame.y(value)
    anchor = "end" if hour > HOURS * 0.8 else "start" if hour < HOURS * 0.2 else "middle"
    dot = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, y)
    return dot + _text(x, max(y - 9, 14), "note", anchor, labels.peak)


def _hover(frame: Frame, labels: ProfileLabels) -> Markup:
    """Draw an unseen column over each hour; its tooltip shows the hour's figures."""
    column = Markup('<rect class="hover" x="{:.1f}" y="{:g}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
    width, height = frame.x(1) - frame.x(0), frame.y(0) - frame.top
    return Markup("").join(
        column.format(frame.x(hour), frame.top, width, height, text) for hour, text in enumerate(labels.values)
    )
