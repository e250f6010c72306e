"""Roofs out of files: which outlines are a building's, in metres, with tilt and azimuth; nothing is entered here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from shapely import is_valid_reason
from shapely.geometry import Point, Polygon

from bkkenergy.adapters.outlines.footprint import MIN_CORNERS, XY, Footprint, OutlineFile
from bkkenergy.adapters.outlines.metres import Located, located
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.edits import Put
from bkkenergy.portfolio.kinds import BuildingRoof
from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.design import DesignRequest
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.roofs import laid
from bkkenergy.solar.supports import support_of
from bkkenergy.texts import Lang, filled
from bkkenergy.tomlfiles import validated

MIN_M2 = 4.0
"""Smaller outlines are a stair's, a machine's or a slip of the pen."""
MAX_ROOFS = 50
MAX_NAME = 40
FLAT_DEG, SOUTH_DEG = 0.0, 180.0
TILT_TAGS = ("tilt_deg", "tilt", "slope_deg", "roof:angle")
AZIMUTH_TAGS = ("azimuth_deg", "azimuth", "aspect_deg", "roof:direction")
COMPASS = ("n", "nne", "ne", "ene", "e", "ese", "se", "sse", "s", "ssw", "sw", "wsw", "w", "wnw", "nw", "nnw")
DECIMALS = 2


@dataclass(frozen=True, slots=True)
class OutlineWish:
    """What a person says of a file.

    crs : of its coordinates, before what it says itself. unit_m : metres of a unit. only : names of the outlines that
    are meant; without any, those within within_m of the building. tilt_deg, azimuth_deg : of outlines that say nothing;
    is_from_south : the file's azimuths count from south. north_deg : where up of a drawing points, clockwise from
    north.
    """

    crs: str = ""
    unit_m: float | None = None
    only: tuple[str, ...] = ()
    within_m: float = 100.0
    tilt_deg: float | None = None
    azimuth_deg: float | None = None
    is_from_south: bool = False
    north_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class OutlineNote:
    """What a person should know of how a file was read: a text under [outlines] of the catalogues."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def said(self, lang: Lang) -> str:
        """Return it as a sentence."""
        return filled(lang, f"outlines.{self.key}", self.values)


@dataclass(frozen=True, slots=True)
class RoofsOfFile:
    """Roofs as records of a building, and what to know of them. names : of the outlines, in the roofs' order."""

    roofs: tuple[BuildingRoof, ...]
    names: tuple[str, ...]
    notes: tuple[OutlineNote, ...]


def roofs_of_drawing(
    drawing: OutlineFile,
    building: Building,
    wish: OutlineWish,
    *,
    ground: Located | None = None,
    taken: Collection[str] = (),
) -> RoofsOfFile:
    """Make the roofs of a building from the outlines of a file.

    ground : how its coordinates become metres, where that is known. taken : ids that no roof of the file may have.

    Raises InputError where nothing of the file is the building's, an outline crosses itself, or an angle cannot be.
    """
    notes: list[OutlineNote] = []
    if ground is None:
        ground = located(drawing, building.latitude_deg, building.longitude_deg, crs=wish.crs, unit_m=wish.unit_m)
        notes += _ground_notes(ground, wish)
    if drawing.passed_over:
        notes.append(OutlineNote("passed_over", {"count": drawing.passed_over}))
    chosen = _near(_wished(drawing.footprints, wish), ground, wish, notes)
    if len(chosen) > MAX_ROOFS:
        raise InputError.of("outlines_many_near", count=len(chosen), most=MAX_ROOFS, within_m=f"{wish.within_m:g}")
    ids = set(taken)
    roofs = [_roof(footprint, ground, building, wish, ids, notes) for footprint in chosen]
    return RoofsOfFile(
        tuple(roofs),
        tuple(footprint.name for footprint in chosen),
        tuple(note for at, note in enumerate(notes) if note not in notes[:at]),
    )


def laid_out(building: Building, config: SolarConfig) -> dict[str, Layout]:
    """Lay modules on each roof of a building; one that carries none is left out."""
    module = config.equipment.module(DesignRequest().module)
    layouts = {}
    for roof in building.roofs:
        try:
            layouts[roof.id] = laid(roof, module, building, config.layout, support=support_of(roof, config.supports))
        except InputError:
            continue
    return layouts


def roof_edits(roofs: Sequence[BuildingRoof]) -> list[Put]:
    """Return what enters roofs in the portfolio."""
    return [Put("roof", roof.model_dump(mode="json", exclude_defaults=True)) for roof in roofs]


def _ground_notes(ground: Located, wish: OutlineWish) -> list[OutlineNote]:
    if ground.ground == "drawing":
        return [OutlineNote("drawing", {"north": f"{wish.north_deg:g}"})]
    return [OutlineNote("crs_assumed", {"crs": ground.crs})] if ground.is_assumed else []


def _wished(footprints: Sequence[Footprint], wish: OutlineWish) -> list[Footprint]:
    """Return the outlines with the wished names; all without a wish. Raises InputError."""
    known = {footprint.name for footprint in footprints}
    if missing := [name for name in wish.only if name not in known]:
        shown = ", ".join(sorted(name for name in known if name)[:20])
        raise InputError.of("outlines_no_name", name=missing[0], known=shown or "-")
    return [footprint for footprint in footprints if not wish.only or footprint.name in wish.only]


