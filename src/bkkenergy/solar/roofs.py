"""From a roof of the portfolio to a layout, and from a layout to a plane that is simulated."""

from __future__ import annotations

from collections.abc import Sequence

from bkkenergy.portfolio import Building, Roof
from bkkenergy.solar.assumptions import LayoutRules
from bkkenergy.solar.irradiance import Sky
from bkkenergy.solar.layout import Layout, RoofPlane, lay_out, roof_of_area
from bkkenergy.solar.module import Module
from bkkenergy.solar.production import Mounting, Plane
from bkkenergy.solar.shading import Box, beam_seen, sky_seen, skyline_deg
from bkkenergy.solar.strings import BEST_DC_AC_RATIO

KW_PER_KWP = 1 / BEST_DC_AC_RATIO
"""Inverters for each kWp before strings are planned."""
FLAT_DEG = 7.0
"""Roofs steeper than this carry their modules flush; flatter ones can carry racks."""


def roof_plane(roof: Roof) -> RoofPlane:
    """A configured roof as a plane to lay modules on."""
    if roof.outline_m:
        boxes = tuple(Box(tuple(obstacle.outline_m), obstacle.height_m) for obstacle in roof.obstacles)
        return RoofPlane(tuple(roof.outline_m), roof.tilt_deg, roof.azimuth_deg, boxes)
    return roof_of_area((roof.area_m2 or 0.0) * roof.usable_ratio, roof.tilt_deg, roof.azimuth_deg)


def laid(
    roof: Roof,
    module: Module,
    building: Building,
    rules: LayoutRules,
    *,
    mounting: Mounting = "flush",
    rack_tilt_deg: float = 10.0,
) -> Layout:
    """Modules on a configured roof; racks only where it is flat. Raises InputError when none fits."""
    return lay_out(
        roof_plane(roof),
        module,
        rules,
        latitude_deg=building.latitude_deg,
        longitude_deg=building.longitude_deg,
        mounting=mounting if roof.tilt_deg <= FLAT_DEG else "flush",
        rack_tilt_deg=rack_tilt_deg,
    )


def as_plane(layout: Layout, sky: Sky, kw_per_kwp: float, horizon: Sequence[tuple[float, float]]) -> Plane:
    """A layout as a plane to simulate, with the skyline that its obstacles and the horizon make."""
    seen, share = None, 1.0
    if layout.roof.obstacles or horizon:
        skyline = skyline_deg(layout.points_m(), layout.roof.obstacles, horizon)
        seen, share = beam_seen(skyline, sky), sky_seen(skyline, layout.module_tilt_deg, layout.module_azimuth_deg)
    return Plane(
        layout.module_tilt_deg,
        layout.module_azimuth_deg,
        layout.capacity_kwp,
        layout.capacity_kwp * kw_per_kwp,
        layout.mounting,
        seen,
        share,
    )
