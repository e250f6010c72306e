"""A site over a period in which buildings begin and end, and meters change their part: no energy of it is left out.

The portfolio of the period's last day lacks what ended before it, and knows what meters were then alone. Here a
building that ended is there with its energy up to then, and each meter counts on the days, and for what, its records
say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.records import Entry, Records
from bkkenergy.readings import IntArray
from bkkenergy.site import Site
from bkkenergy.usecases.over import building_over
from bkkenergy.usecases.turns import Days, InTurn


def site_during(site: Site, period: Period) -> Site:
    """Return the site with the portfolio of a period's last day, and what was otherwise on its days before."""
    then = site.on(period.last_day)
    records = then.portfolio.records
    names = set(_changed(records, period))
    if not names:
        return then
    days = Days(period.first_day, len(period.dates))
    buildings, counted = dict(then.portfolio.buildings), dict[str, IntArray]()
    for name in sorted(names):
        whole = buildings.get(name) or _last_there(then.portfolio, name, days)
        if whole is not None:
            buildings[name], days_of = building_over(then.portfolio, whole, days)
            counted |= days_of
    portfolio = then.portfolio.model_copy(update={"buildings": buildings, "records": records})
    energy = InTurn(then.energy, counted, days) if counted else then.energy
    return replace(then.with_config(then.config.with_portfolio(portfolio)), energy=energy)


def _changed(records: Records, period: Period) -> Iterator[str]:
    """Yield the buildings of which something begins or ends on a day of a period after its first."""
    for kind in ("building", "meter", "virtual_meter"):
        for key, entries in records.by_kind.get(kind, {}).items():
            if any(_is_inside(entry, period) for entry in entries):
                yield key if kind == "building" else key.rpartition(".")[0]


def _is_inside(entry: Entry, period: Period) -> bool:
    return any(
        day is not None and period.first_day < day <= period.last_day for day in (entry.valid_from, entry.valid_to)
    )


def _last_there(portfolio: Portfolio, name: str, days: Days) -> Building | None:
    """Return a building as it was on its last day there; None where its agency is no more."""
    there = days.of(portfolio.records.history("building", name))
    known = portfolio.on(days.last(there)).buildings.get(name) if there.any() else None
    return known if known is not None and known.agency in portfolio.agencies else None
