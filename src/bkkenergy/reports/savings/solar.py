"""What PV made in a period, by its meters, and what bare roofs could make in a typical year."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.belongings import plants_of
from bkkenergy.reports.content import SolarUse
from bkkenergy.site import Site
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.screening import laid_roofs, produced_per_kwp
from bkkenergy.usecases.energy import meters_energy_kwh


def solar_use(site: Site, agency_id: str, period: Period) -> tuple[SolarUse, ...]:
    """Return installed PV with its output; on reports of a month or longer also possible PV."""
    buildings = site.portfolio.buildings_of(agency_id)
    kwp = {building.id: _installed_kwp(site.portfolio, building) for building in buildings}
    with_pv = {one.id for one in buildings if kwp[one.id] or any(meter.pv for meter in one.meters)}
    installed = [
        _installed(site, building, kwp[building.id], period) for building in buildings if building.id in with_pv
    ]
    if site.solar is None or period.kind == "day":
        return tuple(installed)
    bare = [building for building in buildings if building.id not in with_pv and building.roofs]
    return (*installed, *possible(bare, site.solar))


def possible(buildings: Sequence[Building], config: SolarConfig) -> list[SolarUse]:
    """Estimate what whole roofs could carry and make in a typical year, by the design's defaults, where modules fit."""
    module = next(iter(config.equipment.modules.values()))
    layouts, _ = laid_roofs(buildings, module, config.layout)
    fitting = [building for building in buildings if building.id in layouts]
    if not fitting:
        return []
    per_kwp = produced_per_kwp(fitting, layouts, typical_year(config.climate), config, module)
    kwp = {name: sum(layout.capacity_kwp for layout in roofs) for name, roofs in layouts.items()}
    return [
        SolarUse(
            name, is_installed=False, capacity_kwp=capacity_kwp, energy_kwh=float(per_kwp[name].sum()) * capacity_kwp
        )
        for name, capacity_kwp in kwp.items()
    ]


def _installed_kwp(portfolio: Portfolio, building: Building) -> float:
    """Return the capacity of a building's plants as they are entered, else what its roofs say."""
    plants = sum(plant.capacity_kwp for plant in plants_of(portfolio, building.id))
    return plants or sum(roof.installed_kwp or 0.0 for roof in building.roofs)


def _installed(site: Site, building: Building, capacity_kwp: float, period: Period) -> SolarUse:
    """Sum what a building's PV meters counted; None where it has none, or they sent nothing."""
    meters = tuple(meter for meter in building.meters if meter.pv)
    energy_kwh = meters_energy_kwh(site.energy, meters, period, "day") if meters else np.empty(0)
    return SolarUse(
        building.id,
        is_installed=True,
        capacity_kwp=capacity_kwp,
        energy_kwh=float(np.nansum(energy_kwh)) if np.isfinite(energy_kwh).any() else None,
    )
