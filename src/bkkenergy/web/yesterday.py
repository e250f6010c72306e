"""Yesterday's best and worst buildings, in energy and in money."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from bkkenergy.usecases.daychange import DayChange, day_changes
from bkkenergy.web.building import bill_so_far, waiting_of
from bkkenergy.web.context import AppContext

DAYS_SHOWN, LEAST_CHANGE_RATIO = 3, 0.02


@dataclass(frozen=True, slots=True)
class BestAndWorst:
    """The buildings of some agencies that used the most above and below usual on a day. judged : how many could be.

    more_thb : what the difference is worth by building, at the mean price of its running bill; none without a bill.
    """

    day: dt.date
    above: list[DayChange]
    below: list[DayChange]
    judged: int
    buildings: int
    more_thb: dict[str, float]


def yesterday(here: AppContext, agencies: list[str]) -> BestAndWorst:
    """Return yesterday's best and worst buildings, computed once a while for all requests."""
    day = here.today - dt.timedelta(days=1)
    buildings = [building for agency in agencies for building in here.portfolio.buildings_of(agency)]
    key = ("yesterday", tuple(agencies), day)
    changes: list[DayChange] = here.cached(
        key, here.settings.web.refresh_s, lambda: day_changes(here.opened, buildings, day)
    )
    shown = [change for change in changes if abs(change.change_ratio or 0.0) >= LEAST_CHANGE_RATIO]
    above = [change for change in shown if change.more_kwh > 0][:DAYS_SHOWN]
    below = [change for change in reversed(shown) if change.more_kwh < 0][:DAYS_SHOWN]
    more_thb = {change.building.id: thb for change in (*above, *below) if (thb := _worth_thb(here, change)) is not None}
    return BestAndWorst(day, above, below, len(changes), len(buildings), more_thb)


def _worth_thb(here: AppContext, change: DayChange) -> float | None:
    """Return what a day's difference is worth at the mean price of the building's running bill."""
    building = change.building
    bill = bill_so_far(here, building, waiting_of(here, building))
    energy_kwh = sum(each.quantities.energy_kwh for each in bill.each) if bill is not None else 0.0
    return float(bill.total_thb) / energy_kwh * change.more_kwh if bill is not None and energy_kwh > 0 else None
