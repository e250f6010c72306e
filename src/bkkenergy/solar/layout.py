"""Modules on a roof: how many fit between setbacks and obstacles, where each lies, and what they weigh."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
import shapely
from shapely.geometry import Polygon

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import LayoutRules, Support
from bkkenergy.solar.module import Module
from bkkenergy.solar.production import Mounting
from bkkenergy.solar.shading import Box

Standing = Literal["portrait", "landscape"]
FLAT_DEG = 7.0
"""Roofs steeper than this carry their modules flush, in rows down the slope; flatter ones can carry racks."""
MAX_EDGES = 6
MIN_EDGE_M = 2.0
OFFSETS = 6
"""Grids tried across and along, for each way that a module can lie."""
RECTANGLE_RATIO = 2.0
"""Length to width of a roof of which only the area is known."""
HALF_YEAR = "12-21"
SUN_FROM, SUN_TO = "09:00", "15:00"
SAMPLE_POINTS = 24
GRAVITY_MS2 = 9.81
MAX_GRIDS = 3
MIN_MORE_MODULES = 2
"""Of a further grid: fewer are not worth its rails."""
RAIL_KG = 4.0
"""Rails and clamps for each module, about."""


@dataclass(frozen=True, slots=True)
class RoofPlane:
    """A roof segment as it is built.

    outline_m : corners (east, north) in plan, metres; holes_m : outlines within it, where nothing can lie; is_known :
    False where only an area was given.
    """

    outline_m: tuple[tuple[float, float], ...]
    tilt_deg: float
    azimuth_deg: float
    obstacles: tuple[Box, ...] = ()
    is_known: bool = True
    holes_m: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where modules lie.

    corners_m : (k, 4, 2) corners of each in plan, east and north, metres.
    module_tilt_deg, module_azimuth_deg : of the modules: the roof's own when flush.
    row_pitch_m : from row to row in plan; load_kg_m2 : modules with their mounting over the area they cover, and of it
    ballast_kg_m2, which holds racks down in the wind. support : None where they lie on the roof itself.
    """

    roof: RoofPlane
    module: Module
    corners_m: FloatArray
    standing: Standing
    mounting: Mounting
    module_tilt_deg: float
    module_azimuth_deg: float
    row_pitch_m: float
    usable_m2: float
    load_kg_m2: float | None
    warnings: tuple[str, ...] = ()
    ballast_kg_m2: float = 0.0
    support: Support | None = None

    @property
    def module_count(self) -> int:
        """How many modules fit."""
        return len(self.corners_m)

    @property
    def capacity_kwp(self) -> float:
        """Their power at standard test conditions."""
        return self.module_count * self.module.power_w / 1000

    def points_m(self) -> FloatArray:
        """Return (p, 2) middles of modules spread over the layout: where shade is looked for."""
        middles = self.corners_m.mean(axis=1)
        step = max(1, len(middles) // SAMPLE_POINTS)
        points: FloatArray = middles[::step]
        return points


def roof_of_area(area_m2: float, tilt_deg: float, azimuth_deg: float) -> RoofPlane:
    """Make a roof of which only the area is known: a rectangle twice as wide as it is deep, its long side across the
    slope.

    Parameters
    ----------
    area_m2 : float
        Its area in plan [m2].
    tilt_deg, azimuth_deg : float
        Tilt from horizontal, azimuth clockwise from north [degrees].

    Returns
    -------
    RoofPlane
        The rectangle, marked as not known.

    Examples
    --------
    >>> from bkkenergy.solar.layout import roof_of_area
    >>> roof = roof_of_area(200.0, 10.0, 180.0)
    >>> [round(east) for east, _ in roof.outline_m], roof.is_known
    ([-10, 10, 10, -10], False)
    """
    width = np.sqrt(area_m2 * RECTANGLE_RATIO)
    depth = area_m2 / width
    corners = np.array([[-width, -depth], [width, -depth], [width, depth], [-width, depth]]) / 2
    turned = corners @ _turn(azimuth_deg).T
    outline = tuple((float(east), float(north)) for east, north in turned)
    return RoofPlane(outline, tilt_deg, azimuth_deg, is_known=False)


def row_pitch_m(
    slant_m: float, tilt_deg: float, azimuth_deg: float, latitude_deg: float, longitude_deg: float
) -> float:
    """Compute the distance from row to row so that none shades the next from 9 to 15 h on 21 December.

    Parameters
    ----------
    slant_m : float
        Length of the module up its slope [m].
    tilt_deg, azimuth_deg : float
        Of the modules [degrees].
    latitude_deg, longitude_deg : float
        Of the building [degrees].

    Returns
    -------
    float
        Distance in plan [m].

    Examples
    --------
    >>> from bkkenergy.solar.layout import row_pitch_m
    >>> round(row_pitch_m(2.0, 10.0, 180.0, 13.75, 100.5), 2)
    2.34
    """
    day = pd.date_range(f"2025-{HALF_YEAR} {SUN_FROM}", f"2025-{HALF_YEAR} {SUN_TO}", freq="10min", tz=BANGKOK)
    sun = pvlib.solarposition.get_solarposition(day, latitude_deg, longitude_deg)
    elevation = np.radians(sun["apparent_elevation"].to_numpy())
    off = np.radians(sun["azimuth"].to_numpy() - azimuth_deg)
    shadow_per_m = float(np.clip(np.cos(off) / np.tan(elevation), 0, None).max())
    tilt = np.radians(tilt_deg)
    return float(slant_m * (np.cos(tilt) + np.sin(tilt) * shadow_per_m))


def lay_out(
    roof: RoofPlane,
    module: Module,
    rules: LayoutRules,
    *,
    latitude_deg: float,
    longitude_deg: float,
    mounting: Mounting = "flush",
    rack_tilt_deg: float = 10.0,
    rack_azimuth_deg: float | None = None,
    max_modules: int | None = None,
    existing_kwp: float = 0.0,
) -> Layout:
    """Lay as many modules on a roof as fit: upright or lying, by the wished azimuth or by the roof's edges, with some
    shifts of the grid.

    Parameters
    ----------
    roof : RoofPlane
        The roof as it is built.
    module : Module
        The module.
    rules : LayoutRules
        Setbacks, gaps, walkways and the load that the roof bears.
    latitude_deg, longitude_deg : float
        Of the building [degrees].
    mounting : {"flush", "racked"}
        On the roof's plane, or on racks.
    rack_tilt_deg, rack_azimuth_deg : float, optional
        Of racks [degrees]; the azimuth is the roof's by default. Racks turn to the edge of the roof by which more fit.
    max_modules : int, optional
        No more than this.
    existing_kwp : float
        PV that is on the roof already [kWp]: as many rows as it covers stay free.

    Returns
    -------
    Layout
        Where each module lies [m], and what they weigh.

    Raises
    ------
    InputError
        If none fits, and why.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.layout import lay_out, roof_of_area
    >>> config = solar_config()
    >>> module = config.equipment.module("mono-550")
    >>> roof = roof_of_area(100.0, 10.0, 180.0)
    >>> layout = lay_out(roof, module, config.layout, latitude_deg=13.75, longitude_deg=100.5)
    >>> layout.module_count * module.area_m2 < 100.0
    True
    """
    tilt, azimuth = (roof.tilt_deg, roof.azimuth_deg)
    if mounting == "racked":
        tilt, azimuth = rack_tilt_deg, roof.azimuth_deg if rack_azimuth_deg is None else rack_azimuth_deg
    usable = usable_area(roof, rules)
    latlon_deg = (latitude_deg, longitude_deg)
    standings: tuple[Standing, Standing] = ("portrait", "landscape")
    grids = {
        (way, grid_deg): _best_grid(usable, roof, module, rules, way, mounting, tilt, grid_deg, latlon_deg)
        for grid_deg in grid_azimuths_deg(roof, azimuth)
        for way in standings
    }
    standing, grid_deg = max(grids, key=lambda grid: len(grids[grid][0]))
    corners, pitch = grids[standing, grid_deg]
    azimuth = grid_deg if mounting == "racked" else azimuth
    if len(corners) == 0:
        raise InputError.of(
            "no_module_fits",
            length_m=f"{module.length_m:g}",
            width_m=f"{module.width_m:g}",
            area_m2=f"{usable.area:.0f}",
            setback_m=f"{rules.setback_m:g}",
        )
    if mounting == "flush" and roof.is_known:
        corners = _with_more_grids(corners, usable, roof, module, rules, tilt, azimuth, latlon_deg)
    warnings = []
    if existing_kwp:
        corners = _beside(corners, module, existing_kwp * rules.existing_m2_per_kwp)
        warnings.append("existing_pv")
    if max_modules is not None:
        corners = corners[:max_modules]
    load, ballast = loads_kg_m2(module, rules, mounting)
    if mounting == "racked":
        warnings.append("ballast_is_assumed")
    if load is not None and load > rules.max_load_kg_m2:
        warnings.append("load_above_limit")
    return Layout(
        roof,
        module,
        corners,
        standing,
        mounting,
        tilt,
        azimuth,
        pitch,
        float(usable.area),
        load,
        tuple(warnings),
        ballast,
    )


def loads_kg_m2(module: Module, rules: LayoutRules, mounting: Mounting) -> tuple[float | None, float]:
    """Compute what a square metre of modules weighs with its mounting, and of that the ballast of racks.

    Ballast holds down what the wind's uplift exceeds the dead weight by; a roof without anchors needs it.

    Parameters
    ----------
    module : Module
        The module.
    rules : LayoutRules
        Weight of racks [kg/m2] and net uplift [Pa].
    mounting : {"flush", "racked"}
        On the roof's plane, or on racks.

    Returns
    -------
    float or None
        Load [kg/m2]; None where the module's weight is not known.
    float
        Ballast [kg/m2]; none where modules are flush.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.layout import loads_kg_m2
    >>> config = solar_config()
    >>> flush, racked = (
    ...     loads_kg_m2(config.equipment.module("mono-550"), config.layout, how)[0] for how in ("flush", "racked")
    ... )
    >>> round(flush, 1), round(racked, 1)
    (12.4, 27.5)
    """
    if module.weight_kg is None:
        return None, 0.0
    dead = (module.weight_kg + RAIL_KG) / module.area_m2
    if mounting == "flush":
        return dead, 0.0
    dead += rules.rack_kg_m2
    ballast = max(0.0, rules.wind_uplift_pa / GRAVITY_MS2 - dead)
    return dead + ballast, ballast


def grid_azimuths_deg(roof: RoofPlane, azimuth_deg: float) -> tuple[float, ...]:
    """List the directions in which rows of a roof may look: the wished one first, then its edges', within 45 degrees.

    A steep roof's rows look down its slope, and a roof of which only the area is known has no edges.

    Parameters
    ----------
    roof : RoofPlane
        The roof as it is built.
    azimuth_deg : float
        The wished azimuth [degrees].

    Returns
    -------
    tuple of float
        Azimuths, 0 to 360 [degrees].

    Examples
    --------
    >>> from bkkenergy.solar.layout import RoofPlane, grid_azimuths_deg
    >>> turned = RoofPlane(((0, 0), (10, 10), (0, 20), (-10, 10)), 0.0, 180.0)
    >>> grid_azimuths_deg(turned, 170.0)
    (170.0, 135.0)
    """
    if roof.tilt_deg > FLAT_DEG or not roof.is_known:
        return (azimuth_deg,)
    corners = np.asarray(roof.outline_m)
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    longest = np.argsort(-lengths)[:MAX_EDGES]
    along = np.degrees(np.arctan2(edges[longest, 0], edges[longest, 1]))[lengths[longest] > MIN_EDGE_M]
    off = (along - azimuth_deg + 45) % 90 - 45
    turned = (azimuth_deg + off[np.abs(off) > 1.0]) % 360
    return (azimuth_deg, *dict.fromkeys(float(value) for value in turned.round(1)))


def _with_more_grids(
    corners: FloatArray,
    usable: Polygon,
    roof: RoofPlane,
    module: Module,
    rules: LayoutRules,
    tilt_deg: float,
    azimuth_deg: float,
    latlon_deg: tuple[float, float],
) -> FloatArray:
    """Fill what the best grid leaves of a roof by further grids, turned or shifted: a wing, a strip by a machine."""
    standings: tuple[Standing, Standing] = ("portrait", "landscape")
    for _ in range(MAX_GRIDS - 1):
        apart_m = max(rules.module_gap_m, rules.walkway_m if rules.walkway_every_rows else 0.0)
        taken = shapely.union_all(shapely.polygons(corners)).buffer(apart_m, join_style="mitre")
        left = usable.difference(taken)
        if left.area < MIN_MORE_MODULES * module.area_m2:
            break
        grids = [
            _best_grid(left, roof, module, rules, way, "flush", tilt_deg, grid_deg, latlon_deg)[0]
            for grid_deg in grid_azimuths_deg(roof, azimuth_deg)
            for way in standings
        ]
        more = max(grids, key=len)
        if len(more) < MIN_MORE_MODULES:
            break
        corners = np.concatenate([corners, more])
    return corners


def _beside(corners: FloatArray, module: Module, taken_m2: float) -> FloatArray:
    """Leave out the last rows, as many modules as what is on the roof already covers. Raises InputError."""
    left = len(corners) - int(np.ceil(taken_m2 / module.area_m2))
    if left <= 0:
        raise InputError.of("roof_is_full", taken_m2=f"{taken_m2:.0f}", modules=len(corners))
    return corners[:left]


def usable_area(roof: RoofPlane, rules: LayoutRules) -> Polygon:
    """Cut what modules may not cover out of a roof's outline.

    Of a roof with only an area, the whole rectangle may be covered.

    Parameters
    ----------
    roof : RoofPlane
        The roof as it is built.
    rules : LayoutRules
        Setbacks and clearances [m].

    Returns
    -------
    Polygon
        What may be covered [m].

    Raises
    ------
    InputError
        If the outline, or that of an obstacle, crosses itself.

    Examples
    --------
    >>> from bkkenergy.solar.layout import usable_area
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.layout import roof_of_area
    >>> round(usable_area(roof_of_area(200.0, 10.0, 180.0), solar_config().layout).area)
    200
    """
    outline = Polygon(roof.outline_m, roof.holes_m)
    if not outline.is_valid:
        raise InputError.of("outline_crosses", reason=shapely.is_valid_reason(outline))
    usable = outline.buffer(-rules.setback_m, join_style="mitre") if roof.is_known else outline
    for number, box in enumerate(roof.obstacles, 1):
        if not Polygon(box.outline_m).is_valid:
            raise InputError.of("obstacle_crosses", number=number)
        usable = usable.difference(Polygon(box.outline_m).buffer(rules.obstacle_clearance_m, join_style="mitre"))
    return usable


def _turn(azimuth_deg: float) -> FloatArray:
    """Map (across, down the slope reversed) to (east, north): its second column points up the slope."""
    angle = np.radians(azimuth_deg)
    up = -np.array([np.sin(angle), np.cos(angle)])
    across = np.array([-np.cos(angle), np.sin(angle)])
    return np.stack([across, up], axis=1)


def _best_grid(
    usable: Polygon,
    roof: RoofPlane,
    module: Module,
    rules: LayoutRules,
    standing: Standing,
    mounting: Mounting,
    tilt_deg: float,
    azimuth_deg: float,
    latlon_deg: tuple[float, float],
) -> tuple[FloatArray, float]:
    """Find the corners of the fullest grid, row by row from the foot of the slope, and its pitch."""
    slant, width = module.length_m, module.width_m
    if standing == "landscape":
        slant, width = width, slant
    depth = slant * float(np.cos(np.radians(tilt_deg)))
    pitch = depth + rules.module_gap_m
    if mounting == "racked" and tilt_deg > 0:
        pitch = max(pitch, row_pitch_m(slant, tilt_deg, azimuth_deg, *latlon_deg))
    step = width + rules.module_gap_m
    turn = _turn(azimuth_deg)
    local = np.asarray(roof.outline_m) @ turn
    low, high = local.min(axis=0), local.max(axis=0)
    shapely.prepare(usable)
    best = np.empty((0, 4, 2))
    for shift_x, shift_y in product(range(OFFSETS), repeat=2):
        x = np.arange(low[0] + step * shift_x / OFFSETS, high[0] - width + 1e-9, step)
        y = np.arange(low[1] + pitch * shift_y / OFFSETS, high[1] - depth + 1e-9, pitch)
        y = _with_walkways(y, rules, pitch - depth, high[1] - depth)
        if len(x) * len(y) <= len(best):
            continue
        corner = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
        square = np.array([[0, 0], [width, 0], [width, depth], [0, depth]])
        inside = (corner + square) @ turn.T
        fits = shapely.covers(usable, shapely.polygons(inside)) if len(inside) else np.empty(0, np.bool_)
        if fits.sum() > len(best):
            best = inside[fits]
    return best, pitch


def _with_walkways(y: FloatArray, rules: LayoutRules, gap_m: float, most: float) -> FloatArray:
    """Return rows moved up so that a walkway's width stays free after each group of rows. gap_m : free between rows."""
    if not rules.walkway_every_rows:
        return y
    moved = y + (np.arange(len(y)) // rules.walkway_every_rows) * max(0.0, rules.walkway_m - gap_m)
    return moved[moved <= most + 1e-9]
