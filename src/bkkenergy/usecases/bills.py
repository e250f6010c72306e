"""Computes bills of buildings and accounts from the ledger: by calendar months, from read to read, of any days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, edges
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.more import ElectricityAccount
from bkkenergy.ports.channels import IMPORT, KVAR, QUARTERS_PER_DAY, REACTIVE, Channel
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.site import Site
from bkkenergy.tariff.bill import MONTHS_BEFORE, Bill, bills_by_schedules
from bkkenergy.tariff.quantities import Quantities, Read, quantities_of_many, read_on
from bkkenergy.tariff.schedule import MEA_SUPPLY, Schedule, Supply, Window
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, BuildingQuarters, building_quarters, meters_quarters
from bkkenergy.usecases.over import all_over, over
from bkkenergy.usecases.turns import real_name
from bkkenergy.usecases.wholemonths import whole_months

Billable = Building | ElectricityAccount
"""What bills are computed of. A building has all its main meters, an account the meters that it is for."""


MIN_MEASURED_RATIO = 0.9
"""Share of a month's quarter-hours that have to be measured for its peak to be compared."""


@dataclass(frozen=True, slots=True)
class PricedMonths:
    """Months as they are billed, and as they would have been without a saving; the schedule of each part of them."""

    billed: list[Quantities]
    without: list[Quantities]
    schedules: list[Schedule]


class Billed(Protocol):
    """What a bill is made from: meters, and what holds on a day."""

    def quarters(self, ledger: LedgerReader, period: Period, channel: Channel = IMPORT) -> BuildingQuarters:
        """Return the quarter-hours of the meters whose energy is billed. Raises StoreUnavailable."""

    def accounts_on(self, day: dt.date) -> tuple[ElectricityAccount, ...]:
        """Return the electricity accounts of a day."""

    def schedule_on(self, day: dt.date) -> str:
        """Return the schedule of a day."""

    def supply_on(self, day: dt.date) -> Supply:
        """Return what the accounts of a day agree on; for the rest MEA's usual supply."""


@dataclass(frozen=True, slots=True)
class BilledBuilding:
    """A building as it is billed: by its own accounts, or without one by its own tariff."""

    portfolio: Portfolio
    building: Building

    def quarters(self, ledger: LedgerReader, period: Period, channel: Channel = IMPORT) -> BuildingQuarters:
        """Return the quarter-hours of the building's main meters. Raises StoreUnavailable."""
        return building_quarters(*over(ledger, self.portfolio, self.building, period), period, channel)

    def accounts_on(self, day: dt.date) -> tuple[ElectricityAccount, ...]:
        """Return the building's accounts of a day."""
        return self.portfolio.on(day).accounts_of(self.building.id)

    def schedule_on(self, day: dt.date) -> str:
        """Return the building's schedule of a day; where it is not there, its present one."""
        return self.portfolio.schedule_on(self.building.id, day) or self.portfolio.schedule_of(self.building)

    def supply_on(self, day: dt.date) -> Supply:
        """Return what the building's accounts of a day agree on."""
        return supply_of(self.accounts_on(day))


@dataclass(frozen=True, slots=True)
class BilledAccount:
    """An electricity account: a part of a building, a building, or a campus."""

    portfolio: Portfolio
    account: ElectricityAccount

    def quarters(self, ledger: LedgerReader, period: Period, channel: Channel = IMPORT) -> BuildingQuarters:
        """Return the quarter-hours of the account's own meters; where it names none, of its buildings' main meters.

        Raises StoreUnavailable.
        """
        named = [meter for meter in self.portfolio.meters if real_name(meter.id) in self.account.meters]
        if named:
            return meters_quarters(ledger, named, period, channel)
        known = self.portfolio.buildings
        buildings = [known[name] for name in self.account.buildings if name in known]
        reader, then = all_over(ledger, self.portfolio, buildings, period)
        return meters_quarters(reader, [meter for one in then for meter in one.main_meters], period, channel)

    def accounts_on(self, day: dt.date) -> tuple[ElectricityAccount, ...]:
        """Return the account as it is on a day; where it is not there, as it is now."""
        return (self.portfolio.on(day).accounts.get(self.account.id, self.account),)

    def schedule_on(self, day: dt.date) -> str:
        """Return the account's schedule of a day."""
        return self.accounts_on(day)[0].schedule

    def supply_on(self, day: dt.date) -> Supply:
        """Return who bills the account on a day, and where its meter is."""
        return supply_of(self.accounts_on(day))


