"""What electricity costs this month and fiscal year, by bills up to yesterday: beside a year before, and the target.

Bills of a thousand buildings take longer than a page may. Those of a few are computed at once; those of many in a
thread, agency by agency, while pages say that they are being computed.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.reports.savings.budget import entered_budget
from bkkenergy.reports.shares import MIN_COMPARED_RATIO
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill
from bkkenergy.usecases.billsofmany import bills_until
from bkkenergy.usecases.over import all_over
from bkkenergy.web.context import AppContext
from bkkenergy.web.figures import PeriodUse

log = structlog.get_logger(__name__)
MONEY_S = 3600.0
"""How long bills stay: they change once a day, and with late data."""
AT_ONCE = 60
"""As many buildings are billed while a page waits."""
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

    def target_thb(self, year: PeriodUse, target_ratio: float | None) -> float | None:
        """Return what the year so far would cost at the plan's target, at the same mean price; None without one."""
        if target_ratio is None or year.change_ratio is None or self.priced < self.buildings:
            return None
        return self.year.thb * (1 + target_ratio) / (1 + year.change_ratio)


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


@dataclass
class CityMoney:
    """The money of each agency, computed once in an hour, and again after a change of the portfolio."""

    here: AppContext
    _computed: dict[str, tuple[object, float, MoneySoFar]] = field(default_factory=dict)
    _wanted: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_working: bool = False

    def of(self, agencies: Sequence[str]) -> MoneySoFar | None:
        """Return the money of some agencies together; None while that of one is being computed.

        Raises StoreUnavailable where it is computed at once.
        """
        old = [agency for agency in agencies if not self._is_fresh(agency)]
        count = sum(len(self.here.portfolio.buildings_of(agency)) for agency in old)
        if count <= AT_ONCE:
            for agency in old:
                self._compute(agency)
        else:
            self._compute_later(old)
        token = self._token()
        known = [entry for agency in agencies if (entry := self._computed.get(agency)) is not None]
        if len(known) < len(agencies) or any(entry[0] != token for entry in known):
            return None
        return _together([entry[2] for entry in known])

    def _token(self) -> object:
        """Return what figures hold for: the day, and the revision of the portfolio."""
        return self.here.today, self.here.portfolio.revision

    def _is_fresh(self, agency: str) -> bool:
        entry = self._computed.get(agency)
        return entry is not None and entry[0] == self._token() and time.monotonic() < entry[1]

    def _compute(self, agency: str) -> None:
        token = self._token()
        money = agency_money(self.here.opened, agency, self.here.today)
        self._computed[agency] = (token, time.monotonic() + MONEY_S, money)

    def _compute_later(self, agencies: Sequence[str]) -> None:
        with self._lock:
            self._wanted |= dict.fromkeys(agencies)
            if not self._is_working:
                self._is_working = True
                threading.Thread(target=self._work, name="city-money", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._is_working = False
                    return
                agency = next(iter(self._wanted))
                del self._wanted[agency]
            try:
                self._compute(agency)
            except BkkEnergyError as error:  # a store that is unreachable: the next page asks again
                log.warning("city_money_failed", agency=agency, why=str(error))


def _together(each: Sequence[MoneySoFar]) -> MoneySoFar:
    budgets = [money.budget_thb for money in each]
    return MoneySoFar(
        sum((money.month for money in each), Spent()),
        sum((money.year for money in each), Spent()),
        None if None in budgets else sum(budget for budget in budgets if budget is not None),
        sum(money.priced for money in each),
        sum(money.buildings for money in each),
    )
