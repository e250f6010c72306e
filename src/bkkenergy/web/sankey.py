"""A Sankey picture: where energy came from and went, as SVG inside a page, with words and figures beside each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, BAR, GAP, TOP, LINE = 960.0, 14.0, 22.0, 8.0, 21.0
MIN_HEIGHT, ENERGY_HEIGHT = 3.0, 300.0
NAME_WIDTH = 320.0
"""At most so much is left for the words of the last column."""


@dataclass(frozen=True, slots=True)
class SankeyBar:
    """A bar of the picture. above : the key of the bar that it is a part of, or of the one that it flows into.

    column : counted from the left. colour : its class. label, figure : the words beside it.
    """

    key: str
    above: str
    column: int
    energy_kwh: float
    colour: str
    label: str
    figure: str


@dataclass(frozen=True, slots=True)
class _Bar:
    part: SankeyBar
    x: float
    y: float
    height: float


def sankey(parts: Sequence[SankeyBar], root: str, *, title: str) -> Markup:
    """Return the picture; nothing where there is no energy. Parts of no energy are left out.

    root : the bar that sources flow into (column 0 beside it) and parts come from.
    """
    drawn = [part for part in parts if part.energy_kwh > 0]
    whole = next((part.energy_kwh for part in drawn if part.key == root), 0.0)
    if whole <= 0 or len(drawn) < 2:  # noqa: PLR2004 - a bar alone shows nothing
        return Markup("")
    per_kwh = ENERGY_HEIGHT / max(whole, *(_column_kwh(drawn, column) for column in {part.column for part in drawn}))
    bars = _placed(drawn, per_kwh)
    bottom = max(bar.y + max(bar.height, 2 * LINE) for bar in bars.values()) + TOP
    shapes = [_ribbon(bar, bars[bar.part.above], offset, is_source=bar.part.column < bars[root].part.column)
              for bar, offset in _offsets(bars, root)]  # fmt: skip
    shapes += [_bar(bar) for bar in bars.values()]
    label = f"{title}: " + ", ".join(f"{part.label} {part.figure}" for part in drawn)
    svg = Markup('<svg class="sankey" viewBox="0 0 {:g} {:.0f}" role="img" aria-label="{}">{}</svg>')
    return svg.format(WIDTH, bottom, label, Markup("").join(shapes))


def _column_kwh(parts: Sequence[SankeyBar], column: int) -> float:
    return sum(part.energy_kwh for part in parts if part.column == column)


def _placed(parts: Sequence[SankeyBar], per_kwh: float) -> dict[str, _Bar]:
    """Place each column's bars below each other, as high as their energy, with room for their words."""
    columns = max(part.column for part in parts)
    step = (WIDTH - min(WIDTH / (columns + 1), NAME_WIDTH) - BAR) / max(columns, 1)
    bars: dict[str, _Bar] = {}
    for column in range(columns + 1):
        y = TOP
        for part in (one for one in parts if one.column == column):
            height = max(part.energy_kwh * per_kwh, MIN_HEIGHT)
            bars[part.key] = _Bar(part, column * step, y, height)
            y += max(height, 2 * LINE) + GAP
    return bars


def _offsets(bars: Mapping[str, _Bar], root: str) -> list[tuple[_Bar, float]]:
    """Return each bar with how far down the bar above it its ribbon begins."""
    used: dict[tuple[str, bool], float] = {}
    offsets = []
    for bar in bars.values():
        if bar.part.above not in bars:
            continue
        side = (bar.part.above, bar.part.column < bars[root].part.column)
        offsets.append((bar, used.get(side, 0.0)))
        used[side] = used.get(side, 0.0) + bar.height
    return offsets


def _ribbon(bar: _Bar, above: _Bar, offset: float, *, is_source: bool) -> Markup:
    """Draw what flows between two bars, as wide as it is energy."""
    left, right = (bar, above) if is_source else (above, bar)
    from_y, to_y = (bar.y, above.y + offset) if is_source else (above.y + offset, bar.y)
    begin, end = left.x + BAR, right.x
    middle, height = (begin + end) / 2, bar.height
    path = Markup(
        '<path class="flow {}" d="M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}V{:.1f}'
        'C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}Z"><title>{} {}</title></path>'
    )
    return path.format(
        bar.part.colour, begin, from_y, middle, from_y, middle, to_y, end, to_y, to_y + height,
        middle, to_y + height, middle, from_y + height, begin, from_y + height, bar.part.label, bar.part.figure,
    )  # fmt: skip


def _bar(bar: _Bar) -> Markup:
    text = Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:g}" height="{:.1f}"/>'
        '<text class="name" x="{:.1f}" y="{:.1f}">{}</text><text class="tick" x="{:.1f}" y="{:.1f}">{}</text>'
    )
    x = bar.x + BAR + 6
    y = bar.y + max(min(bar.height / 2 - 3, bar.height), 12)
    return text.format(
        bar.part.colour, bar.x, bar.y, BAR, bar.height, x, y, bar.part.label, x, y + LINE, bar.part.figure
    )
