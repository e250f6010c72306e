"""From the coordinates of a file to metres east and north of a building."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bkkenergy.adapters.outlines.footprint import WGS84, XY, OutlineFile
from bkkenergy.adapters.outlines.optional import needs_extra
from bkkenergy.errors import InputError
from bkkenergy.readings import FloatArray

EQUATOR_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
UTM_47N = "EPSG:32647"
THAI_LONGITUDES, THAI_LATITUDES = (97.0, 106.0), (5.0, 21.0)
UTM_EAST_M, UTM_NORTH_M = (100_000.0, 900_000.0), (550_000.0, 2_300_000.0)
Ground = Literal["degrees", "projected", "drawing"]


@dataclass(frozen=True, slots=True)
class Located:
    """How the coordinates of a drawing become metres.

    ground : "drawing" where the file has no place on Earth. crs : the system; is_assumed : the file does not name it.
    """

    ground: Ground
    crs: str
    is_assumed: bool
    to_metres: Callable[[Sequence[XY]], FloatArray]


def located(
    drawing: OutlineFile, latitude_deg: float, longitude_deg: float, *, crs: str = "", unit_m: float | None
) -> Located:
    """Find out how a drawing's coordinates become metres east and north of a point.

    crs, unit_m : what a person says of the file, which goes before what it says itself. Raises InputError.
    """
    points = np.array([point for footprint in drawing.footprints for point in footprint.ring])
    if not np.isfinite(points).all():
        raise InputError.of("outlines_not_finite")
    x, y = (float(value) for value in np.median(points, axis=0))
    named_crs = crs or drawing.crs

    def degrees(ring: Sequence[XY]) -> FloatArray:
        return _local(np.array(ring), latitude_deg, longitude_deg)

    if _is_within(y, THAI_LONGITUDES) and _is_within(x, THAI_LATITUDES):
        raise InputError.of("outlines_swapped", x=f"{x:.4f}", y=f"{y:.4f}")
    if named_crs.upper() in {WGS84, "CRS84", "WGS84"} or (
        not named_crs and _is_within(x, THAI_LONGITUDES) and _is_within(y, THAI_LATITUDES)
    ):
        if not (-180 <= x <= 180 and -90 <= y <= 90):  # noqa: PLR2004 - degrees on Earth
            raise InputError.of("outlines_no_degrees", x=f"{x:.1f}", y=f"{y:.1f}")
        return Located("degrees", WGS84, not named_crs, degrees)
    scale = unit_m or drawing.unit_m or 1.0
    if named_crs or (_is_within(x * scale, UTM_EAST_M) and _is_within(y * scale, UTM_NORTH_M)):
        system = named_crs or UTM_47N
        back = _to_degrees(system)
        return Located("projected", system, not named_crs, lambda ring: degrees(back(np.array(ring) * scale)))
    if (unit_m or drawing.unit_m) is None:
        raise InputError.of("outlines_no_unit")
    middle = points.mean(axis=0)
    return Located("drawing", "", True, lambda ring: (np.array(ring) - middle) * scale)


def _is_within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _local(points_deg: FloatArray, latitude_deg: float, longitude_deg: float) -> FloatArray:
    """Return metres east and north of a point, by the ellipsoid's radii of curvature: right to 1 cm within 500 m."""
    squared = FLATTENING * (2 - FLATTENING)
    shrunk = 1 - squared * np.sin(np.radians(latitude_deg)) ** 2
    across_m = EQUATOR_M / np.sqrt(shrunk)
    along_m = EQUATOR_M * (1 - squared) / shrunk**1.5
    middle_deg = (points_deg[:, 1] + latitude_deg) / 2
    east = np.radians(points_deg[:, 0] - longitude_deg) * across_m * np.cos(np.radians(middle_deg))
    north = np.radians(points_deg[:, 1] - latitude_deg) * along_m
    return np.stack([east, north], axis=1)


def _to_degrees(crs: str) -> Callable[[FloatArray], list[XY]]:
    """Return what makes longitudes and latitudes of WGS84 from a system's coordinates. Raises InputError."""
    with needs_extra():
        import pyproj  # noqa: PLC0415 - an extra
    try:
        transformer = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(crs), WGS84, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise InputError.of("outlines_no_crs", crs=crs[:80], reason=str(error)[:120]) from None

    def back(points: FloatArray) -> list[XY]:
        longitudes, latitudes = transformer.transform(points[:, 0], points[:, 1])
        if not np.isfinite(longitudes).all():
            raise InputError.of("outlines_no_crs", crs=crs[:80], reason="its coordinates are out of its bounds")
        return list(zip(longitudes.tolist(), latitudes.tolist(), strict=True))

    return back
