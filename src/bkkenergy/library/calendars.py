"""Opening calendars of buildings: which days they work, and from when to when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, cast

from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked
from bkkenergy.library.errors import unknown_name
from bkkenergy.library.packaged import demonstration
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.portfolio.models import WEEKDAYS

__all__ = ["always", "custom", "government", "named", "names", "school"]


def names() -> list[str]:
    """List the calendars that the package brings.

    Returns
    -------
    list of str
        Their names, for `named`.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.calendars.names()
    ['always', 'clinic', 'office', 'school', 'sports']
    """
    return sorted(demonstration().calendars)


@checked
def named(name: str) -> OpeningCalendar:
    """Return a calendar that the package brings.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    OpeningCalendar
        Weekdays with hours, and the days on which it is closed.

    Raises
    ------
    InputError
        If there is none of this name.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> bk.calendars.named("clinic").open_hours(dt.date(2026, 11, 28))
    (8.0, 12.0)
    """
    known = demonstration().calendars
    if name not in known:
        raise unknown_name("calendar", name, known)
    return known[name]


def government() -> OpeningCalendar:
    """Return the hours of Thai government offices: Monday to Friday, closed on official holidays.

    Returns
    -------
    OpeningCalendar
        Offices work on National Labour Day, which is a holiday of the private sector alone.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> office = bk.calendars.government()
    >>> office.is_open(dt.date(2026, 4, 14)), office.is_open(dt.date(2026, 5, 1))
    (False, True)
    """
    return named("office")


def school() -> OpeningCalendar:
    """Return the terms of public schools: weekdays, closed on holidays and between terms.

    Returns
    -------
    OpeningCalendar
        Its `source` says where the terms come from.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> bk.calendars.school().is_open(dt.date(2026, 4, 20))
    False
    """
    return named("school")


def always() -> OpeningCalendar:
    """Return the calendar of what never closes: hospitals, fire stations, treatment plants.

    Returns
    -------
    OpeningCalendar
        Open around the clock, every day.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> bk.calendars.always().is_open(dt.date(2026, 1, 1))
    True
    """
    return named("always")


@checked
def custom(
    hours: Mapping[str, str],
    *,
    closed_on_holidays: bool = True,
    closed_dates: Collection[dt.date] = (),
    open_dates: Collection[dt.date] = (),
) -> OpeningCalendar:
    """Make a calendar of a building.

    Parameters
    ----------
    hours : mapping of str to str
        Opening hours by weekday: ``{"mon": "08:00-16:30", "sat": "08:00-12:00"}``. It is closed on a weekday that is
        left out.
    closed_on_holidays : bool
        Whether official Thai holidays, with their substitution days, close it.
    closed_dates, open_dates : collection of date
        Single days on which it is closed, or open in spite of everything else.

    Returns
    -------
    OpeningCalendar
        For `Baseline.fit` and `design`.

    Raises
    ------
    InputError
        If a weekday or an hour is not written as above.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> library = bk.calendars.custom({"sat": "09:00-20:00", "sun": "09:00-20:00"}, closed_on_holidays=False)
    >>> library.is_open(dt.date(2026, 11, 28)), library.is_open(dt.date(2026, 11, 26))
    (True, False)
    """
    if unknown := [day for day in hours if day not in WEEKDAYS]:
        raise unknown_name("weekday", unknown[0], WEEKDAYS)
    try:
        return OpeningCalendar(
            id="custom", name_th="กำหนดเอง", name_en="Custom", source="given in a program",
            hours=cast("Any", dict(hours)), closed_on_holidays=closed_on_holidays,
            closed_dates=frozenset(closed_dates), open_dates=frozenset(open_dates),
        )  # fmt: skip
    except ValueError:
        raise InputError(f'hours {dict(hours)} are not understood. Write each as "08:00-16:30".') from None