def billed_of(site: Site, what: Billable) -> Billed:
    """Return a building or an account as it is billed."""
    if isinstance(what, Building):
        return BilledBuilding(site.portfolio, what)
    return BilledAccount(site.portfolio, what)


def supply_of(accounts: Sequence[ElectricityAccount]) -> Supply:
    """Return what accounts agree on; for the rest MEA's usual supply."""
    utilities, sides = {account.utility for account in accounts}, {account.meter_side for account in accounts}
    return Supply(
        utilities.pop() if len(utilities) == 1 else MEA_SUPPLY.utility,
        sides.pop() if len(sides) == 1 else None,
    )


def month_bills(site: Site, what: Billable, period: Period, *, by_reads: bool = False) -> list[Bill]:
    """Compute the bills of a building's months, each under the schedule that it has.

    A month in which the schedule changes is split by its days, each part under the schedule of those days. Whole months
    know the demand charges of the eleven months before them, so that a month costs the same alone and within a year.

    by_reads : whole months are billed from read to read, where the electricity account says its read day: the bills are
    those that are read in the period's months. Else a bill is a calendar month.
    """
    if not _is_of_whole_months(period):
        return _bills(site, what, period, ())
    first_month, last_month = period.first_day, period.last_day.replace(day=1)
    begin = first_with_history(site, what, period)
    read_day = read_day_of(site, what, period.last_day) if by_reads else None
    if read_day is None:
        longer, reads = Period.days(begin, period.last_day), list[Read]()
    else:
        reads, end = _reads(site, what, begin, last_month, read_day)
        longer = Period.days(reads[0].first, end - dt.timedelta(days=1))
    return [bill for bill in _bills(site, what, longer, reads) if bill.month >= first_month]


def _reads(
    site: Site, what: Billable, begin: dt.date, last_month: dt.date, read_day: int
) -> tuple[list[Read], dt.date]:
    """List the bills that are named by months, each from read to read, and the day of the last read.

    A read day may change: each month is read on its own. read_day : of months whose account says none.
    """

    def read_of(month: dt.date) -> dt.date:
        last = months_before(month, -1) - dt.timedelta(days=1)
        return read_on(month, read_day_of(site, what, last) or read_day)

    months = [months_before(last_month, count) for count in range(_months_from(begin, last_month), -2, -1)]
    ends = [read_of(months_before(month, 1)) for month in months]
    return [Read(first, month) for first, month in zip(ends[:-1], months, strict=False)], ends[-1]


def months_with_history(site: Site, what: Billable, period: Period) -> list[Quantities]:
    """Return the quantities of whole calendar months, and of the eleven before them for which baht can be given.

    Raises InputError where the period is not of whole months.
    """
    whole_months(period)
    begin = months_before(period.first_day, MONTHS_BEFORE)
    billed, tariffs = billed_of(site, what), site.figures.tariffs
    known = max(
        tariffs.first_day, *(tariffs.schedules[billed.schedule_on(day)].first_day for day in (begin, period.first_day))
    )
    while months_before(begin, 1) < known and begin < period.first_day:
        begin = months_before(begin, -1)
    bills = _bills(site, what, Period.days(begin, period.last_day), ())
    return [bill.quantities for bill in bills]


def running_bill(site: Site, what: Billable, today: dt.date) -> Bill | None:
    """Compute the bill of a building's use since the last read, up to yesterday; None on the day of the read.

    Where no electricity account says its read day, since the month began.
    """
    read_day = read_day_of(site, what, today)
    first = today.replace(day=1) if read_day is None else _last_read(site, what, today, read_day)
    if first == today:
        return None
    period = Period.days(first, today - dt.timedelta(days=1))
    if read_day is None:
        bills = month_bills(site, what, period)
        return bills[0] if bills else None
    return bill_of_days(site, what, period, months_before(first, -1))


def _last_read(site: Site, what: Billable, today: dt.date, read_day: int) -> dt.date:
    read = read_on(today, read_day)
    if read <= today:
        return read
    last = today.replace(day=1) - dt.timedelta(days=1)
    return read_on(last, read_day_of(site, what, last) or read_day)


