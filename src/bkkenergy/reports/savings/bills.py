"""The baseline that paper bills alone can make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.savings.monthly import MonthlyModel, fit_monthly, predict_monthly
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.tariff.paper import PaperBill


@dataclass(frozen=True, slots=True)
class BilledDays:
    """Energy of some days, by one bill or several. month : that they are named by."""

    month: dt.date
    first: dt.date
    last: dt.date
    kwh: float


@dataclass(frozen=True, slots=True)
class BillsBaseline:
    """A baseline from bills; rows : (month, kWh, baseline kWh, whether the baseline was made from it)."""

    model: MonthlyModel
    rows: tuple[tuple[str, float, float, bool], ...]

    @property
    def cvrmse(self) -> float:
        """The spread of all bills around the baseline, as a share of their mean."""
        kwh, expected_kwh = np.array([row[1:3] for row in self.rows], np.float64).T
        return float(np.sqrt(np.mean((kwh - expected_kwh) ** 2)) / np.mean(kwh))


def monthly_from_bills(
    billed: Sequence[BilledDays], calendar: OpeningCalendar, solar: SolarConfig, months: int
) -> BillsBaseline:
    """Fit a baseline to the first bills, and apply it to all of them. Raises ValueError with fewer than nine."""
    periods = [Period.days(bill.first, bill.last) for bill in billed]
    days = np.array([len(period.dates) for period in periods], np.float64)
    is_open = np.array([np.mean([calendar.is_open(day) for day in period.dates]) for period in periods])
    normal_c = solar.climate.temp_mean_c.months
    temp_c = np.array([np.mean([normal_c[day.month - 1] for day in period.dates]) for period in periods])
    day_kwh = np.array([bill.kwh for bill in billed]) / days
    model = fit_monthly(day_kwh[:months], is_open[:months], temp_c[:months])
    expected = predict_monthly(model, is_open, temp_c) * days
    return BillsBaseline(
        model,
        tuple(
            (f"{bill.month:%Y-%m}", bill.kwh, float(predicted_kwh), at < months)
            for at, (bill, predicted_kwh) in enumerate(zip(billed, expected, strict=True))
        ),
    )


def billed_days(bills: Sequence[PaperBill]) -> list[BilledDays]:
    """Return the energy of an account's bills in order, each that ends with an estimate merged into the next.

    The next one makes up for it; the last is left out so. Raises InputError where a bill has no energy, or where bills
    overlap.
    """
    merged: list[BilledDays] = []
    open_bill: BilledDays | None = None
    for bill in sorted(bills, key=lambda one: one.first):
        if bill.kwh is None:
            raise InputError.of("bill_without_kwh", first=bill.first, last=bill.last)
        if (before := open_bill or (merged[-1] if merged else None)) is not None and bill.first <= before.last:
            raise InputError.of("bill_before_end", first=bill.first, last=before.last)
        whole = BilledDays(bill.month, bill.first, bill.last, bill.kwh)
        if open_bill is not None:
            if (bill.first - open_bill.last).days > 1:
                raise InputError.of("bill_after_estimate", last=open_bill.last)
            whole = replace(whole, first=open_bill.first, kwh=open_bill.kwh + bill.kwh)
        open_bill = whole if bill.is_estimated else None
        merged += [] if bill.is_estimated else [whole]
    return merged


def split_by_days(accounts: Sequence[Sequence[BilledDays]]) -> list[BilledDays]:
    """Return the energy of calendar months from the bills of several accounts, each split evenly over its days.

    A month counts where every account's bills cover all of its days.
    """
    daily_kwh = [
        {day: bill.kwh / len(_period(bill).dates) for bill in bills for day in _period(bill).dates}
        for bills in accounts
    ]
    months = sorted({day.replace(day=1) for days in daily_kwh for day in days})
    periods = [Period.month(month.year, month.month) for month in months]
    return [
        BilledDays(
            period.first_day,
            period.first_day,
            period.last_day,
            sum(days[day] for days in daily_kwh for day in period.dates),
        )
        for period in periods
        if all(day in days for days in daily_kwh for day in period.dates)
    ]


def _period(bill: BilledDays) -> Period:
    return Period.days(bill.first, bill.last)
