"""The roofs of a file on one plan, as an SVG that stands alone: outlines, holes, modules, north and a bar of metres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from bkkenergy.portfolio.kinds import BuildingRoof
from bkkenergy.readings import FloatArray
from bkkenergy.reports.chart import nice_step
from bkkenergy.solar.layout import Layout

WIDTH, MAX_HEIGHT, PAD = 760.0, 560.0, 44.0
ROOF, HOLE = 'fill="#eef2f4" stroke="#5d6b75" stroke-width="1.5"', 'fill="#ffffff" stroke="#5d6b75"'
MODULE = 'fill="#2b5d8a" stroke="#ffffff" stroke-width="0.5"'
FONT = 'font-family="sans-serif" font-size="13" fill="#22303a"'


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
