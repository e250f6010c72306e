"""From the store to an agency's fiscal year in baht: bills of the days that are measured, a forecast of the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bkkenergy.calendar import fiscal_year_of
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Agency, Building
from bkkenergy.readings import FloatArray
from bkkenergy.reports.budget import MIN_MODELLED_RATIO, BudgetMonth, BudgetYear
from bkkenergy.reports.savings.yearly import BuildingYear
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.facts import Facts
from bkkenergy.savings.uncertainty import NORMAL_90
from bkkenergy.savings.yearly import LEVEL_DAYS
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.bills import months_before
from bkkenergy.usecases.billsofmany import bills_until

PRICED_MONTHS = 3
"""Whole months whose baht for each kWh the forecast goes on at."""
MIN_PRICED_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class BuildingMoney:
    """A building's fiscal year in baht. measured_thb : by month. forecast_kwh : of each day of the year, by its month.

    half_kwh, common_kwh : of the forecast, half of the 90 % interval and what buildings err together; None without a
    baseline.
    """

    measured_thb: dict[dt.date, float]
    forecast_kwh: dict[dt.date, float]
    thb_per_kwh: float
    half_kwh: float | None
    common_kwh: float
    is_provisional: bool


def budget_bills(site: Site, buildings: Sequence[Building], until: dt.date) -> Iterator[list[Bill] | InputError]:
    """Yield each building's bills of the year so far, and of the months before it that give the price.

    Of many buildings at a time; the error where a month is before the first known rates. Raises StoreUnavailable.
    """
    this = (until + dt.timedelta(days=1)).replace(day=1)  # the month that is not whole yet
    first = min(fiscal_year_of(until).first_day, months_before(this, PRICED_MONTHS))
    return bills_until(site, buildings, first, until)


def building_money(
    site: Site, facts: Facts, year: BuildingYear, bills: Sequence[Bill] | InputError
) -> BuildingMoney | None:
    """Compute a building's fiscal year in baht; None where nothing of the last months is known, or has no price.

    bills : of `budget_bills`, up to the last day of the facts.
    """
    if isinstance(bills, InputError):
        return None
    until = facts.series.day_index[-1].date()
    first = fiscal_year_of(until).first_day
    price = _price(facts, bills, until)
    if price is None:
        return None
    measured = {bill.month: bill.total_thb for bill in bills if bill.month >= first}
    forecast, half_kwh, common_kwh = _forecast(site, facts, year, until)
    provisional = any(bill.provisional for bill in bills if bill.month >= first)
    return BuildingMoney(measured, forecast, price, half_kwh, common_kwh, provisional)


def _price(facts: Facts, bills: Sequence[Bill], until: dt.date) -> float | None:
    """Return what a kWh of use cost over the last whole months, with demand, Ft and VAT."""
    this = (until + dt.timedelta(days=1)).replace(day=1)
    months = {months_before(this, count) for count in range(1, PRICED_MONTHS + 1)}
    is_in = np.isin(_month_of(facts.series.day_index), np.array(sorted(months), "datetime64[M]"))
    hours = facts.series.energy_kwh.reshape(-1, HOURS_PER_DAY)[is_in]
    used_kwh = float(np.nansum(hours))
    if not is_in.any() or np.isfinite(hours).mean() < MIN_PRICED_RATIO or used_kwh <= 0:
        return None
    return sum(bill.total_thb for bill in bills if bill.month in months) / used_kwh


def _forecast(
    site: Site, facts: Facts, year: BuildingYear, until: dt.date
) -> tuple[dict[dt.date, float], float | None, float]:
    """Return the forecast of each month [kWh], half its interval, and what buildings err together."""
    span = fiscal_year_of(until)
    if year.year is not None:
        days, forecast_kwh = year.year.days, year.year.forecast_kwh
        half_kwh: float | None = year.year.half_width_kwh
        cells, left = site.savings.forecast, int((~year.year.is_measured).sum())
        common_kwh = cells.at(cells.common_ratio, left) * float(np.nansum(forecast_kwh)) if left else 0.0
    else:
        days = pd.date_range(span.first_day, span.last_day, freq="D", tz=facts.series.day_index.tz)
        known = facts.series.day_energy_kwh[-LEVEL_DAYS:]
        mean_kwh = float(np.nanmean(known)) if np.isfinite(known).any() else 0.0
        is_measured = days.isin(facts.series.day_index[facts.series.day_known])
        forecast_kwh, half_kwh, common_kwh = np.where(is_measured, 0.0, mean_kwh), None, 0.0
    forecast_kwh = np.maximum(np.nan_to_num(forecast_kwh) - _counted_kwh(facts, days), 0.0)
    months, at = np.unique(_month_of(days), return_inverse=True)
    sums_kwh = np.bincount(at, weights=forecast_kwh).tolist()
    firsts: list[dt.date] = months.astype("datetime64[D]").tolist()
    return dict(zip(firsts, sums_kwh, strict=True)), half_kwh, common_kwh


def _month_of(days: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """(n,) the month of each day, by the clock of its own zone."""
    month: NDArray[np.datetime64] = days.tz_localize(None).to_numpy().astype("datetime64[M]")
    return month


def _counted_kwh(facts: Facts, days: pd.DatetimeIndex) -> FloatArray:
    """Return what the bills already count of days that are known in part; 0 on the others."""
    grid = facts.series.energy_kwh if facts.grid_kwh is None else facts.grid_kwh
    counted = pd.Series(np.nansum(grid.reshape(-1, HOURS_PER_DAY), axis=1), facts.series.day_index)
    of_days: FloatArray = counted.where(~facts.series.day_known, 0.0).reindex(days, fill_value=0.0).to_numpy(np.float64)
    return of_days


def budget_year(site: Site, agency: str, until: dt.date, moneys: Sequence[BuildingMoney | None]) -> BudgetYear | None:
    """Return an agency's fiscal year up to a day in baht; None where no building has a price."""
    known = [money for money in moneys if money is not None]
    if not known:
        return None
    span = fiscal_year_of(until)
    more = _later_ft(site, until, [months_before(span.first_day, -count) for count in range(12)])
    modelled = sum(_thb(money, more) for money in known if money.half_kwh is not None)
    whole = sum(_thb(money, more) for money in known)
    ratio = modelled / whole if whole > 0 else 1.0
    own_half_thb, common_half_thb = _halves_thb(known)
    half_thb = own_half_thb if len(known) == 1 else float(np.hypot(own_half_thb, common_half_thb))
    return BudgetYear(
        first_day=span.first_day,
        last_day=span.last_day,
        until=min(until, site.today - dt.timedelta(days=1)),
        months=tuple(_month(first, known, more[first]) for first in more),
        half_width_thb=half_thb if ratio >= MIN_MODELLED_RATIO else None,
        modelled_ratio=ratio,
        budget_thb=entered_budget(site, agency, span.last_day.year + BE_OFFSET_YEARS),
        forecast_kwh=sum(sum(money.forecast_kwh.values()) for money in known),
        building_count=len(known),
        all_count=len(moneys),
        ft_until=_ft_until(site, until, span.last_day),
        is_provisional=any(money.is_provisional for money in known),
        own_half_thb=own_half_thb,
        common_half_thb=common_half_thb,
    )


