"""What a building was over several days: floor area and drivers that change within them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from bkkenergy.portfolio.models import Building
from bkkenergy.portfolio.records import Dated
from bkkenergy.portfolio.snapshot import Portfolio

DAY = dt.timedelta(days=1)


def versions_in(portfolio: Portfolio, building: Building, first: dt.date, last: dt.date) -> Iterator[Dated[Building]]:
    """Find what a building was on the days of a period, and on which of them.

    Parameters
    ----------
    portfolio : Portfolio
        With its records.
    building : Building
        As it is on any day.
    first, last : date
        The days of the period, both included.

    Yields
    ------
    Dated
        Each version with the part of the period in which it holds. Without records, the building as given.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.spans import versions_in
    >>> portfolio, january = demonstration(), (dt.date(2026, 1, 1), dt.date(2026, 1, 31))
    >>> office = portfolio.buildings["district-bangkhen.office"]
    >>> [(str(one.first), str(one.end)) for one in versions_in(portfolio, office, *january)]
    [('2026-01-01', '2026-02-01')]
    """
    end = last + DAY
    known: tuple[Dated[Building], ...] = portfolio.records.history("building", building.id)
    for version in known or (Dated(first, end, building),):
        begins, ends = max(version.first, first), min(version.end or end, end)
        if begins < ends:
            yield Dated(begins, ends, version.value)


def mean_of_days(
    portfolio: Portfolio,
    building: Building,
    first: dt.date,
    last: dt.date,
    amount_of: Callable[[Building], float | None],
) -> float | None:
    """Return the mean of what a building had on each day of a period; days on which it is not there do not count.

    Parameters
    ----------
    portfolio : Portfolio
        With its records.
    building : Building
        As it is on any day.
    first, last : date
        The days of the period, both included.
    amount_of : callable
        Returns the amount of a version, such as its floor area [m2]; None where it has none.

    Returns
    -------
    float or None
        None where the building has no amount on a day of the period.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.spans import mean_of_days
    >>> portfolio = demonstration()
    >>> office = portfolio.buildings["district-bangkhen.office"]
    >>> january = (dt.date(2026, 1, 1), dt.date(2026, 1, 31))
    >>> mean_of_days(portfolio, office, *january, lambda then: then.gross_floor_area_m2) == office.gross_floor_area_m2
    True
    """
    parts = [
        ((version.end - version.first).days, amount_of(version.value))
        for version in versions_in(portfolio, building, first, last)
        if version.end is not None
    ]
    known = [(days, amount) for days, amount in parts if amount is not None]
    if not parts or len(known) < len(parts):
        return None
    if len({amount for _, amount in known}) == 1:
        return known[0][1]  # to the bit
    return sum(days * amount for days, amount in known) / sum(days for days, _ in known)


def mean_floor_m2(portfolio: Portfolio, building: Building, first: dt.date, last: dt.date) -> float:
    """Return the mean of the floor areas that a building had on each day of a period.

    Parameters
    ----------
    portfolio : Portfolio
        With its records.
    building : Building
        As it is on any day.
    first, last : date
        The days of the period, both included.

    Returns
    -------
    float
        Gross floor area [m2]; that of the building as given, where it is there on no day of the period.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.spans import mean_floor_m2
    >>> portfolio = demonstration()
    >>> office = portfolio.buildings["district-bangkhen.office"]
    >>> mean_floor_m2(portfolio, office, dt.date(2026, 1, 1), dt.date(2026, 1, 31)) == office.gross_floor_area_m2
    True
    """
    mean_m2 = mean_of_days(portfolio, building, first, last, lambda then: then.gross_floor_area_m2)
    return building.gross_floor_area_m2 if mean_m2 is None else mean_m2


def floor_areas(
    portfolio: Portfolio, building: Building, first: dt.date, last: dt.date
) -> tuple[tuple[dt.date, float], ...]:
    """Return the floor areas of a period in which it changes.

    Parameters
    ----------
    portfolio : Portfolio
        With its records.
    building : Building
        As it is on any day.
    first, last : date
        The days of the period, both included.

    Returns
    -------
    tuple of (date, float)
        Each area [m2] with its first day in the period; empty where it is one all the time.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.portfolio.spans import floor_areas
    >>> portfolio = demonstration()
    >>> office = portfolio.buildings["district-bangkhen.office"]
    >>> floor_areas(portfolio, office, dt.date(2026, 1, 1), dt.date(2026, 1, 31))
    ()
    """
    areas: list[tuple[dt.date, float]] = []
    for version in versions_in(portfolio, building, first, last):
        if not areas or areas[-1][1] != version.value.gross_floor_area_m2:
            areas.append((version.first, version.value.gross_floor_area_m2))
    return tuple(areas) if len(areas) > 1 else ()
