"""What lies under a map's discs, drawn from the portfolio's own positions: where its buildings are, districts, a scale.

Borders of the city are not drawn: no map of them that may be shipped is in the product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.portfolio import Agency, Building
from bkkenergy.readings import FloatArray

KM_PER_DEGREE = 111.2
SCALES_KM = (1, 2, 5, 10, 20, 50)
MAX_SCALE_PX, MIN_GROUP, GROUP_SPREAD = 90.0, 3, 0.22
"""Longest bar of the scale; how many buildings an area has at least, and how far they spread, as a share of all."""
LETTER_PX, LINE_PX, BELOW_PX = 7.0, 15.0, 22.0
"""How wide a letter and how high a line of a label is, so that no two labels overlap."""


def hull(points: FloatArray) -> FloatArray:
    """Return the corners of the smallest convex shape around (n, 2) points, in order (Andrew's monotone chain)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < MIN_GROUP:
        return np.array(ordered, np.float64).reshape(-1, 2)

    def half(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        corners: list[tuple[float, float]] = []
        for x, y in line:
            while len(corners) > 1 and _turn(corners[-2], corners[-1], (x, y)) <= 0:
                corners.pop()
            corners.append((x, y))
        return corners[:-1]

    return np.array(half(ordered) + half(ordered[::-1]), np.float64)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Return more than zero where the way over three points turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def map_ground(
    buildings: Sequence[Building], agencies: Mapping[str, Agency], x: FloatArray, y: FloatArray, words: Words
) -> tuple[Markup, Markup]:
    """Draw the land around all buildings, an area around each agency's that are near one another, and a scale.

    Return what is under the buildings, and names and scale, which are over them.
    x, y : where the buildings are in the drawing.
    """
    points = np.column_stack((x, y))
    reach = max(float(np.ptp(x)), float(np.ptp(y)), 1.0)
    parts, names = [_shape("land", points)], list[tuple[str, FloatArray]]()
    for agency in dict.fromkeys(building.agency for building in buildings):
        group = points[[number for number, building in enumerate(buildings) if building.agency == agency]]
        if len(group) >= MIN_GROUP and max(np.ptp(group, axis=0)) <= GROUP_SPREAD * reach:
            parts.append(_shape("area", group))
            names.append((short_name(agencies[agency], words), group))
    return Markup("").join(parts), Markup("").join([*_labels(names), _scale(buildings, y, words)])


def short_name(agency: Agency, words: Words) -> str:
    """Return an agency's name without what all of them have: เขตดินแดง, Din Daeng."""
    name = words.either(th=agency.name_th, en=agency.name_en)
    return re.sub(r"^สำนักงาน(?=เขต)| District Office\b|\s*\([^)]*\)", "", name).strip()


def _shape(kind: str, points: FloatArray) -> Markup:
    """Draw a shape around points; its wide round line is its rim."""
    corners = " L".join(f"{x:.1f},{y:.1f}" for x, y in hull(points))
    return Markup('<path class="{}" d="M{} Z"/>').format(kind, corners)


def _labels(names: Sequence[tuple[str, FloatArray]]) -> list[Markup]:
    """Write names beneath their areas; one that would cover another is left out."""
    text = Markup('<text class="area-name" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
    labels, taken = [], list[tuple[float, float, float]]()
    for name, group in names:
        x, y, half = float(group[:, 0].mean()), float(group[:, 1].max()) + BELOW_PX, len(name) * LETTER_PX / 2
        if all(abs(x - left) > half + other or abs(y - top) > LINE_PX for left, top, other in taken):
            taken.append((x, y, half))
            labels.append(text.format(x, y, name))
    return labels


def _scale(buildings: Sequence[Building], y: FloatArray, words: Words) -> Markup:
    """Draw a bar of round length, by how far apart buildings are; nothing where all are on one latitude."""
    lat = np.array([building.latitude_deg for building in buildings], np.float64)
    high_deg, high_px = float(np.ptp(lat)), float(np.ptp(y))
    if high_deg <= 0 or high_px <= 0:
        return Markup("")
    px_per_km = high_px / (high_deg * KM_PER_DEGREE)
    fitting = [km for km in SCALES_KM if km * px_per_km <= MAX_SCALE_PX]
    if not fitting:
        return Markup("")
    length = fitting[-1] * px_per_km
    bar = Markup('<path class="scale-bar" d="M12,266 v6 h{:.1f} v-6"/><text class="tick" x="12" y="260">{} {}</text>')
    return bar.format(length, fitting[-1], words("web.km"))
