"""The JSON API of PV plants: months against what the light should give, drops, ageing, dust."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from bkkenergy.errors import InputError
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.usecases.plantwork import YEARS, PlantWork, plant_named, plant_work, work_record
from bkkenergy.web.api import tagged
from bkkenergy.web.api_rows import Row
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)
RESPONSES: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the ETag that was sent"},
}
WORK_S = 600.0


class PlantMonthRow(Row):
    """A month. Ratios and expected energy are of the hours that are known; null where they cannot be."""

    month: dt.date
    energy_kwh: float | None
    expected_kwh: float | None
    performance_ratio: float | None
    pr_25c_ratio: float | None
    known_ratio: float
    outage_h: float | None
    availability_ratio: float | None
    clipped_h: float | None
    against_expected_ratio: float | None


class DropRow(Row):
    """Output fell and stayed lower from a day on. kind : of the whole plant, or of the part that a meter counts."""

    kind: Literal["plant", "part"]
    day: dt.date
    drop_ratio: float
    threshold_ratio: float
    meter: str | None


class YearlyRateRow(Row):
    """Change of the corrected performance ratio a year, with its 90 % interval."""

    ratio_per_year: float
    low_ratio: float
    high_ratio: float
    pairs: int


class SoilingRow(Row):
    """Dust between cleanings: loss a day, and of the light over the whole time."""

    ratio_per_day: float
    lost_ratio: float
    runs: int
    cleanings: int


class PlantWorkRow(Row):
    """How a PV plant works. light : "typical" where no station is near; then performance ratios are null.

    witness : what drops of the whole plant are found by: a station, or other plants.
    """

    plant: str
    building: str
    capacity_kwp: float
    first: dt.date
    last: dt.date
    light: Literal["station", "typical"]
    station: str | None
    witness: Literal["station", "plants", "none"]
    planes_are_entered: bool
    months: list[PlantMonthRow]
    drops: list[DropRow]
    yearly_rate: YearlyRateRow | None
    soiling: SoilingRow | None


def seen_plant(visitor: Visitor, plant_id: str) -> PvPlant:
    """Return a plant of a building that the visitor may see; any other is not found."""
    try:
        plant = plant_named(visitor.here.portfolio, plant_id)
    except InputError:
        raise HTTPException(404, "not found") from None
    building_of(visitor, plant.building)
    return plant


def work_of(visitor: Visitor, plant: PvPlant, years: int = YEARS) -> PlantWork:
    """Return how a plant works, computed once in ten minutes. Raises InputError and StoreUnavailable."""
    here = visitor.here

    def judged() -> PlantWork:
        return plant_work(here.opened, plant, today=here.today, years=years)

    work: PlantWork = here.cached(("plant", plant, years, here.today), WORK_S, judged)
    return work


@router.get("/plants/{plant_id}", response_model=PlantWorkRow, responses=RESPONSES)
def plant(
    request: Request, plant_id: str, visitor: ApiVisitor, years: Annotated[int, Query(ge=1, le=10)] = YEARS
) -> Response:
    """Return how a PV plant works over some years, month by month, up to yesterday."""
    try:
        work = work_of(visitor, seen_plant(visitor, plant_id), years)
    except InputError as why:
        raise HTTPException(422, str(why)) from None
    return tagged(request, msgspec.json.encode(work_record(work)))
