"""Pictures of a design as SVG: the roof to scale, bars, a waterfall of losses, lines over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from bkkenergy.readings import FloatArray
from bkkenergy.reports.chart import nice_step
from bkkenergy.solar.layout import Layout

WIDTH, HEIGHT = 760.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 84.0, 14.0, 18.0, 34.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its name under it, and its tooltip."""

    name: str
    value: float
    tooltip: str
    kind: str = "bar"
    floor: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line over the same steps as the others; kind is its class in the style sheet."""

    values: Sequence[float]
    kind: str


def _svg(
    body: Sequence[Markup], title: str, *, width: float = WIDTH, height: float = HEIGHT, kind: str = "chart"
) -> Markup:
    whole = Markup('<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>')
    return whole.format(kind, width, height, title, Markup("").join(body))


def _text(x: float, y: float, words: str, *, anchor: str = "middle", kind: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, words)


def _ticks(least: float, most: float) -> list[float]:
    step = nice_step(max(most - least, 1e-9), lines=4)
    first, last = math.floor(least / step), math.ceil(most / step)
    return [step * number for number in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class _Scale:
    ticks: list[float]

    def y(self, value: float) -> float:
        least, most = self.ticks[0], self.ticks[-1]
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - least) / (most - least))

    def grid(self, write: Callable[[float], str]) -> list[Markup]:
        line = Markup('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
        lines = [line.format(LEFT, WIDTH - RIGHT, self.y(tick), self.y(tick)) for tick in self.ticks]
        return lines + [_text(LEFT - 8, self.y(tick) + 4, write(tick), anchor="end") for tick in self.ticks]


def bars(bar_list: Sequence[Bar], title: str, write: Callable[[float], str]) -> Markup:
    """Draw upright bars from their base to their base + value."""
    tops = [bar.floor + bar.value for bar in bar_list]
    scale = _Scale(
        _ticks(min(0.0, *tops, *(bar.floor for bar in bar_list)), max(0.0, *tops, *(bar.floor for bar in bar_list)))
    )
    step = (WIDTH - LEFT - RIGHT) / len(bar_list)
    body = scale.grid(write)
    shape = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
    for number, bar in enumerate(bar_list):
        x = LEFT + step * number
        low, high = sorted((bar.floor, bar.floor + bar.value))
        height = max(0.8, scale.y(low) - scale.y(high))
        body.append(shape.format(bar.kind, x + step * 0.14, scale.y(high), step * 0.72, height, bar.tooltip))
        body.append(_text(x + step / 2, HEIGHT - 14, bar.name))
    return _svg(body, title)


def lines(
    line_list: Sequence[Line], names: Sequence[tuple[float, str]], title: str, write: Callable[[float], str]
) -> Markup:
    """Draw lines over even steps; names are (step, text) under the axis. A kind that ends in "area" is filled."""
    values = np.concatenate([np.asarray(line.values, np.float64) for line in line_list])
    scale = _Scale(_ticks(min(0.0, float(np.nanmin(values))), max(float(np.nanmax(values)), 1e-6)))
    count = len(line_list[0].values)
    body = scale.grid(write)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, count - 1)

    for line in line_list:
        points = " L".join(f"{x(at):.1f},{scale.y(value):.1f}" for at, value in enumerate(line.values))
        if line.kind.endswith("area"):
            foot = scale.y(0)
            path = Markup('<path class="{}" d="M{:.1f},{:.1f} L{} L{:.1f},{:.1f} Z"/>')
            body.append(path.format(line.kind, x(0), foot, points, x(count - 1), foot))
        else:
            body.append(Markup('<path class="line {}" d="M{}"/>').format(line.kind, points))
    at_the_edge = WIDTH - RIGHT - 1
    body += [
        _text(x(step), HEIGHT - 12, words, anchor="end" if x(step) > at_the_edge else "middle") for step, words in names
    ]
    return _svg(body, title)


def tornado(
    rows: Sequence[tuple[str, float, float]], middle: float, title: str, write: Callable[[float], str]
) -> Markup:
    """Draw bars to both sides of a value, the widest on top: (name, with less, with more)."""
    height = 40.0 + 34 * len(rows)
    values = [value for _, less, more in rows for value in (less, more)]
    least, most = min(values), max(values)
    span = max(most - least, 1e-9)
    left, right = 170.0, 24.0

    def x(value: float) -> float:
        return left + (WIDTH - left - right) * (value - least) / span

    shape = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="20"><title>{}</title></rect>')
    body = []
    for row, (name, less, more) in enumerate(rows):
        y = 12 + 34 * row
        body.append(_text(left - 12, y + 15, name, anchor="end"))
        for kind, value in (("less", less), ("more", more)):
            low, high = sorted((middle, value))
            body.append(shape.format(kind, x(low), y, max(1.0, x(high) - x(low)), write(value)))
    line = Markup('<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="4" y2="{:.1f}"/>')
    body.append(line.format(x(middle), x(middle), height - 26))
    body.append(_text(x(middle), height - 8, write(middle), kind="note"))
    body.append(_text(left, height - 8, write(least), anchor="start"))
    body.append(_text(WIDTH - right, height - 8, write(most), anchor="end"))
    return _svg(body, title, height=height)


def _outlines(corners: FloatArray) -> str:
    """Return the outlines of (k, 4, 2) quadrangles as one path: a large roof has twenty thousand modules."""
    steps = np.rint(corners * 10)
    steps[:, 1:] -= steps[:, :-1].copy()  # most modules are alike: what repeats is packed small
    return "M%g,%gl%g,%g %g,%g %g,%gz" * len(steps) % tuple((steps / 10).ravel().tolist())


def roof_plan(layout: Layout, title: str, metres: str, north: str) -> Markup:
    """Draw the roof from above, to scale: outline, obstacles, modules, north, and a bar of metres."""
    outline = np.asarray(layout.roof.outline_m, np.float64)
    low, high = outline.min(axis=0), outline.max(axis=0)
    width_m, height_m = (high - low).tolist()
    pad, side = 34.0, 64.0  # the arrow's word has the side for itself
    scale = min((WIDTH - 2 * side) / width_m, 420.0 / height_m)
    height = height_m * scale + 2 * pad + 22
    indent = (WIDTH - width_m * scale) / 2

    def in_picture(points: FloatArray) -> FloatArray:
        return np.stack([indent + (points[..., 0] - low[0]) * scale, pad + (high[1] - points[..., 1]) * scale], -1)

    def points_of(points: FloatArray) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in in_picture(points).tolist())

    shape = Markup('<polygon class="{}" points="{}"/>')
    body = [shape.format("roof", points_of(outline))]
    body += [shape.format("hole", points_of(np.asarray(hole, np.float64))) for hole in layout.roof.holes_m]
    body.append(Markup('<path class="module" d="{}"/>').format(_outlines(in_picture(layout.corners_m))))
    body += [
        shape.format("obstacle", points_of(np.asarray(box.outline_m, np.float64))) for box in layout.roof.obstacles
    ]
    bar_m = nice_step(width_m / 3, lines=1)
    foot = height - 18
    body.append(
        Markup('<path class="scale" d="M{:.1f},{:.1f} v6 h{:.1f} v-6"/>').format(indent, foot - 6, bar_m * scale)
    )
    body.append(_text(indent + bar_m * scale + 8, foot + 4, f"{bar_m:g} {metres}", anchor="start"))
    body.append(Markup('<path class="north" d="M{:.1f},32 l-7,0 l7,-22 l7,22 z"/>').format(WIDTH - 24))
    body.append(_text(WIDTH - 6, 48, north, anchor="end", kind="note"))  # larger on a phone: it grows to the left
    return _svg(body, title, height=height, kind="plan")
