"""Bars and heat maps as SVG inside a page: no script, no outside request."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from bkkenergy.readings import FloatArray
from bkkenergy.reports.chart import nice_step

HOURS = 24
HALF_A_LABEL = 40.0
"""Of a date under a bar as phones show it: nearer to the edge it is set to the left."""
HEAT_COLOURS = np.array([[255, 248, 225], [245, 176, 65], [186, 74, 0], [84, 22, 8]], np.float64)
NO_COLOUR = (226, 232, 235)


@dataclass(frozen=True, slots=True)
class Column:
    """A bar: what was used and expected, the label under it (nothing for most), and its tooltip.

    ahead : what is forecast, on top of what was used.
    """

    value: float | None
    expected: float | None
    label: str
    tooltip: str
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Bars:
    """The drawing area of bars, and the value at its top."""

    count: int
    most: float
    width: float = 760.0
    height: float = 240.0
    left: float = 66.0
    right: float = 8.0
    top: float = 14.0
    foot: float = 28.0

    @property
    def slot(self) -> float:
        """How wide a bar with its air is."""
        return (self.width - self.left - self.right) / self.count

    def y(self, value: float) -> float:
        """Return the position down for a value."""
        return self.top + (self.height - self.top - self.foot) * (1 - value / self.most)


def bars(columns: Sequence[Column], *, title: str, number: Callable[[float], str]) -> Markup:
    """Draw use as bars, what was expected as a mark over each."""
    tops = [column.value if column.value is None else column.value + column.ahead for column in columns]
    known = [value for value in (*tops, *(column.expected for column in columns)) if value is not None]
    if not known or max(known) <= 0:
        return Markup("")
    step = nice_step(max(known), lines=4)
    ticks = [step * n for n in range(math.ceil(max(known) / step - 1e-9) + 1)]
    frame = Bars(len(columns), ticks[-1])
    body = [_tick(frame, tick, number(tick)) for tick in ticks]
    body += [_column(frame, position, column) for position, column in enumerate(columns)]
    svg = Markup('<svg class="bars" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>')
    return svg.format(frame.width, frame.height, title, Markup("").join(body))


def _tick(frame: Bars, value: float, text: str) -> Markup:
    y = frame.y(value)
    line = Markup('<line class="grid" x1="{:.0f}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>')
    words = Markup('<text class="tick" x="{:.0f}" y="{:.1f}" text-anchor="end">{}</text>')
    return line.format(frame.left, frame.width - frame.right, y, y) + words.format(frame.left - 8, y + 4, text)


def _column(frame: Bars, position: int, column: Column) -> Markup:
    x, slot = frame.left + frame.slot * position, frame.slot
    body = Markup("")
    if column.value is not None:
        bar = Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
        body += bar.format(x + slot * 0.14, frame.y(column.value), slot * 0.72, frame.y(0) - frame.y(column.value))
    if column.value is not None and column.ahead > 0:
        bar = Markup('<rect class="bar ahead" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
        top, foot = frame.y(column.value + column.ahead), frame.y(column.value)
        body += bar.format(x + slot * 0.14, top, slot * 0.72, foot - top)
    if column.expected is not None:
        mark = Markup('<line class="expected" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
        body += mark.format(x + 1, x + slot - 1, frame.y(column.expected), frame.y(column.expected))
    label = Markup('<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="{}">{}</text>')
    is_last = frame.width - x - slot / 2 < HALF_A_LABEL
    at = (x + slot, "end") if is_last else (x + slot / 2, "middle")
    under = label.format(at[0], frame.height - 8, at[1], column.label) if column.label else Markup("")
    return Markup("<g>{}<title>{}</title></g>").format(body, column.tooltip) + under


@dataclass(frozen=True, slots=True)
class Sheet:
    """The drawing area of a heat map: a large one with hours beside it, or a small one."""

    width: float
    height: float
    left: float
    foot: float
    hours: tuple[int, ...]

    @property
    def inner(self) -> tuple[float, float]:
        """Width and height of the coloured part."""
        return self.width - self.left - 8, self.height - self.foot


LARGE = Sheet(760, 234, 64, 28, (0, 6, 12, 18, 24))
SMALL = Sheet(360, 96, 4, 14, ())


def heat_map(
    heat_kw: Sequence[Sequence[float | None]] | FloatArray,
    labels: Sequence[tuple[int, str]],
    *,
    title: str,
    sheet: Sheet = LARGE,
    days: Sequence[tuple[str, str]] = (),
) -> Markup:
    """Draw days across, hours down, colour by power from nothing to the highest; labels : (day number, text) under
    it. days : the address that a click on each day leads to, and what pointing at it says; none in reports.
    """
    grid = heat_kw if isinstance(heat_kw, np.ndarray) else as_grid(heat_kw)
    if not np.isfinite(grid).any():
        return Markup("")
    wide, high = sheet.inner
    image = Markup(
        '<image x="{:g}" y="0" width="{:.1f}" height="{:.1f}" preserveAspectRatio="none" '
        'image-rendering="pixelated" href="data:image/png;base64,{}"/>'
    ).format(sheet.left, wide, high, base64.b64encode(png(coloured(grid.T))).decode())
    hour_text = Markup('<text class="tick" x="{:.0f}" y="{:.1f}" text-anchor="end">{:02d}:00</text>')
    down = [hour_text.format(sheet.left - 6, min(max(high * hour / HOURS + 4, 15), high), hour) for hour in sheet.hours]
    day_text = Markup('<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="start">{}</text>')
    below = [
        day_text.format(sheet.left + wide * day / len(grid), sheet.height - (8 if sheet.hours else 4), text)
        for day, text in labels
    ]
    # A picture with links is no "img", in which readers of the screen find none; the page has each link elsewhere too.
    svg = Markup('<svg class="heat" viewBox="0 0 {:g} {:g}" role="{}" aria-label="{}">{}</svg>')
    over = Markup("").join(
        _day_link(sheet.left + wide * day / len(grid), wide / len(grid), high, *each) for day, each in enumerate(days)
    )
    links = Markup('<g aria-hidden="true">{}</g>').format(over) if days else Markup("")
    role, inner = "group" if days else "img", Markup("").join([image, *down, *below, links])
    return svg.format(sheet.width, sheet.height, role, title, inner)


def _day_link(x: float, width: float, height: float, address: str, text: str) -> Markup:
    return Markup(  # noqa: S704 - both texts are escaped; `Markup.format` takes twenty times as long, 365 times a page
        f'<a href="{escape(address)}" tabindex="-1">'
        f'<rect class="hover" x="{x:.2f}" width="{width:.2f}" height="{height:g}">'
        f"<title>{escape(text)}</title></rect></a>"
    )


def heat_legend(most: str, *, none: str) -> Markup:
    """Draw the scale from nothing to the highest, and the colour of what has no data."""
    stops = ",".join(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in HEAT_COLOURS)
    scale = Markup('<span class="scale"><span>0</span><i style="background:linear-gradient(to right,{})"></i>')
    rest = Markup('<span>{}</span></span><span class="scale"><i class="none" style="background:{}"></i>{}</span>')
    return scale.format(stops) + rest.format(most, "rgb({} {} {})".format(*NO_COLOUR), none)


def as_grid(heat_kw: Sequence[Sequence[float | None]]) -> FloatArray:
    """Return (days, 24) kW, NaN where not known."""
    return np.array([[np.nan if kw is None else kw for kw in row] for row in heat_kw], np.float64).reshape(-1, HOURS)


def coloured(grid: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return (h, w, 3) colours of values, from zero to the highest."""
    most = np.nanmax(grid) if np.isfinite(grid).any() else 1.0
    share = np.clip(np.nan_to_num(grid) / max(most, 1e-9), 0, 1) * (len(HEAT_COLOURS) - 1)
    steps = np.arange(len(HEAT_COLOURS))
    channels = [np.interp(share, steps, HEAT_COLOURS[:, channel]) for channel in range(3)]
    pixels = np.stack(channels, axis=-1)
    pixels[~np.isfinite(grid)] = NO_COLOUR
    return pixels.round().astype(np.uint8)


def png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Encode (h, w, 3) colours as a PNG file (W3C PNG specification, sections 5 and 11), a pixel a cell."""
    height, width, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")
