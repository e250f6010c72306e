"""What a file says of roofs: outlines in its own coordinates, with names and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

XY = tuple[float, float]
MIN_CORNERS = 3
WGS84 = "EPSG:4326"
MAX_FOOTPRINTS = 200_000


@dataclass(frozen=True, slots=True)
class Footprint:
    """One outline. ring : its corners, x before y (longitude before latitude); holes : what is cut out of it.

    name : as the file has it, or empty. tags : what else it says, such as tilt_deg or roof:direction.
    """

    name: str
    ring: tuple[XY, ...]
    holes: tuple[tuple[XY, ...], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutlineFile:
    """All outlines of a file.

    crs : of the coordinates, such as "EPSG:4326"; empty where the file does not say. unit_m : metres of a unit of
    coordinates that are no degrees; None where the file does not say. passed_over : how many shapes are no outlines.
    """

    footprints: tuple[Footprint, ...]
    crs: str = ""
    unit_m: float | None = 1.0
    passed_over: int = 0


def ring_of(points: Sequence[Sequence[float]]) -> tuple[XY, ...]:
    """Return corners without repeats and without the first again at the end. Heights are left out."""
    corners: list[XY] = []
    for point in points:
        corner = (float(point[0]), float(point[1]))
        if not corners or corner != corners[-1]:
            corners.append(corner)
    while len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    return tuple(corners)


def footprints_of(geometry: BaseGeometry, name: str, tags: Mapping[str, str]) -> list[Footprint]:
    """Return the footprints of a polygon, or of each part of several; none of anything else."""
    if isinstance(geometry, MultiPolygon):
        parts = list(geometry.geoms)
        return [
            footprint
            for number, part in enumerate(parts, 1)
            for footprint in footprints_of(part, f"{name} {number}".strip() if len(parts) > 1 else name, tags)
        ]
    if not isinstance(geometry, Polygon) or geometry.is_empty:
        return []
    holes = tuple(ring_of(list(hole.coords)) for hole in geometry.interiors)
    return [Footprint(name, ring_of(list(geometry.exterior.coords)), holes, tags)]


def named(tags: Mapping[str, str]) -> str:
    """Return what a shape is called: id, ref or name, whichever comes first."""
    return next((tags[key] for key in ("id", "ref", "name", "name:en", "Name", "NAME") if tags.get(key)), "")


def texts(table: Mapping[Any, Any]) -> dict[str, str]:
    """Return what a table says as texts; what is nested, or says nothing, is left out."""
    return {
        str(key): str(value).strip()
        for key, value in table.items()
        if isinstance(value, str | int | float) and str(value).strip()
    }