def bill_of_days(site: Site, what: Billable, days: Period, month: dt.date) -> Bill:
    """Compute the bill for the days between two reads. month : that it is named by."""
    begin = first_with_history(site, what, Period.month(month.year, month.month))
    reads = [
        Read(_months_earlier(days.first_day, count), months_before(month, count))
        for count in range(_months_from(begin, month), -1, -1)
    ]
    return _bills(site, what, Period.days(reads[0].first, days.last_day), reads)[-1]


def _months_earlier(day: dt.date, count: int) -> dt.date:
    return read_on(months_before(day, count), day.day)


def _months_from(earlier: dt.date, later: dt.date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def _bills(site: Site, what: Billable, period: Period, reads: Sequence[Read]) -> list[Bill]:
    billed = billed_of(site, what)
    quarters = billed.quarters(site.energy, period)
    (parts,), schedules = _parts(site, billed, period, reads, quarters, quarters.accepted_kwh[None])
    return bills_by_schedules(parts, schedules, site.figures.tariffs)


def _parts(
    site: Site,
    billed: Billed,
    period: Period,
    reads: Sequence[Read],
    quarters: BuildingQuarters,
    energy_kwh: FloatArray,
) -> tuple[list[list[Quantities]], list[Schedule]]:
    """Return what the bills of each series are made from, and the schedule of each part. energy_kwh : (k, n)."""
    tariffs = site.figures.tariffs
    rows = quantities_of_many(
        energy_kwh,
        edges(period, "15min")[:-1],
        tariffs,
        demand_kwh=np.broadcast_to(quarters.firm_kwh, energy_kwh.shape),
        reactive_kvar=_of_each(_kvar(site, billed, period), energy_kwh),
        cuts=schedule_changes(site, billed, period.first_day, _next_day(period.last_day)),
        reads=reads,
    )
    parts, schedules = zip(*(with_schedules(site, billed, row, period.last_day) for row in rows), strict=True)
    return list(parts), schedules[0]


def with_schedules(
    site: Site, billed: Billed, parts: Sequence[Quantities], last_day: dt.date
) -> tuple[list[Quantities], list[Schedule]]:
    """Return the parts of bills with who supplies each, and the schedule of each. last_day : no part goes beyond it."""
    lasts = [min(part.days.end - dt.timedelta(days=1), last_day) for part in parts]
    supplied = [replace(part, supply=billed.supply_on(last)) for part, last in zip(parts, lasts, strict=True)]
    return supplied, [site.figures.tariffs.schedules[billed.schedule_on(last)] for last in lasts]


def _of_each(kvar: FloatArray | None, energy_kwh: FloatArray) -> FloatArray | None:
    return None if kvar is None else np.broadcast_to(kvar, energy_kwh.shape)


def months_without_saving(site: Site, what: Billable, period: Period, saved_kwh: FloatArray) -> PricedMonths:
    """Return what the calendar months of a period are billed for, and would have been with what was saved added.

    saved_kwh : (n,) what was saved in each quarter-hour of the period. Demand is the same in both. Months before, of
    whose demand charges the minimum charge knows, come first. Raises StoreUnavailable.
    """
    billed = billed_of(site, what)
    longer = Period.days(first_with_history(site, what, period), period.last_day)
    quarters = billed.quarters(site.energy, longer)
    added_kwh = np.concatenate([np.zeros(len(quarters.accepted_kwh) - len(saved_kwh)), saved_kwh])
    without_kwh = np.maximum(np.nan_to_num(quarters.accepted_kwh) + added_kwh, 0.0)
    rows = np.stack([np.nan_to_num(quarters.accepted_kwh), without_kwh])
    (as_billed, without), schedules = _parts(site, billed, longer, (), quarters, rows)
    return PricedMonths(as_billed, without, schedules)


def measured_peaks(site: Site, what: Billable, period: Period) -> dict[dt.date, Mapping[Window, float]]:
    """Return the highest mean power of each whole calendar month by window, of months of which nine tenths is measured.

    Months in which the schedule changes are left out. Raises StoreUnavailable.
    """
    billed = billed_of(site, what)
    quarters = billed.quarters(site.energy, period)
    (parts,), _ = _parts(site, billed, period, (), quarters, np.nan_to_num(quarters.accepted_kwh)[None])
    is_firm = np.isfinite(quarters.firm_kwh)
    month = edges(period, "15min")[:-1].tz_convert(BANGKOK).tz_localize(None).to_period("M").to_timestamp()
    known = {day.date(): (float(is_firm[rows].mean()), len(rows)) for day, rows in _rows_of(month).items()}
    names = [part.month for part in parts]
    return {
        part.month: part.demand_kw
        for part in parts
        if names.count(part.month) == 1
        and known[part.month][0] >= MIN_MEASURED_RATIO
        and known[part.month][1] == _days_of(part.month) * QUARTERS_PER_DAY
    }


def _rows_of(month: pd.DatetimeIndex) -> dict[pd.Timestamp, IntArray]:
    return {day: np.flatnonzero(month == day) for day in month.unique()}


def _days_of(month: dt.date) -> int:
    return (months_before(month, -1) - month).days


def _kvar(site: Site, billed: Billed, period: Period) -> FloatArray | None:
    """(n,) reactive power of quarter-hours, from registers, else as measured; None where no bill charges for it."""
    if not charges_kvar(site, billed, period):
        return None
    counted_kvar = billed.quarters(site.energy, period, REACTIVE).firm_kwh * QUARTERS_PER_HOUR
    if np.isfinite(counted_kvar).any():
        return counted_kvar
    measured_kvar = billed.quarters(site.energy, period, KVAR).firm_kwh
    return measured_kvar if np.isfinite(measured_kvar).any() else None


def charges_kvar(site: Site, billed: Billed, period: Period) -> bool:
    """Return whether a schedule of a period charges for the power factor."""
    days = (period.first_day, *schedule_changes(site, billed, period.first_day, _next_day(period.last_day)))
    schedules = [site.figures.tariffs.schedules[billed.schedule_on(day)] for day in days]
    return any(rates.has_power_factor_charge for schedule in schedules for rates in schedule.rates)


def schedule_changes(site: Site, billed: Billed, first: dt.date, end: dt.date) -> list[dt.date]:
    """Return the days after `first` and before `end` from which another schedule holds."""
    days = [day for day in site.portfolio.records.change_days if first < day < end]
    schedules = [billed.schedule_on(day) for day in (first, *days)]
    return [day for day, before, after in zip(days, schedules, schedules[1:], strict=False) if before != after]


def read_day_of(site: Site, what: Billable, day: dt.date) -> int | None:
    """Return the day of the month on which accounts are read; None where they do not say one."""
    days = {account.read_day for account in billed_of(site, what).accounts_on(day)}
    return days.pop() if len(days) == 1 else None


def known_ratio(site: Site, what: Billable, period: Period) -> float:
    """Return the share of a period's quarter-hours whose energy is known: the part of the period that a bill is of."""
    return float(np.isfinite(billed_of(site, what).quarters(site.energy, period).known_kwh).mean())


def _is_of_whole_months(period: Period) -> bool:
    return period.first_day.day == 1 and _next_day(period.last_day).day == 1


def _next_day(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def first_with_history(site: Site, what: Billable, period: Period) -> dt.date:
    """Return the first day whose demand charges count in the minimum charge of a period's months, if they have one."""
    first, tariffs, billed = period.first_day, site.figures.tariffs, billed_of(site, what)
    begin = months_before(first, MONTHS_BEFORE)
    changes = schedule_changes(site, billed, begin, _next_day(period.last_day))
    schedules = [tariffs.schedules[billed.schedule_on(day)] for day in (begin, *changes)]
    if not any(rates.minimum_demand_share for schedule in schedules for rates in schedule.rates):
        return first
    known = max(tariffs.first_day, *(schedule.first_day for schedule in schedules))
    while months_before(begin, 1) < known and begin < first:
        begin = months_before(begin, -1)
    return begin


def months_before(month: dt.date, count: int) -> dt.date:
    """Return the first day of the month that is `count` months before; after it, where `count` is below zero."""
    number = month.year * 12 + month.month - 1 - count
    return dt.date(number // 12, number % 12 + 1, 1)