def entered_budget(site: Site, agency: str, year_be: int) -> float | None:
    """Return the budget that an agency's records have for a fiscal year; None where none is entered."""
    records = site.portfolio.records
    entries: Iterable[object] = [entry.value for entry in records.of("agency", agency)] if records.entries else ()
    present = site.portfolio.agencies.get(agency)
    values = [*entries, *([present] if present is not None else [])]
    budgets = [one.budget_thb for one in values if isinstance(one, Agency) and one.budget_year_be == year_be]
    return budgets[-1] if budgets else None


def _later_ft(site: Site, until: dt.date, firsts: Sequence[dt.date]) -> dict[dt.date, float]:
    """Return how much more a kWh of each month costs by its Ft, with VAT, than in the months that give the price."""
    tariffs = site.figures.tariffs
    this = (until + dt.timedelta(days=1)).replace(day=1)
    priced = [tariffs.ft_on(months_before(this, count)).thb_per_kwh for count in range(1, PRICED_MONTHS + 1)]
    mean = sum(priced) / len(priced)
    return {
        first: (tariffs.ft_on(first).thb_per_kwh - mean) * (1 + tariffs.vat_on(first).ratio) if first >= this else 0.0
        for first in firsts
    }


def _thb(money: BuildingMoney, more: Mapping[dt.date, float]) -> float:
    return sum(kwh * (money.thb_per_kwh + more.get(first, 0.0)) for first, kwh in money.forecast_kwh.items())


def _month(first: dt.date, moneys: Sequence[BuildingMoney], more_thb_per_kwh: float) -> BudgetMonth:
    measured = sum(money.measured_thb.get(first, 0.0) for money in moneys)
    forecast = sum(money.forecast_kwh.get(first, 0.0) * (money.thb_per_kwh + more_thb_per_kwh) for money in moneys)
    return BudgetMonth(first, measured, forecast)


def _halves_thb(moneys: Sequence[BuildingMoney]) -> tuple[float, float]:
    """Return half of the interval of what buildings err each by itself, which largely cancels, and together."""
    halves = np.array([(money.half_kwh or 0.0) * money.thb_per_kwh for money in moneys])
    common = sum(money.common_kwh * money.thb_per_kwh for money in moneys)
    return float(np.sqrt((halves**2).sum())), NORMAL_90 * common


def _ft_until(site: Site, until: dt.date, last_day: dt.date) -> dt.date | None:
    """Return the last day whose Ft is known, where the year goes on after it and is not over."""
    day = last_day
    while day > until:
        if (valid_to := site.figures.tariffs.ft_on(day).valid_to) is None or valid_to >= last_day:
            return None
        if valid_to < day:
            return valid_to
        day -= dt.timedelta(days=1)
    return None
