"""What electricity costs this month and fiscal year, by bills up to yesterday: beside a year before, and the target."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.reports.savings.budget import entered_budget
from bkkenergy.reports.shares import MIN_COMPARED_RATIO
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill
from bkkenergy.usecases.billsofmany import bills_until
from bkkenergy.usecases.over import all_over

MIN_WHOLE_RATIO = 0.97
"""A building is compared over a span of which this share of days is known wholly in both years."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Baht of a span of days up to yesterday.

    now_thb, before_thb : of the buildings that are compared with the same dates of the year before.
    """

    thb: float = 0.0
    now_thb: float = 0.0
    before_thb: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.thb + other.thb, self.now_thb + other.now_thb, self.before_thb + other.before_thb)

    @property
    def change_ratio(self) -> float | None:
        """Return the change from the year before; None where too little of the money can be compared."""
        if self.before_thb <= 0 or self.now_thb < MIN_COMPARED_RATIO * self.thb:
            return None
        return self.now_thb / self.before_thb - 1


@dataclass(frozen=True, slots=True)
class MoneySoFar:
    """Month and fiscal year so far in baht, with Ft and VAT.

    priced : how many of the buildings have a price. budget_thb : of the year; None where an agency has none.
    """

    month: Spent
    year: Spent
    budget_thb: float | None
    priced: int
    buildings: int

    @property
    def spent_ratio(self) -> float | None:
        """Return how much of the year's budget is spent."""
        return self.year.thb / self.budget_thb if self.budget_thb else None

    def target_thb(self, change_ratio: float | None, target_ratio: float | None) -> float | None:
        """Return what the year so far would cost at the plan's target, at the same mean price; None without one.

        change_ratio : of the use from what the baselines expect.
        """
        if target_ratio is None or change_ratio is None or self.priced < self.buildings:
            return None
        return self.year.thb * (1 + target_ratio) / (1 + change_ratio)


def agency_money(site: Site, agency: str, today: dt.date) -> MoneySoFar:
    """Compute the bills of an agency's buildings up to yesterday. Raises StoreUnavailable."""
    buildings = [building for building in site.portfolio.buildings_of(agency) if building.main_meters]
    first, until = fiscal_year_of(today).first_day, today - dt.timedelta(days=1)
    budget = entered_budget(site, agency, int(fiscal_year_of(today).slug.removeprefix("FY")))
    if until < first or not buildings:
        return MoneySoFar(Spent(), Spent(), budget, len(buildings), len(buildings))
    this = today.replace(day=1)
    now = list(bills_until(site, buildings, first, until))
    before = list(bills_until(site, buildings, year_ago(first), year_ago(until)))
    year_whole = _is_whole(site, buildings, first, until)
    month_whole = _is_whole(site, buildings, this, until) if this <= until else [False] * len(buildings)
    month, year = Spent(), Spent()
    for bills, earlier, in_year, in_month in zip(now, before, year_whole, month_whole, strict=True):
        year += _spent(bills, earlier, first, is_compared=in_year)
        month += _spent(bills, earlier, this, is_compared=in_month)
    return MoneySoFar(month, year, budget, sum(not isinstance(bills, InputError) for bills in now), len(buildings))


def year_ago(day: dt.date) -> dt.date:
    """Return the same date a year before; of 29 February the day before it."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _spent(
    bills: list[Bill] | InputError, earlier: list[Bill] | InputError, first: dt.date, *, is_compared: bool
) -> Spent:
    if isinstance(bills, InputError):
        return Spent()
    thb = sum(bill.total_thb for bill in bills if bill.month >= first)
    if not is_compared or isinstance(earlier, InputError):
        return Spent(thb)
    return Spent(thb, thb, sum(bill.total_thb for bill in earlier if bill.month >= year_ago(first)))


def _is_whole(site: Site, buildings: Sequence[Building], first: dt.date, last: dt.date) -> list[bool]:
    """Return whether each building is known in these days and in those of the year before."""
    both = [_whole_ratios(site, buildings, *days) for days in ((first, last), (year_ago(first), year_ago(last)))]
    return [min(ratios) >= MIN_WHOLE_RATIO for ratios in zip(*both, strict=True)]


def _whole_ratios(site: Site, buildings: Sequence[Building], first: dt.date, last: dt.date) -> list[float]:
    energy, then = all_over(site.energy, site.portfolio, buildings, Period.days(first, last))
    names = [[meter.id for meter in building.main_meters] for building in then]
    totals = energy.totals([name for each in names for name in each], IMPORT, first, last)
    whole = totals.measured + totals.estimated + totals.edited == QUARTERS_PER_DAY
    column = {name: number for number, name in enumerate(totals.meters)}
    return [float(whole[:, [column[name] for name in each]].all(axis=1).mean()) if each else 0.0 for each in names]


def money_together(each: Sequence[MoneySoFar]) -> MoneySoFar:
    """Add up the money of several agencies; the budget of all is known where each has one."""
    budgets = [money.budget_thb for money in each]
    return MoneySoFar(
        sum((money.month for money in each), Spent()),
        sum((money.year for money in each), Spent()),
        None if None in budgets else sum(budget for budget in budgets if budget is not None),
        sum(money.priced for money in each),
        sum(money.buildings for money in each),
    )
