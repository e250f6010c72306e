"""From a roof of the portfolio to a layout, and from a layout to a plane that is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from shapely.geometry import Polygon

from bkkenergy.errors import InputError
from bkkenergy.lazy import pvlib
from bkkenergy.portfolio import Building, Roof
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import LayoutRules, Support
from bkkenergy.solar.irradiance import Sky
from bkkenergy.solar.layout import FLAT_DEG, Layout, RoofPlane, lay_out, roof_of_area
from bkkenergy.solar.module import Module
from bkkenergy.solar.production import Models, Mounting, Plane
from bkkenergy.solar.shading import Box, beam_seen, sky_seen, skyline_deg, strings_lit
from bkkenergy.solar.strings import BEST_DC_AC_RATIO

MAX_SHARED_M2 = 1.0
LEAST_SHADE = 1e-9
GROUND_ALBEDO = Models().albedo
KW_PER_KWP = 1 / BEST_DC_AC_RATIO
"""Inverters for each kWp before strings are planned."""


def roof_plane(roof: Roof) -> RoofPlane:
    """Convert a configured roof to a plane to lay modules on.

    Parameters
    ----------
    roof : Roof
        A roof of the portfolio.

    Returns
    -------
    RoofPlane
        Its outline with obstacles, or a rectangle of its usable area.

    Examples
    --------
    >>> from bkkenergy.solar.roofs import roof_plane
    >>> import bkkenergy as bk
    >>> roof_plane(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)).is_known
    False
    """
    if roof.outline_m:
        boxes = tuple(Box(tuple(obstacle.outline_m), obstacle.height_m) for obstacle in roof.obstacles)
        return RoofPlane(tuple(roof.outline_m), roof.tilt_deg, roof.azimuth_deg, boxes, holes_m=roof.holes_m)
    return roof_of_area((roof.area_m2 or 0.0) * roof.usable_ratio, roof.tilt_deg, roof.azimuth_deg)


def with_plants(building: Building, plants: Sequence[PvPlant]) -> Building:
    """Return a building whose roofs know the PV that is on them, by their own figure and by the portfolio's plants.

    Both describe the same modules: of a roof's installed_kwp and its plants' capacity the larger one counts. A plant
    that names no roofs fills what installed_kwp says beyond the others, and then all roofs by their area.

    Parameters
    ----------
    building : Building
        With its roofs.
    plants : sequence of PvPlant
        Of the building.

    Returns
    -------
    Building
        With installed_kwp on each roof [kWp].

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.more import PvPlant
    >>> from bkkenergy.solar.roofs import with_plants
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180, installed_kwp=20)
    >>> building = next(iter(demonstration().buildings.values())).model_copy(update={"roofs": (roof,)})
    >>> with_plants(building, [PvPlant(id="a", building=building.id, capacity_kwp=30)]).roofs[0].installed_kwp
    30.0
    """
    if not plants or not building.roofs:
        return building
    area_m2 = {roof.id: _area_m2(roof) for roof in building.roofs}
    by_plants = dict.fromkeys(area_m2, 0.0)
    free_kwp = 0.0
    for plant in plants:
        named = [name for name in plant.roofs if name in area_m2]
        for name in named:
            by_plants[name] += plant.capacity_kwp * area_m2[name] / sum(area_m2[one] for one in named)
        free_kwp += 0.0 if named else plant.capacity_kwp
    said = {roof.id: roof.installed_kwp or 0.0 for roof in building.roofs}
    beyond_kwp = sum(max(0.0, said[name] - by_plants[name]) for name in area_m2)
    rest_kwp = max(0.0, free_kwp - beyond_kwp)
    whole_m2 = sum(area_m2.values())
    existing = {name: max(said[name], by_plants[name]) + rest_kwp * area_m2[name] / whole_m2 for name in area_m2}
    roofs = tuple(roof.model_copy(update={"installed_kwp": existing[roof.id] or None}) for roof in building.roofs)
    return building.model_copy(update={"roofs": roofs})


def _area_m2(roof: Roof) -> float:
    return float(Polygon(roof.outline_m, roof.holes_m).area) if roof.outline_m else roof.area_m2 or 0.0


def laid(
    roof: Roof,
    module: Module,
    building: Building,
    rules: LayoutRules,
    *,
    mounting: Mounting = "flush",
    rack_tilt_deg: float = 10.0,
    support: Support | None = None,
) -> Layout:
    """Lay modules on a configured roof; racks stand only where it is flat.

    A canopy carries modules at its own tilt up to its edges; on a pond rows of floats stand at the roof's tilt.

    Parameters
    ----------
    roof : Roof
        A roof of the portfolio.
    module : Module
        The module.
    building : Building
        Where it stands.
    rules : LayoutRules
        Setbacks, gaps, walkways and the load that the roof bears.
    mounting : {"flush", "racked"}
        On the roof's plane, or on racks.
    rack_tilt_deg : float
        Tilt of the racks [degrees].
    support : Support, optional
        What the modules stand on, where it is no roof: `supports.support_of`.

    Returns
    -------
    Layout
        Where each module lies [m].

    Raises
    ------
    InputError
        If none fits, and why.

    Examples
    --------
    >>> from bkkenergy.solar.roofs import laid
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.library.skies import solar_config
    >>> building = next(one for one in demonstration().buildings.values() if one.roofs)
    >>> config = solar_config()
    >>> laid(building.roofs[0], config.equipment.module("mono-550"), building, config.layout).module_count > 0
    True
    """
    if support is not None:
        return _on_support(roof, module, building, rules, support, rack_tilt_deg)
    return lay_out(
        roof_plane(roof),
        module,
        rules,
        latitude_deg=building.latitude_deg,
        longitude_deg=building.longitude_deg,
        mounting=mounting if roof.tilt_deg <= FLAT_DEG else "flush",
        rack_tilt_deg=rack_tilt_deg,
        existing_kwp=roof.installed_kwp or 0.0,
    )


def _on_support(
    roof: Roof, module: Module, building: Building, rules: LayoutRules, support: Support, rack_tilt_deg: float
) -> Layout:
    """Lay modules on a canopy or on floats: no roof's load counts, and none of its ballast."""
    plane = roof_plane(roof)
    is_floating = support.id == "floating"
    layout = lay_out(
        replace(plane, tilt_deg=0.0) if is_floating else plane,
        module,
        rules.model_copy(update={"setback_m": support.setback_m}),
        latitude_deg=building.latitude_deg,
        longitude_deg=building.longitude_deg,
        mounting="racked" if is_floating else "flush",
        rack_tilt_deg=roof.tilt_deg or rack_tilt_deg,
        existing_kwp=roof.installed_kwp or 0.0,
    )
    warnings = tuple(key for key in layout.warnings if key not in {"ballast_is_assumed", "load_above_limit"})
    return replace(layout, load_kg_m2=None, ballast_kg_m2=0.0, warnings=warnings, support=support)


