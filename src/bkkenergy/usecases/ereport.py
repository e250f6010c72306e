"""The state's index of an agency, month by month, and what its e-report asks for."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.agencymonths import enter_month_amounts, month_amounts
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.spans import mean_floor_m2, mean_of_days
from bkkenergy.savings.index import Energy, StandardUse, public_index, standard_of
from bkkenergy.site import Site
from bkkenergy.texts import Named
from bkkenergy.usecases.during import site_during
from bkkenergy.usecases.energy import air_temperature_c, quarter_hours
from bkkenergy.usecases.powers import use_case
from bkkenergy.usecases.turns import real_name
from bkkenergy.usecases.wholemonths import whole_months

AMOUNTS = (
    "staff", "floor_area_m2", "opening_hours", "visitors", "temperature_c", "service_area_km2", "distance_km",
    "fuel_litres",
)  # fmt: skip
"""What a person may enter of a month; fuel_litres is fuel that was used, the rest drives the standard use."""
MAX_AMOUNT = 1e12
MIN_KNOWN_RATIO = 0.9
"""A month of which less is known is not judged; a mean temperature of fewer hours is none."""


@dataclass(frozen=True, slots=True)
class EReportMonth:
    """A month of an agency as the e-report has it.

    electricity_kwh : of all main meters, None where nothing is known; meters_kwh : by meter. coverage_ratio : the share
    of the month that was measured. drivers : as they were taken; entered : those of them that a person entered.
    standard_kwh, index_ratio, standard_fuel_litres, fuel_index_ratio : None where `why` says what is missing.
    """

    agency: str
    code: str
    group: str
    month: dt.date
    electricity_kwh: float | None
    meters_kwh: Mapping[str, float]
    coverage_ratio: float
    fuel_litres: float | None
    drivers: Mapping[str, float]
    entered: frozenset[str]
    standard_kwh: float | None = None
    index_ratio: float | None = None
    standard_fuel_litres: float | None = None
    fuel_index_ratio: float | None = None
    why: tuple[InputError, ...] = field(default=(), repr=False)


@use_case("ereport.enter", "edit", "agency")
def enter_month(
    state: StateStore,
    actor: Actor,
    portfolio: Portfolio,
    agency: str,
    month: dt.date,
    amounts: Mapping[str, float],
    now: dt.datetime,
) -> None:
    """Enter what an agency reports of a month; the audit log has it with what was there before.

    Raises NotThere, NotAllowed, InputError where a name is not known or an amount cannot be, and StoreUnavailable.
    """
    actor.need("edit", agency)
    if agency not in portfolio.agencies:
        raise InputError.of("no_agency", agency=agency, known=", ".join(sorted(portfolio.agencies)))
    if not amounts:
        raise InputError.of("ereport_nothing", known=", ".join(AMOUNTS))
    for name, amount in amounts.items():
        if name not in AMOUNTS:
            raise InputError.of("ereport_name", name=name, known=", ".join(AMOUNTS))
        if not math.isfinite(amount) or not 0 <= amount <= MAX_AMOUNT:
            raise InputError.of("ereport_amount", name=name, amount=amount)
    if month.replace(day=1) > now.date():
        raise InputError.of("ereport_future", month=f"{month:%Y-%m}")
    with transaction(state) as connection:
        before = enter_month_amounts(connection, agency, f"{month:%Y-%m}", amounts, actor.name, now)
        detail = {"month": f"{month:%Y-%m}", "before": before, "after": dict(amounts)}
        enter_audit(connection, actor, "ereport", agency, detail, now)


def ereport_months(site: Site, standards: Sequence[StandardUse], agency_id: str, period: Period) -> list[EReportMonth]:
    """Compute the months of an agency for the e-report, each with its standard use and index where they can be given.

    Raises InputError where the agency is not known, and StoreUnavailable.
    """
    agency = site.portfolio.agencies.get(agency_id)
    if agency is None:
        raise InputError.of("no_agency", agency=agency_id, known=", ".join(sorted(site.portfolio.agencies)))
    spans = whole_months(period)
    amounts = month_amounts(site.state, agency_id, period.first_day, period.last_day)
    months = []
    for month in spans:
        entered = amounts.get(f"{month.first_day:%Y-%m}", {})
        months.append(_judged(_measured(site, agency_id, month, entered), standards, agency.name_th))
    return months


def _measured(site: Site, agency_id: str, month: Period, entered: Mapping[str, float]) -> EReportMonth:
    agency = site.portfolio.agencies[agency_id]
    then = site_during(site, month)
    buildings = then.portfolio.buildings_of(agency_id)
    meters = [meter for building in buildings for meter in building.main_meters]
    energy = quarter_hours(then.energy, meters, month)
    totals = energy.total_kwh(month.start, month.end)
    known = dict[str, float]()
    for name, kwh in totals.items():
        if math.isfinite(kwh):
            known[real_name(str(name))] = known.get(real_name(str(name)), 0.0) + float(kwh)
    coverage = energy.coverage_ratio(month.start, month.end)
    derived = _derived(then, buildings, month)
    drivers = derived | {name: amount for name, amount in entered.items() if name != "fuel_litres"}
    return EReportMonth(
        agency=agency_id,
        code=agency.ereport_code or "",
        group=agency.ereport_group or "",
        month=month.first_day,
        electricity_kwh=sum(known.values()) if known else None,
        meters_kwh=known,
        coverage_ratio=float(coverage.mean()) if meters else 0.0,
        fuel_litres=entered.get("fuel_litres"),
        drivers=drivers,
        entered=frozenset(entered),
    )


def _derived(site: Site, buildings: Sequence[Building], month: Period) -> dict[str, float]:
    """Return the drivers that are known without a person: area, staff where every building has it, temperature."""
    then = [site.portfolio.building_on(building.id, month.last_day) for building in buildings]
    days = (month.first_day, month.last_day)
    drivers = {"floor_area_m2": sum(mean_floor_m2(site.portfolio, building, *days) for building in then)}
    staff = [mean_of_days(site.portfolio, building, *days, lambda one: one.drivers.get("staff")) for building in then]
    known = [persons for persons in staff if persons is not None]
    if then and len(known) == len(then):
        drivers["staff"] = sum(known)
    temp_c = air_temperature_c(site.energy, site.portfolio, buildings[0], month) if buildings else None
    if temp_c is not None and len(temp_c) and np.isfinite(temp_c).mean() >= MIN_KNOWN_RATIO:
        drivers["temperature_c"] = float(np.nanmean(temp_c))
    return drivers


def _judged(month: EReportMonth, standards: Sequence[StandardUse], name_th: str) -> EReportMonth:
    if not month.group:
        return replace(month, why=(InputError.of("ereport_group", agency=Named(month.agency, name_th)),))
    why: list[InputError] = []
    kwh = month.electricity_kwh
    if month.coverage_ratio < MIN_KNOWN_RATIO:
        why.append(InputError.of("ereport_coverage", share=f"{month.coverage_ratio:.0%}".replace("%", " %")))
        kwh = None
    standard_kwh = _standard(month, standards, "electricity", why)
    standard_litres = _standard(month, standards, "fuel", why)
    if month.fuel_litres is None and standard_litres is not None:
        why.append(InputError.of("ereport_fuel"))
    return replace(
        month,
        standard_kwh=standard_kwh,
        index_ratio=_index(kwh, standard_kwh),
        standard_fuel_litres=standard_litres,
        fuel_index_ratio=_index(month.fuel_litres, standard_litres),
        why=tuple(why),
    )


def _standard(
    month: EReportMonth, standards: Sequence[StandardUse], energy: Energy, why: list[InputError]
) -> float | None:
    try:
        return standard_of(standards, month.group, energy, month.month).use(month.drivers)
    except InputError as missing:
        why.append(missing)
        return None


def _index(actual: float | None, standard: float | None) -> float | None:
    return None if actual is None or standard is None or standard <= 0 else public_index(actual, standard)