def _near(
    footprints: Sequence[Footprint], ground: Located, wish: OutlineWish, notes: list[OutlineNote]
) -> list[Footprint]:
    """Return the outlines near the building, large enough for a module. Raises InputError."""
    if ground.ground == "drawing":
        near, far_m = list(footprints), []
    else:
        distance_m = [_distance_m(ground.to_metres(footprint.ring)) for footprint in footprints]
        near = [one for one, away_m in zip(footprints, distance_m, strict=True) if away_m <= wish.within_m]
        far_m = [away_m for away_m in distance_m if away_m > wish.within_m]
    if not near:
        raise InputError.of(
            "outlines_far", count=len(far_m), within_m=f"{wish.within_m:g}", nearest_m=f"{min(far_m):,.0f}"
        )
    if far_m:
        notes.append(OutlineNote("others_far", {"count": len(far_m), "within_m": f"{wish.within_m:g}"}))
    large = [one for one in near if Polygon(_three(ground.to_metres(one.ring))).convex_hull.area >= MIN_M2]
    if len(large) < len(near):
        notes.append(OutlineNote("too_small", {"count": len(near) - len(large), "area_m2": f"{MIN_M2:g}"}))
    if not large:
        raise InputError.of("outlines_all_small", count=len(near), area_m2=f"{MIN_M2:g}")
    return large


def _distance_m(ring: FloatArray) -> float:
    """Return how far an outline is from the building's place; 0 where it is around it."""
    polygon = Polygon(_three(ring))
    return float((polygon if polygon.is_valid else polygon.convex_hull).distance(Point(0, 0)))


def _three(ring: FloatArray) -> FloatArray:
    """Return at least three corners, the last one again where there are fewer: a ring without area."""
    return np.concatenate([ring, np.repeat(ring[-1:], max(0, MIN_CORNERS - len(ring)), axis=0)])


def _roof(
    footprint: Footprint,
    ground: Located,
    building: Building,
    wish: OutlineWish,
    taken: set[str],
    notes: list[OutlineNote],
) -> BuildingRoof:
    name = footprint.name or "?"
    if len(footprint.ring) < MIN_CORNERS:
        raise InputError.of("outlines_few_corners", name=name)
    ring, *holes = (_turned(ground.to_metres(line), ground, wish) for line in (footprint.ring, *footprint.holes))
    polygon = Polygon(ring, holes)
    if not polygon.is_valid:
        raise InputError.of("outlines_crosses", name=name, reason=is_valid_reason(polygon))
    tilt, azimuth = _tilt(footprint, wish), _azimuth(footprint, wish)
    if tilt is None:
        notes.append(OutlineNote("no_tilt", {"tilt": f"{FLAT_DEG:g}"}))
    elif azimuth is None and tilt > 0:
        raise InputError.of("outlines_no_azimuth", name=name, tilt=f"{tilt:g}")
    fields = {
        "building": building.id,
        "id": _id(footprint.name, taken),
        "outline_m": ring,
        "holes_m": tuple(holes),
        "tilt_deg": FLAT_DEG if tilt is None else tilt,
        "azimuth_deg": SOUTH_DEG if azimuth is None else azimuth,
    }
    roof, faults = validated(BuildingRoof, fields, name)
    if roof is None:
        raise ConfigError(faults)
    return roof


def _turned(ring: FloatArray, ground: Located, wish: OutlineWish) -> tuple[XY, ...]:
    """Turn a drawing's up to where a person says that it points, and round to centimetres."""
    angle = np.radians(wish.north_deg if ground.ground == "drawing" else 0.0)
    x = ring[:, 0] * np.cos(angle) + ring[:, 1] * np.sin(angle)
    y = ring[:, 1] * np.cos(angle) - ring[:, 0] * np.sin(angle)
    points = zip(x.round(DECIMALS).tolist(), y.round(DECIMALS).tolist(), strict=True)
    return tuple(dict.fromkeys((east + 0.0, north + 0.0) for east, north in points))


def _tilt(footprint: Footprint, wish: OutlineWish) -> float | None:
    tags = {key.lower(): value for key, value in footprint.tags.items()}
    said = next((tags[key] for key in TILT_TAGS if tags.get(key)), None)
    if said is None:
        return FLAT_DEG if wish.tilt_deg is None and tags.get("roof:shape") == "flat" else wish.tilt_deg
    return _degrees(said, footprint.name, "tilt")


def _azimuth(footprint: Footprint, wish: OutlineWish) -> float | None:
    """Return where an outline looks, clockwise from north. Raises InputError where it is not certain."""
    tags = {key.lower(): value for key, value in footprint.tags.items()}
    said = next((tags[key] for key in AZIMUTH_TAGS if tags.get(key)), None)
    if said is None:
        return wish.azimuth_deg
    if said.lower() in COMPASS:
        return COMPASS.index(said.lower()) * 360 / len(COMPASS)
    azimuth = _degrees(said, footprint.name, "azimuth")
    if wish.is_from_south:
        return (azimuth + 180) % 360
    if azimuth < 0:
        raise InputError.of("outlines_azimuth_negative", name=footprint.name or "?", azimuth=f"{azimuth:g}")
    return azimuth % 360 if azimuth == 360 else azimuth  # noqa: PLR2004 - north once around


def _degrees(text: str, name: str, what: str) -> float:
    match = re.fullmatch(r"\s*(-?\d+(?:[.,]\d+)?)\s*(?:°|deg|degrees)?\s*", text)
    if match is None:
        raise InputError.of("outlines_no_angle", name=name or "?", what=what, given=text[:40])
    return float(match[1].replace(",", "."))


def _id(name: str, taken: set[str]) -> str:
    """Return an id that no other roof of the file has: of the name, or a number."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:MAX_NAME].strip("-")
    stem = slug if re.search(r"[a-z0-9]", slug) else "roof"
    tries = (stem if number == 1 and slug else f"{stem}-{number}" for number in range(1, len(taken) + 3))
    chosen = next(candidate for candidate in tries if candidate not in taken)
    taken.add(chosen)
    return chosen
