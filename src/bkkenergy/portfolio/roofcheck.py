"""Outlines of a building's roofs that no modules can be laid on: seen when they are entered, not when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from bkkenergy.errors import Fault
from bkkenergy.portfolio.models import Roof

if TYPE_CHECKING:
    from shapely.geometry import Polygon

MAX_SHARED_M2 = 1.0


def roof_faults(roofs: Sequence[Roof], where: str) -> Iterator[Fault]:
    """Find outlines, holes and obstacles that cross themselves, holes outside their roof, and roofs over one another.

    Parameters
    ----------
    roofs : sequence of Roof
        Of one building, in metres of one origin.
    where : str
        Where the building is written.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.portfolio.models import Roof
    >>> from bkkenergy.portfolio.roofcheck import roof_faults
    >>> bowtie = Roof(id="a", outline_m=[(0, 0), (9, 9), (9, 0), (0, 9)], tilt_deg=5, azimuth_deg=180)
    >>> [fault.key for fault in roof_faults([bowtie], "health.centre-1")]
    ['roof_crosses']
    """
    outlined = [roof for roof in roofs if roof.outline_m]
    if not outlined:
        return
    from shapely.geometry import Polygon  # noqa: PLC0415 - only sites with outlines wait for it

    whole: list[tuple[str, Polygon]] = []
    for roof in outlined:
        own_where = f"{where}.roofs.{roof.id}"
        outline = Polygon(roof.outline_m)
        if not outline.is_valid:
            yield Fault.of("roof_crosses", f"{own_where}.outline_m")
            continue
        yield from _parts_faults(roof, outline, own_where)
        whole.append((roof.id, outline))
    for (one, first), (other, second) in combinations(whole, 2):
        if (shared_m2 := first.intersection(second).area) > MAX_SHARED_M2:
            yield Fault.of("roofs_overlap", f"{where}.roofs", one=one, other=other, area_m2=f"{shared_m2:.0f}")


def _parts_faults(roof: Roof, outline: Polygon, where: str) -> Iterator[Fault]:
    from shapely.geometry import Polygon  # noqa: PLC0415 - only sites with outlines wait for it

    for number, obstacle in enumerate(roof.obstacles):
        if not Polygon(obstacle.outline_m).is_valid:
            yield Fault.of("obstacle_crosses", f"{where}.obstacles[{number}]")
    are_whole = True
    for number, hole in enumerate(roof.holes_m):
        if not Polygon(hole).is_valid:
            are_whole = False
            yield Fault.of("hole_crosses", f"{where}.holes_m[{number}]")
        elif not outline.covers(Polygon(hole)):
            are_whole = False
            yield Fault.of("hole_outside", f"{where}.holes_m[{number}]")
    if are_whole and not Polygon(roof.outline_m, roof.holes_m).is_valid:
        yield Fault.of("holes_touch", f"{where}.holes_m")
