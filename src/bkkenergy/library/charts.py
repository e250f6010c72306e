"""Charts as SVG that stands alone, in a notebook or as a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["Picture", "bars", "lines"]

WIDTH, HEIGHT = 760.0, 280.0
LEFT, RIGHT, TOP, FOOT = 66.0, 16.0, 44.0, 30.0
COLOURS = ("#0b7285", "#e8590c", "#868e96", "#5f3dc4")
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MAX_POINTS = 370
FONT = "font-family='sans-serif' font-size='12' fill='#343a40'"


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """A picture as SVG. A notebook shows it; `save` writes it.

    Attributes
    ----------
    svg : str
        The picture, without a script or an outside request.
    title : str
        What it shows.
    """

    svg: str
    title: str

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file.

        Parameters
        ----------
        path : str or Path
            Where to; its name should end with ``.svg``.

        Returns
        -------
        Path
            The file.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import bkkenergy as bk
        >>> picture = bk.charts.bars(["Jan", "Feb"], {"use": [3.0, 4.0]}, title="Use", unit="kWh")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     picture.save(pathlib.Path(folder) / "use.svg").stat().st_size > 500
        True
        """
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture: {self.title}>"


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values up a picture: from the lowest to the highest grid line."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float]) -> _Axis:
        known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(0.0, *known), max(0.0, *known)
        rough = (high - low) / 4 or 1.0
        magnitude = 10.0 ** math.floor(math.log10(rough))
        step = next(nice * magnitude for nice in STEPS if nice * magnitude >= rough * (1 - 1e-9))
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step or step, step)

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - FOOT) * (1 - (value - self.low) / (self.high - self.low))

    @property
    def ticks(self) -> list[float]:
        return [self.low + self.step * n for n in range(round((self.high - self.low) / self.step) + 1)]


def lines(series: Mapping[str, pd.Series], *, title: str, unit: str) -> Picture:
    """Draw series over time as lines; where a value is not known a line is broken.

    Parameters
    ----------
    series : mapping of str to Series
        Up to four series by name, with instants as index.
    title, unit : str
        What is drawn, and in which unit.

    Returns
    -------
    Picture
        SVG, which a notebook shows; `Picture.save` writes it.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.charts.lines({"office": bk.examples.office()["2025-11"]}, title="Use", unit="kWh")
    <Picture: Use>
    """
    index = pd.DatetimeIndex(next(iter(series.values())).index)
    start, span = index[0], max((index[-1] - index[0]).total_seconds(), 1.0)
    thin = {name: _thinned(values) for name, values in series.items()}
    axis = _Axis.over([float(value) for values in thin.values() for value in values])
    parts = [_frame(axis, title, unit, list(series))]
    parts += [_path(values, axis, colour, start, span) for values, colour in zip(thin.values(), COLOURS, strict=False)]
    for share in (0, 0.25, 0.5, 0.75, 1):
        at = start + pd.Timedelta(seconds=span * share)
        parts.append(
            _text(
                _x(share), HEIGHT - 10, f"{at:%Y-%m-%d}", "middle" if 0 < share < 1 else "start" if not share else "end"
            )
        )
    return Picture(_svg(title, parts), title)


def bars(labels: Sequence[str], groups: Mapping[str, Sequence[float]], *, title: str, unit: str) -> Picture:
    """Draw groups of values as bars side by side.

    Parameters
    ----------
    labels : sequence of str
        What stands below each place.
    groups : mapping of str to sequence of float
        Up to four groups by name, one value for each label; NaN leaves a place empty.
    title, unit : str
        What is drawn, and in which unit.

    Returns
    -------
    Picture
        SVG, which a notebook shows; `Picture.save` writes it.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.charts.bars(["Jan", "Feb"], {"2024": [3.0, 4.0], "2025": [2.0, 4.5]}, title="Use", unit="MWh")
    <Picture: Use>
    """
    axis = _Axis.over([value for values in groups.values() for value in values])
    parts = [_frame(axis, title, unit, list(groups) if len(groups) > 1 else [])]
    slot = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    width = slot * 0.8 / len(groups)
    for position, (name, values) in enumerate(groups.items()):
        for number, value in enumerate(values):
            if not math.isfinite(value):
                continue
            top, foot = axis.y(max(value, 0.0)), axis.y(min(value, 0.0))
            x = LEFT + slot * (number + 0.1) + width * position
            tip = escape(f"{labels[number]}: {name} {value:,.0f} {unit}")
            parts.append(
                f"<rect x='{x:.1f}' y='{top:.1f}' width='{width:.1f}' height='{foot - top:.1f}' "
                f"fill='{COLOURS[position % len(COLOURS)]}'><title>{tip}</title></rect>"
            )
    each = math.ceil(len(labels) / 12)
    parts += [
        _text(LEFT + slot * (number + 0.5), HEIGHT - 10, label, "middle")
        for number, label in enumerate(labels)
        if number % each == 0
    ]
    return Picture(_svg(title, parts), title)


def _thinned(values: pd.Series) -> pd.Series:
    """Return at most some hundred points: means of equal stretches."""
    count = math.ceil(len(values) / MAX_POINTS)
    if count == 1:
        return values
    groups = np.arange(len(values)) // count
    return pd.Series(values.groupby(groups).mean().to_numpy(), values.index[::count])


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _path(values: pd.Series, axis: _Axis, colour: str, start: pd.Timestamp, span: float) -> str:
    seconds = (pd.DatetimeIndex(values.index) - start).total_seconds()
    points = [(_x(second / span), float(value)) for second, value in zip(seconds, values, strict=True)]
    drawn = []
    for is_known, run in groupby(points, key=lambda point: math.isfinite(point[1])):
        if is_known:
            drawn.append("M" + " L".join(f"{x:.1f},{axis.y(value):.1f}" for x, value in run))
    return f"<path d='{' '.join(drawn)}' fill='none' stroke='{colour}' stroke-width='1.3'/>" if drawn else ""


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {FONT}>{escape(words)}</text>"


def _frame(axis: _Axis, title: str, unit: str, names: Sequence[str]) -> str:
    """Return the title, the grid with its values, and a legend."""
    parts = [_text(LEFT, 16, f"{title} [{unit}]", "start")]
    for tick in axis.ticks:
        y = axis.y(tick)
        parts.append(f"<line x1='{LEFT:g}' x2='{WIDTH - RIGHT:g}' y1='{y:.1f}' y2='{y:.1f}' stroke='#dee2e6'/>")
        parts.append(_text(LEFT - 8, y + 4, f"{tick:,.10g}", "end"))
    for number, name in enumerate(names):
        x = LEFT + 150 * number
        parts.append(f"<rect x='{x:g}' y='24' width='12' height='8' fill='{COLOURS[number % len(COLOURS)]}'/>")
        parts.append(_text(x + 17, 32, name, "start"))
    return "".join(parts)


def _svg(title: str, parts: Sequence[str]) -> str:
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH:g} {HEIGHT:g}' role='img'>"
    back = f"<rect width='{WIDTH:g}' height='{HEIGHT:g}' fill='#ffffff'/>"
    return f"{head}<title>{escape(title)}</title>{back}{''.join(parts)}</svg>"