def check_apart(building: Building) -> None:
    """Check that the roofs of a building do not lie over one another.

    Parameters
    ----------
    building : Building
        With its roofs, in metres of one origin.

    Raises
    ------
    InputError
        With the two that share more than a square metre: both would be covered.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.solar.roofs import check_apart
    >>> all(check_apart(building) is None for building in demonstration().buildings.values())
    True
    """
    known = [(roof.id, Polygon(roof.outline_m, roof.holes_m)) for roof in building.roofs if roof.outline_m]
    for (one, first), (other, second) in combinations(known, 2):
        if first.is_valid and second.is_valid and (shared_m2 := first.intersection(second).area) > MAX_SHARED_M2:
            raise InputError.of("roofs_overlap", one=one, other=other, area_m2=f"{shared_m2:.0f}")


def rows_seen(layout: Layout, sky: Sky) -> tuple[FloatArray, float, float]:
    """Compute what rows of racks leave one another of the beam, of the sky and of the ground.

    The row in front hides the sun early and late, and a strip of the sky all day. Rows are taken as long and many: the
    first one, which nothing shades, counts as the others. Light is lost in proportion to the shaded area; what the
    shade of a few cells does to a whole string comes on top, 1 to 2 % of a year at 10 to 20 degrees by SAM's standard
    self-shading. A design says the most that it can be: `as_plane` with modules_in_string.

    Parameters
    ----------
    layout : Layout
        Modules on racks.
    sky : Sky
        The sky in d daylight intervals.

    Returns
    -------
    (d,) array
        Share of the beam, 0 to 1.
    float
        Share of the sky's diffuse light, 0 to 1.
    float
        Share of the light from the ground, 0 to 1: of the strip between two rows.

    References
    ----------
    .. [1] Anderson and Jensen 2024, "Shaded fraction and backtracking in single-axis trackers on rolling terrain",
       Journal of Renewable and Sustainable Energy 16, 023504; as in `pvlib.shading.shaded_fraction1d`.
    .. [2] Mikofski et al. 2019, "Bifacial performance modeling in large arrays", IEEE 46th Photovoltaic Specialists
       Conference: view of the sky from a row, as in `pvlib.bifacial.utils.vf_row_sky_2d_integ`.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> from bkkenergy.solar.irradiance import sky_of
    >>> from bkkenergy.solar.layout import RoofPlane, lay_out
    >>> from bkkenergy.solar.roofs import rows_seen
    >>> config, roof = solar_config(), RoofPlane(((0, 0), (20, 0), (20, 20), (0, 20)), 0.0, 180.0)
    >>> racked = lay_out(
    ...     roof, config.equipment.module("mono-550"), config.layout, latitude_deg=13.75, longitude_deg=100.5,
    ...     mounting="racked",
    ... )
    >>> beam, diffuse, ground = rows_seen(racked, sky_of(bangkok_year()))
    >>> float(beam.min()) < 0.7, 0.95 < diffuse < 1.0, 0.1 < ground < 0.3
    (True, True, True)
    """
    module = layout.module
    slant_m = module.length_m if layout.standing == "portrait" else module.width_m
    tilt_deg, pitch_m = layout.module_tilt_deg, max(layout.row_pitch_m, slant_m)
    shaded = pvlib.shading.shaded_fraction1d(
        90 - sky.elevation_deg, sky.azimuth_deg, layout.module_azimuth_deg - 90, tilt_deg,
        collector_width=slant_m, pitch=pitch_m,
    )  # fmt: skip
    alone = (1 + np.cos(np.radians(tilt_deg))) / 2
    covered_ratio = slant_m / pitch_m
    diffuse = float(pvlib.bifacial.utils.vf_row_sky_2d_integ(tilt_deg, covered_ratio)) / alone
    beam: FloatArray = 1 - np.nan_to_num(np.asarray(shaded, np.float64))
    return beam, float(min(1.0, diffuse)), 1 - covered_ratio


