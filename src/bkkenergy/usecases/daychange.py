"""Which buildings used more and less than usual on a day: what a manager asks first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.site import Site
from bkkenergy.usecases.over import all_over

WEEKS, MIN_DAYS = 4, 2


@dataclass(frozen=True, slots=True)
class DayChange:
    """A building's day. usual_kwh : the mean of the same weekday over four weeks, days alike in being open."""

    building: Building
    energy_kwh: float
    usual_kwh: float

    @property
    def more_kwh(self) -> float:
        """How much more than usual it is; negative where it is less."""
        return self.energy_kwh - self.usual_kwh

    @property
    def change_ratio(self) -> float | None:
        """The difference as a share of the usual day; None where that is nothing."""
        return self.more_kwh / self.usual_kwh if self.usual_kwh > 0 else None


def day_changes(site: Site, buildings: Sequence[Building], day: dt.date) -> list[DayChange]:
    """Return each building whose day can be judged, the most above usual first. Raises StoreUnavailable.

    A day counts where every quarter-hour of every main meter is known, and a usual day has at least two such days.
    """
    first = day - dt.timedelta(weeks=WEEKS)
    energy, then = all_over(site.energy, site.portfolio, buildings, Period.days(first, day))
    totals = energy.totals([meter.id for building in then for meter in building.main_meters], IMPORT, first, day)
    is_whole = totals.measured + totals.estimated + totals.edited == QUARTERS_PER_DAY
    known_kwh = np.where(is_whole, totals.total, np.nan)[::7]  # the same weekday, the day itself last
    changes, start = [], 0
    for building, over_days in zip(buildings, then, strict=True):
        end = start + len(over_days.main_meters)
        days_kwh = known_kwh[:, start:end].sum(axis=1)
        start = end
        if not over_days.main_meters or np.isnan(days_kwh[-1]):
            continue
        is_open = [site.portfolio.is_open(building, first + dt.timedelta(weeks=week)) for week in range(WEEKS + 1)]
        alike = [kwh for kwh, state in zip(days_kwh[:-1].tolist(), is_open, strict=False) if state == is_open[-1]]
        usual = [kwh for kwh in alike if not np.isnan(kwh)]
        if len(usual) >= MIN_DAYS:
            changes.append(DayChange(building, float(days_kwh[-1]), float(np.mean(usual))))
    return sorted(changes, key=lambda change: -change.more_kwh)
