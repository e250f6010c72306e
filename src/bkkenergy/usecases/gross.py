"""What a building used, whatever it came from: what baselines, savings and findings judge.

Gross use = import + production - export - tenants. Where it cannot be known the reason is an InputError, whose text a
page shows in its language.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError
from bkkenergy.metering.balance import balance
from bkkenergy.plan import Project
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.ports.ledger import EXPORT, QUARTERS_PER_DAY, LedgerReader
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.texts import Named
from bkkenergy.usecases.balance import Note, notes_on_pv, tenants_of
from bkkenergy.usecases.energy import building_quarters
from bkkenergy.usecases.flows import FlowSeries, Quarters
from bkkenergy.usecases.over import changes, over
from bkkenergy.usecases.turns import real_name

IDLE_IMPORT_RATIO = 0.01
"""While PV produces and a building takes less than this share of its mean, it may export without a register for it."""


@dataclass(frozen=True, slots=True)
class PvKnown:
    """PV of a building. since : first day on which each PV meter's PV produces, None where that is not recorded.

    is_unmetered : PV produces in the period that no meter counts.
    """

    since: Mapping[str, dt.date | None]
    is_unmetered: bool

    @property
    def first_day(self) -> dt.date | None:
        """First day of any PV; None where one of them is not dated, or there is none."""
        days = [day for day in self.since.values() if day is not None]
        return min(days) if days and len(days) == len(self.since) else None


def pv_of(portfolio: Portfolio, projects: Sequence[Project], building: Building, period: Period) -> PvKnown:
    """Return what is recorded of a building's PV up to a period's last day.

    A PV meter's PV begins with its plant; else with the project that it proves, or when the meter was commissioned,
    or on the day from which the building's records have it.
    """
    plants = [plant for plant in _plants(portfolio, period.last_day) if plant.building == building.id]
    roofed = portfolio.building_on(building.id, period.last_day)
    started = [plant for plant in plants if plant.commissioned is None or plant.commissioned <= period.last_day]
    has_pv = bool(building.pv_meters) or bool(started) or roofed.has_pv
    metered = {name for plant in plants for name in plant.meters}
    is_unmetered = any(not plant.meters for plant in started) if building.pv_meters else has_pv
    since = {
        meter.id: _since(portfolio, projects, plants if real_name(meter.id) in metered else [], building, meter.id)
        for meter in building.pv_meters
    }
    return PvKnown(since, is_unmetered)


def _plants(portfolio: Portfolio, day: dt.date) -> list[PvPlant]:
    return list(portfolio.records.on("pv_plant", day).values()) if portfolio.records.entries else []


def _since(
    portfolio: Portfolio, projects: Sequence[Project], plants: Sequence[PvPlant], building: Building, meter_id: str
) -> dt.date | None:
    meter = next(meter for meter in building.pv_meters if meter.id == meter_id)
    meter_id = real_name(meter_id)
    days = [plant.commissioned for plant in plants if meter_id in plant.meters and plant.commissioned]
    days += [project.done_on for project in projects if project.pv_meter == meter_id and project.done_on]
    days += [meter.commissioned.astimezone(BANGKOK).date()] if meter.commissioned else []
    if days:
        return days[0]
    recorded = portfolio.records.of("meter", meter_id) if portfolio.records.entries else ()
    first = min((entry.valid_from for entry in recorded), default=dt.date.min)
    before = None if first == dt.date.min else portfolio.building_on(building.id, first - dt.timedelta(days=1))
    return None if before is None or before.has_pv else first


def needs_balance(
    ledger: LedgerReader, portfolio: Portfolio, buildings: Sequence[Building], period: Period
) -> Collection[str]:
    """Return the buildings whose use is not simply their import. Raises StoreUnavailable."""
    mains = [meter.id for building in buildings for meter in building.main_meters]
    totals = ledger.totals(mains, EXPORT, period.first_day, period.last_day)
    sold = np.nan_to_num(totals.total).sum(axis=0) > 0
    planted = {plant.building for plant in _plants(portfolio, period.last_day)}
    exporting = {name for name, has_sold in zip(totals.meters, sold.tolist(), strict=True) if has_sold}
    return {
        building.id
        for building in buildings
        if building.has_pv
        or building.id in planted
        or building.tenant_signs
        or any(meter.id in exporting for meter in building.main_meters)
        or changes(portfolio, building)
    }


def gross_quarters(
    ledger: LedgerReader, portfolio: Portfolio, projects: Sequence[Project], building: Building, period: Period
) -> FlowSeries:
    """Return a building's gross use by quarter-hour over whole days.

    Raises StoreUnavailable, and InputError with the reason where it cannot be known.
    """
    ledger, building = over(ledger, portfolio, building, period)
    named = Named(building.id, building.name_th)
    if not building.main_meters:
        raise InputError.of("no_meter", building=named)
    pv = pv_of(portfolio, projects, building, period)
    if pv.is_unmetered:
        raise InputError.of("pv_not_metered", building=named)
    quarters = Quarters.read(ledger, building, period, "15min")
    bought = quarters.accepted(building.main_meters)
    sold = quarters.exported(building.main_meters)
    if pv.first_day is not None:
        sold = _nothing_before(sold, _is_before(period, pv.first_day))
    notes = notes_on_pv(quarters, sold)
    if Note.EXPORT_WITHOUT_PV in notes:
        raise InputError.of("export_without_pv", building=named)
    production = _production(quarters, pv, period)
    if Note.EXPORT_NOT_METERED in notes:
        sold = _unknown_while_idle(sold, bought, production)
    tenants = tenants_of(quarters)
    split = balance(bought.kwh, sold.kwh, production.kwh, None if tenants is None else tenants.kwh)
    return bought.with_kwh(split.gross_use_kwh, sold, production, *([] if tenants is None else [tenants]))


def _production(quarters: Quarters, pv: PvKnown, period: Period) -> FlowSeries:
    """Return production, zero before each PV began. Raises InputError where it is not known when PV began."""
    building = quarters.building
    known = np.ones(len(quarters.import_kwh), np.bool_)
    production = FlowSeries(np.zeros(len(known)), known, known)
    for meter in building.pv_meters:
        produced = quarters.imported([meter])
        since = pv.since[meter.id]
        if since is not None:
            produced = _nothing_before(produced, _is_before(period, since))
        elif not produced.is_known.any():
            raise InputError.of("pv_start_unknown", building=Named(building.id, building.name_th), meter=meter.id)
        production = production.with_kwh(production.kwh + produced.kwh, produced)
    return production


def _is_before(period: Period, day: dt.date) -> BoolArray:
    days = np.array([one < day for one in period.dates], np.bool_)
    return np.repeat(days, QUARTERS_PER_DAY)


def _nothing_before(series: FlowSeries, is_before: BoolArray) -> FlowSeries:
    return FlowSeries(np.where(is_before, 0.0, series.kwh), series.is_known | is_before, series.is_firm | is_before)


def _unknown_while_idle(sold: FlowSeries, bought: FlowSeries, production: FlowSeries) -> FlowSeries:
    """Return export without a register: unknown where PV produces while the building takes next to nothing."""
    mean_kwh = float(np.nanmean(bought.kwh)) if np.isfinite(bought.kwh).any() else 0.0
    may_export = (production.kwh > 0) & ~(bought.kwh > IDLE_IMPORT_RATIO * mean_kwh)
    return FlowSeries(np.where(may_export, np.nan, sold.kwh), sold.is_known & ~may_export, sold.is_firm & ~may_export)


def own_supply_days(
    ledger: LedgerReader, portfolio: Portfolio, projects: Sequence[Project], building: Building, period: Period
) -> FloatArray:
    """Return (days,) gross use that the grid did not give [kWh]; NaN where it is not known.

    Raises StoreUnavailable.
    """
    if building.id not in needs_balance(ledger, portfolio, [building], period):
        return np.zeros(len(period.dates))
    try:
        gross = gross_quarters(ledger, portfolio, projects, building, period)
    except InputError:
        return np.full(len(period.dates), np.nan)
    bought = building_quarters(*over(ledger, portfolio, building, period), period).known_kwh
    own_kwh = np.where(gross.is_known, gross.kwh, np.nan) - bought
    days_kwh: FloatArray = own_kwh.reshape(-1, QUARTERS_PER_DAY).sum(axis=1)
    return days_kwh