def as_plane(
    layout: Layout,
    sky: Sky,
    kw_per_kwp: float,
    horizon: Sequence[tuple[float, float]],
    modules_in_string: int | None = None,
) -> Plane:
    """Convert a layout to a plane to simulate, with the skyline that its obstacles and the horizon make.

    Shade counts by its area, which is the least that it costs. With modules_in_string it counts by strings, the
    most: one of which anything is shaded gets no beam at all. Bypass diodes and several trackers lie between.

    Parameters
    ----------
    layout : Layout
        Modules on a roof.
    sky : Sky
        The sky in d daylight intervals.
    kw_per_kwp : float
        Inverter power for each kWp [kW/kWp].
    horizon : sequence of (azimuth, elevation)
        What stands far off [degrees].
    modules_in_string : int, optional
        Count shade by strings of as many modules.

    Returns
    -------
    Plane
        The plane with what shade leaves of the beam and of the sky.

    References
    ----------
    .. [1] PVsyst 7, help, "Near shadings: partition in module strings": a string that a shadow touches is inactive for
       the beam.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> from bkkenergy.solar.irradiance import sky_of
    >>> from bkkenergy.solar.roofs import as_plane, laid
    >>> building = next(one for one in demonstration().buildings.values() if one.roofs)
    >>> config = solar_config()
    >>> layout = laid(building.roofs[0], config.equipment.module("mono-550"), building, config.layout)
    >>> as_plane(layout, sky_of(bangkok_year()), 0.8, [(0.0, 20.0), (180.0, 20.0)]).sky_seen < 1.0
    True
    """
    seen, share, ground = None, 1.0, 1.0
    if layout.support is not None:
        ground = layout.support.ground_albedo / GROUND_ALBEDO
    if layout.roof.obstacles or horizon:
        skyline = skyline_deg(layout.points_m(), layout.roof.obstacles, horizon)
        seen, share = beam_seen(skyline, sky), sky_seen(skyline, layout.module_tilt_deg, layout.module_azimuth_deg)
        if modules_in_string:
            every = skyline_deg(layout.corners_m.mean(axis=1), layout.roof.obstacles, horizon)
            seen = strings_lit(every, sky, modules_in_string)
    if layout.mounting == "racked" and layout.module_tilt_deg > 0:
        beam, diffuse, between = rows_seen(layout, sky)
        ground *= between
        beam = np.where(beam < 1 - LEAST_SHADE, 0.0, beam) if modules_in_string else beam
        seen, share = beam if seen is None else seen * beam, share * diffuse
    return Plane(
        layout.module_tilt_deg,
        layout.module_azimuth_deg,
        layout.capacity_kwp,
        layout.capacity_kwp * kw_per_kwp,
        layout.support.cooling if layout.support else layout.mounting,
        seen,
        share,
        ground,
    )
