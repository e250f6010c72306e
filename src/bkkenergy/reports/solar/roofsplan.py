"""The roofs of a file on one plan, as an SVG that stands alone: outlines, holes, modules, north and a bar of metres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from bkkenergy.portfolio.kinds import BuildingRoof
from bkkenergy.readings import FloatArray
from bkkenergy.reports.chart import nice_step
from bkkenergy.solar.layout import Layout

WIDTH, MAX_HEIGHT, PAD = 760.0, 560.0, 60.0
ROOF, HOLE = 'fill="#eef2f4" stroke="#5d6b75" stroke-width="1.5"', 'fill="#ffffff" stroke="#5d6b75"'
MOST_EDGES, LEAST_EDGE_PX = 16, 34
MODULE = 'fill="#2b5d8a" stroke="#ffffff" stroke-width="0.5"'
FONT = 'font-family="sans-serif" font-size="13" fill="#22303a" paint-order="stroke" stroke="#ffffff" stroke-width="3"'


def roofs_plan(
    roofs: Sequence[BuildingRoof], layouts: Mapping[str, Layout], title: str, metres: str, north: str
) -> Markup:
    """Draw roofs with outlines from above, to scale, each with its id; north is up."""
    outlines = [np.asarray(roof.outline_m, np.float64) for roof in roofs]
    every = np.concatenate(outlines)
    low, high = every.min(axis=0), every.max(axis=0)
    width_m, height_m = np.maximum(high - low, 1.0).tolist()
    scale = min((WIDTH - 2 * PAD) / width_m, (MAX_HEIGHT - 2 * PAD) / height_m)
    indent, height = (WIDTH - width_m * scale) / 2, height_m * scale + 2 * PAD

    def xy(points: FloatArray) -> FloatArray:
        return np.stack([indent + (points[:, 0] - low[0]) * scale, PAD + (high[1] - points[:, 1]) * scale], axis=1)

    def polygon(points: FloatArray, look: str) -> Markup:
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in xy(points).tolist())
        return Markup('<polygon points="{}" {}/>').format(text, Markup(look))  # noqa: S704 - a constant of this module

    def text(x: float, y: float, words: str, anchor: str = "middle") -> Markup:
        shape = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" {}>{}</text>')
        return shape.format(x, y, anchor, Markup(FONT), words)  # noqa: S704 - a constant of this module

    body: list[Markup] = []
    for roof, outline in zip(roofs, outlines, strict=True):
        body.append(polygon(outline, ROOF))
        body += [polygon(np.asarray(hole, np.float64), HOLE) for hole in roof.holes_m]
        if roof.id in layouts:
            body += [polygon(corners, MODULE) for corners in layouts[roof.id].corners_m]
        body += _edges(outline, xy(outline), metres)
        body += _arrow(xy(outline).mean(axis=0), roof.azimuth_deg) if roof.tilt_deg > 0 else []
        label_x, label_y = xy(outline).mean(axis=0).tolist()
        body.append(text(label_x, max(14.0, xy(outline)[:, 1].min() - 6 if len(roofs) > 1 else label_y), roof.id))
    bar_m = nice_step(width_m / 3, lines=1)
    bar = Markup('<path d="M{:.1f},{:.1f} v6 h{:.1f} v-6" fill="none" stroke="#22303a"/>')
    body.append(bar.format(indent, height - 24, bar_m * scale))
    body.append(text(indent + bar_m * scale + 8, height - 16, f"{bar_m:g} {metres}", "start"))
    body.append(Markup('<path d="M{:.1f},32 l-7,0 l7,-22 l7,22 z" fill="#22303a"/>').format(WIDTH - 24))
    body.append(text(WIDTH - 24, 48, north))
    whole = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:g} {:.0f}" role="img" aria-label="{}">'
        '<rect width="100%" height="100%" fill="#ffffff"/>{}</svg>\n'
    )
    return whole.format(WIDTH, height, title, Markup("").join(body))


def _edges(outline_m: FloatArray, outline_px: FloatArray, metres: str) -> list[Markup]:
    """Write the length of each edge beside its middle, outside the roof."""
    if len(outline_m) > MOST_EDGES:
        return []
    middle = outline_px.mean(axis=0)
    labels = []
    for at in range(len(outline_m)):
        length_m = float(np.hypot(*(outline_m[at] - outline_m[at - 1])))
        half = (outline_px[at] + outline_px[at - 1]) / 2
        if float(np.hypot(*(outline_px[at] - outline_px[at - 1]))) < LEAST_EDGE_PX:
            continue
        off = half - middle
        is_beside = abs(off[0]) > abs(off[1])
        anchor = ("start" if off[0] > 0 else "end") if is_beside else "middle"
        x, y = (half + off / max(1.0, float(np.hypot(*off))) * (7 if is_beside else 13)).tolist()
        shape = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" {}>{:.1f} {}</text>')
        labels.append(shape.format(x, y + 4, anchor, Markup(FONT), length_m, metres))  # noqa: S704 - a constant
    return labels


def _arrow(middle_px: FloatArray, azimuth_deg: float) -> list[Markup]:
    """Draw an arrow down the slope: where a tilted roof looks."""
    shape = Markup(
        '<path transform="translate({:.1f} {:.1f}) rotate({:g})" d="M0,18 V-18 M-6,-10 L0,-20 L6,-10" fill="none" '
        'stroke="#b3541e" stroke-width="2.5"/>'
    )
    x, y = middle_px.tolist()
    return [shape.format(x, y, azimuth_deg)]


def grid_sheet(
    size_px: tuple[int, int],
    metres_per_px: float,
    there: Sequence[Sequence[tuple[float, float]]],
    middle_m: tuple[float, float],
    metres: str,
) -> Markup:
    """Draw a grid of metres to draw a roof on, with the roofs that there are.

    middle_m : east and north of its middle.
    """
    width, height = size_px
    body = [Markup('<rect width="100%" height="100%" fill="#fbfcfd"/>'), *_grid(size_px, metres_per_px, metres)]
    shape = Markup('<polygon points="{}" fill="#dde4e8" stroke="#5d6b75"/>')
    for outline in there:
        east_north = (np.asarray(outline) - middle_m) / metres_per_px
        px = np.stack([width / 2 + east_north[:, 0], height / 2 - east_north[:, 1]], axis=1)
        body.append(shape.format(" ".join(f"{x:.1f},{y:.1f}" for x, y in px.tolist())))
    whole = Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}">{2}</svg>')
    return whole.format(width, height, Markup("").join(body))


def _grid(size_px: tuple[int, int], metres_per_px: float, metres: str) -> list[Markup]:
    """Draw a grid about the middle, with the size of a square."""
    width, height = size_px
    step_m = nice_step(width * metres_per_px, lines=10)
    step = step_m / metres_per_px
    line = Markup('<path d="M{:.1f},{:.1f} L{:.1f},{:.1f}" stroke="#cfd8dc" stroke-width="{}"/>')
    across = np.arange(width / 2 % step, width, step).tolist()
    down = np.arange(height / 2 % step, height, step).tolist()
    lines = [line.format(x, 0, x, height, 2 if abs(x - width / 2) < 1 else 1) for x in across]
    lines += [line.format(0, y, width, y, 2 if abs(y - height / 2) < 1 else 1) for y in down]
    text = Markup('<text x="8" y="{}" {}>{:g} x {:g} {} · N ↑</text>')
    return [*lines, text.format(height - 10, Markup(FONT), step_m, step_m, metres)]  # noqa: S704 - a constant
