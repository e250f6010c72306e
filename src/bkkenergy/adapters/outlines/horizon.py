"""Far horizons out of files: PVGIS, PVsyst, PV*SOL and Meteonorm, whose azimuths begin in different places."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bkkenergy.errors import InputError

AzimuthFrom = Literal["north", "south"]
Point = tuple[float, float]
MIN_POINTS, MAX_POINTS = 2, 2000
MAX_HEIGHT_DEG = 80.0
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
HALF, WHOLE = 180.0, 360.0


@dataclass(frozen=True, slots=True)
class Horizon:
    """Heights of what is far off. points : (azimuth clockwise from north, height), degrees, by azimuth.

    counted_from : where the file's azimuths begin; is_assumed : by their range, which leaves no other reading.
    """

    points: tuple[Point, ...]
    counted_from: AzimuthFrom
    is_assumed: bool


def read_horizon(content: bytes, counted_from: AzimuthFrom | None = None) -> Horizon:
    """Read azimuths and heights, in two columns or as PVGIS' JSON; lines of words are passed over.

    PVGIS, PVsyst and PV*SOL count from south, east negative, to 180; compasses, and Meteonorm by choice, from north to
    360. Where every azimuth is between 0 and 180 both are possible. Raises InputError.
    """
    text = content.decode("utf-8-sig", "replace")
    pairs = _pvgis(text) if text.lstrip().startswith("{") else _columns(text)
    if not MIN_POINTS <= len(pairs) <= MAX_POINTS:
        raise InputError.of("outlines_horizon_points", count=len(pairs))
    azimuths = [azimuth for azimuth, _ in pairs]
    if (low := min(azimuths)) < -HALF or (high := max(azimuths)) > WHOLE or high - low > WHOLE:
        raise InputError.of("outlines_horizon_azimuth", low=f"{min(azimuths):g}", high=f"{max(azimuths):g}")
    certain: AzimuthFrom | None = "south" if low < 0 else "north" if high > HALF else None
    if counted_from is None and certain is None:
        raise InputError.of("outlines_horizon_from", low=f"{low:g}", high=f"{high:g}")
    if counted_from is not None and certain is not None and counted_from != certain:
        raise InputError.of("outlines_horizon_other", low=f"{low:g}", high=f"{high:g}", counted_from=counted_from)
    chosen = counted_from or certain or "north"
    heights: dict[float, float] = {}
    for azimuth, height in pairs:
        if height > MAX_HEIGHT_DEG or height < -HALF / 2:
            raise InputError.of(
                "outlines_horizon_height", azimuth=f"{azimuth:g}", height=f"{height:g}", most=f"{MAX_HEIGHT_DEG:g}"
            )
        compass = (azimuth + HALF if chosen == "south" else azimuth) % WHOLE
        heights[compass] = max(heights.get(compass, 0.0), height, 0.0)
    return Horizon(tuple(sorted(heights.items())), chosen, counted_from is None)


def _columns(text: str) -> list[Point]:
    """Return azimuth and height of each line of numbers. Raises InputError."""
    pairs: list[Point] = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split("#")[0].strip()
        if not bare or re.search(r"[A-DF-Za-df-z]", bare):
            continue
        cells = _cells(bare)
        if len(cells) < 2 or any(NUMBER.fullmatch(cell) is None for cell in cells[:2]):  # noqa: PLR2004 - a pair
            raise InputError.of("outlines_horizon_line", number=number, given=bare[:60])
        pairs.append((float(cells[0]), float(cells[1])))
    return pairs


def _cells(line: str) -> Sequence[str]:
    """Return the cells of a line: between semicolons, tabs, spaces or commas; a comma within one is a point."""
    for separator in (";", "\t", None):
        cells = [cell.strip() for cell in line.split(separator) if cell.strip()]
        if len(cells) > 1:
            return [cell.strip(",").replace(",", ".") for cell in cells]
    return [cell.strip() for cell in line.split(",") if cell.strip()]


def _pvgis(text: str) -> list[Point]:
    """Return the profile of PVGIS' answer in JSON. Raises InputError."""
    try:
        profile = json.loads(text)["outputs"]["horizon_profile"]
        return [(float(row["A"]), float(row["H_hor"])) for row in profile]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError.of("outlines_no_horizon_json", reason=repr(error)[:200]) from None
