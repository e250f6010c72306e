"""Buildings and meters as they were on the days of a request, for who may see them."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building, Meter
from bkkenergy.site import Site
from bkkenergy.usecases.standing import owner_of, site_then
from bkkenergy.web.security import Visitor


@dataclass(frozen=True, slots=True)
class BuildingThen:
    """A building on the days of a request, with the site as it was then."""

    site: Site
    building: Building

    def meter(self, meter_id: str) -> Meter:
        """Return one of its meters. Raises 404."""
        for meter in self.building.meters:
            if meter.id == meter_id:
                return meter
        raise HTTPException(404, f"{meter_id} is no meter of {self.building.id}")


def building_then(visitor: Visitor, building_id: str, period: Period, *, meter: str = "") -> BuildingThen:
    """Return a building as it was on the last day of a period on which it, or its meter, was there.

    Raises 404 where it was not there, or is another's: whose it is, or was at the last, may see all its days.
    """
    site = visitor.here.opened
    owner = owner_of(site.portfolio, building_id)
    if owner is None:
        raise HTTPException(404, "not found")
    visitor.need("see", owner)
    try:
        site = site_then(site, meter or building_id, period)
    except InputError as why:
        raise HTTPException(404, why.said(visitor.lang)) from None
    building = site.portfolio.buildings.get(building_id)
    if building is None:
        raise HTTPException(404, "not found")
    return BuildingThen(site, building)
