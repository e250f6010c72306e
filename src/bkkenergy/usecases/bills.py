"""Computes bills of buildings from the ledger: by calendar months, from read to read, of the days of a paper bill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bkkenergy.calendar import Period, edges
from bkkenergy.portfolio import Building
from bkkenergy.site import Site
from bkkenergy.tariff.bill import MONTHS_BEFORE, Bill, bills_by_schedules
from bkkenergy.tariff.quantities import Read, quantities_of, read_on, reads_of
from bkkenergy.tariff.schedule import MEA_SUPPLY, Supply
from bkkenergy.usecases.energy import building_quarters


def month_bills(site: Site, building: Building, period: Period, *, by_reads: bool = False) -> list[Bill]:
    """Compute the bills of a building's months, each under the schedule that it has.

    A month in which the schedule changes is split by its days, each part under the schedule of those days. Whole months
    know the demand charges of the eleven months before them, so that a month costs the same alone and within a year.

    by_reads : whole months are billed from read to read, where the electricity account says its read day: the bills are
    those that are read in the period's months. Else a bill is a calendar month.
    """
    if not _is_of_whole_months(period):
        return _bills(site, building, period, ())
    first_month, last_month = period.first_day, period.last_day.replace(day=1)
    begin = _first_with_history(site, building, period)
    read_day = read_day_of(site, building, period.last_day) if by_reads else None
    if read_day is None:
        longer, reads = Period.days(begin, period.last_day), list[Read]()
    else:
        reads, end = reads_of(begin, last_month, read_day)
        longer = Period.days(reads[0].first, end - dt.timedelta(days=1))
    return [bill for bill in _bills(site, building, longer, reads) if bill.month >= first_month]


def running_bill(site: Site, building: Building, today: dt.date) -> Bill | None:
    """Compute the bill of a building's use since the last read, up to yesterday; None on the day of the read.

    Where no electricity account says its read day, since the month began.
    """
    read_day = read_day_of(site, building, today)
    first = today.replace(day=1) if read_day is None else _last_read(today, read_day)
    if first == today:
        return None
    period = Period.days(first, today - dt.timedelta(days=1))
    if read_day is None:
        bills = month_bills(site, building, period)
        return bills[0] if bills else None
    return bill_of_days(site, building, period, months_before(first, -1))


def _last_read(today: dt.date, read_day: int) -> dt.date:
    read = read_on(today, read_day)
    return read if read <= today else read_on(months_before(today, 1), read_day)


def bill_of_days(site: Site, building: Building, days: Period, month: dt.date) -> Bill:
    """Compute the bill for the days between two reads. month : that it is named by."""
    begin = _first_with_history(site, building, Period.month(month.year, month.month))
    reads = [
        Read(_months_earlier(days.first_day, count), months_before(month, count))
        for count in range(_months_from(begin, month), -1, -1)
    ]
    return _bills(site, building, Period.days(reads[0].first, days.last_day), reads)[-1]


def _months_earlier(day: dt.date, count: int) -> dt.date:
    return read_on(months_before(day, count), day.day)


def _months_from(earlier: dt.date, later: dt.date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def _bills(site: Site, building: Building, period: Period, reads: Sequence[Read]) -> list[Bill]:
    quarters = building_quarters(site.energy, building, period)
    parts = quantities_of(
        quarters.accepted_kwh,
        edges(period, "15min")[:-1],
        site.figures.tariffs,
        demand_kwh=quarters.firm_kwh,
        cuts=site.portfolio.schedule_changes(building.id, period.first_day, _next_day(period.last_day)),
        reads=reads,
    )
    lasts = [min(part.days.end - dt.timedelta(days=1), period.last_day) for part in parts]
    parts = [replace(part, supply=_supply_on(site, building, last)) for part, last in zip(parts, lasts, strict=True)]
    schedules = [site.figures.tariffs.schedules[_schedule_on(site, building, last)] for last in lasts]
    return bills_by_schedules(parts, schedules, site.figures.tariffs)


def read_day_of(site: Site, building: Building, day: dt.date) -> int | None:
    """Return the day of the month on which a building's accounts are read; None where they do not say one."""
    days = {account.read_day for account in site.portfolio.on(day).accounts_of(building.id)}
    return days.pop() if len(days) == 1 else None


def known_ratio(site: Site, building: Building, period: Period) -> float:
    """Return the share of a period's quarter-hours whose energy is known: the part of the period that a bill is of."""
    return float(np.isfinite(building_quarters(site.energy, building, period).known_kwh).mean())


def _is_of_whole_months(period: Period) -> bool:
    return period.first_day.day == 1 and _next_day(period.last_day).day == 1


def _next_day(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1)


def _schedule_on(site: Site, building: Building, day: dt.date) -> str:
    return site.portfolio.schedule_on(building.id, day) or site.portfolio.schedule_of(building)


def _supply_on(site: Site, building: Building, day: dt.date) -> Supply:
    """Return what a building's electricity accounts of a day agree on; for the rest MEA's usual supply."""
    accounts = site.portfolio.on(day).accounts_of(building.id)
    utilities, sides = {account.utility for account in accounts}, {account.meter_side for account in accounts}
    return Supply(
        utilities.pop() if len(utilities) == 1 else MEA_SUPPLY.utility,
        sides.pop() if len(sides) == 1 else None,
    )


def _first_with_history(site: Site, building: Building, period: Period) -> dt.date:
    """Return the first day whose demand charges count in the minimum charge of a period's months, if they have one."""
    first, tariffs = period.first_day, site.figures.tariffs
    begin = months_before(first, MONTHS_BEFORE)
    changes = site.portfolio.schedule_changes(building.id, begin, _next_day(period.last_day))
    schedules = [tariffs.schedules[_schedule_on(site, building, day)] for day in (begin, *changes)]
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
