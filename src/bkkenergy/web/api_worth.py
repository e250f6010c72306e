"""The JSON API, version 1, of a saving in baht and under typical weather."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.reports.savings.gather import hours_of
from bkkenergy.reports.savings.worth import saving_worth, year_under_typical_weather
from bkkenergy.reports.savings.worthwords import normal_data, worth_data
from bkkenergy.savings.normal import NormalSaving
from bkkenergy.savings.uncertainty import Band
from bkkenergy.savings.worth import Worth
from bkkenergy.web.api_rows import Row
from bkkenergy.web.building import judged_lately, versions_here, waiting_of
from bkkenergy.web.context import AppContext
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)
WORTH_S = 600.0
"""How long a building's figures stay before they are computed again."""


@dataclass(frozen=True, slots=True)
class SavingInBaht:
    """What a building's saving of the fiscal year so far is worth, and its year under typical weather; or why not."""

    band: Band | None
    worth: Worth | InputError
    normal: NormalSaving | InputError


def saving_in_baht(here: AppContext, building: Building) -> SavingInBaht:
    """Return what a building's saving is worth, computed once a while. Raises StoreUnavailable."""
    versions, waiting = versions_here(here, building), waiting_of(here, building)
    key = ("worth", building.id, here.today, waiting, tuple((one.number, one.state) for one in versions))
    known: SavingInBaht = here.cached(key, WORTH_S, lambda: _computed(here, building))
    return known


def _computed(here: AppContext, building: Building) -> SavingInBaht:
    versions = versions_here(here, building)
    judged = judged_lately(here, building, versions, waiting_of(here, building))
    worth: Worth | InputError
    try:
        if not building.main_meters:
            raise InputError.of("no_meter", building=building.id)
        saving = judged.saving
        if saving.saving is None:
            raise saving.why or InputError.of("no_valid_day")
        days = Period.days(saving.saving.first, here.today - dt.timedelta(days=1))
        worth = saving_worth(here.site, saving, hours_of(here.site, building, days))
    except InputError as why:
        worth = why
    return SavingInBaht(judged.saving.band, worth, _normal(here, building))


def _normal(here: AppContext, building: Building) -> NormalSaving | InputError:
    try:
        last_day = here.today - dt.timedelta(days=1)
        return year_under_typical_weather(here.site, building, last_day, versions_here(here, building))
    except InputError as why:
        return why


class WorthMonthRow(Row):
    """A month of a saving. demand_kw, before_kw, demand_thb are null where peaks cannot be compared."""

    month: dt.date
    on_peak_kwh: float
    off_peak_kwh: float
    energy_thb: float
    demand_kw: float | None
    before_kw: float | None
    demand_thb: float | None


class NormalRow(Row):
    """A year under typical weather, by the baseline and by a model of the year itself."""

    first: dt.date
    last: dt.date
    baseline_kwh: float
    reporting_kwh: float
    saving_ratio: float
    half_width_ratio: float
    significant_ratio: float
    verdict: Literal["proven", "increase", "unclear", "short", "part", "old"]


class WorthRow(Row):
    """What a saving is worth [THB] with VAT, from the fiscal year's start; null where it cannot be said, and why.

    half_energy_thb, half_demand_thb, half_thb : half of the 90 % intervals. verdict : of the saving itself. normal :
    the last 365 days under typical weather.
    """

    building: str
    verdict: str | None
    first: dt.date | None
    last: dt.date | None
    months: list[WorthMonthRow]
    on_peak_kwh: float | None
    off_peak_kwh: float | None
    energy_thb: float | None
    half_energy_thb: float | None
    demand_thb: float | None
    half_demand_thb: float | None
    total_thb: float | None
    half_thb: float | None
    schedules: list[str]
    is_provisional: bool
    why: str | None
    normal: NormalRow | None
    normal_why: str | None


@router.get("/buildings/{building_id}/worth")
def worth(building_id: str, visitor: ApiVisitor) -> WorthRow:
    """Return what a building's saving is worth since the fiscal year's start, and its year under typical weather."""
    building = building_of(visitor, building_id)
    known = saving_in_baht(visitor.here, building)
    data = dict.fromkeys(WorthRow.model_fields, None) | {"months": [], "schedules": [], "is_provisional": False}
    if isinstance(known.worth, Worth):
        whole = worth_data(known.worth)
        data |= {name: whole[name] for name in whole.keys() & data.keys()}
        data |= {"schedules": list(known.worth.schedules), "is_provisional": bool(known.worth.provisional)}
    else:
        data["why"] = known.worth.said("en")
    if isinstance(known.normal, NormalSaving):
        data["normal"] = normal_data(known.normal)
    del data["building"], data["verdict"], data["normal_why"]
    return WorthRow(
        building=building.id,
        verdict=known.band and known.band.verdict,
        normal_why=known.normal.said("en") if isinstance(known.normal, InputError) else None,
        **data,
    )
