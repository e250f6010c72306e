"""Finds what a building or a meter was on the days that are asked for, also where it is no more today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.records import EVER, Dated
from bkkenergy.site import Site
from bkkenergy.usecases.during import site_during

DAY = dt.timedelta(days=1)


def history_of(portfolio: Portfolio, name: str) -> Sequence[Dated[Any]]:
    """Return what a building or a meter was, and when; nothing where the records have none of that name."""
    return portfolio.records.history("building", name) or portfolio.records.history("meter", name)


def last_day_there(portfolio: Portfolio, name: str, period: Period) -> dt.date | None:
    """Return the last day of a period on which a building or a meter was there; None where on none of them."""
    for version in reversed(history_of(portfolio, name)):
        last = period.last_day if version.end is None else min(period.last_day, version.end - DAY)
        if last >= max(version.first, period.first_day):
            return last
    return None


def last_day_of(portfolio: Portfolio, name: str) -> dt.date | None:
    """Return the last day on which a building or a meter was there; None where it has no end, or there is none."""
    history = history_of(portfolio, name)
    return history[-1].end - DAY if history and history[-1].end is not None else None


def site_then(site: Site, name: str, period: Period) -> Site:
    """Return the site over a period, with a building or a meter as it was on the last of its days there.

    The site as it is, where the records do not know it, or it is there today and was not then. Raises InputError with
    the days on which it was there, for one that is no more, or not yet.
    """
    day = last_day_there(site.portfolio, name, period)
    if day is not None:
        during = site_during(site, period)
        known = during.portfolio.buildings.get(name.rpartition(".")[0])
        if name in during.portfolio.buildings:
            return during
        is_there = known is not None and any(one.id == name for one in known.meters)
        return replace(during if is_there else site.on(day), energy=site.energy)  # a meter counts what it measured
    history = history_of(site.portfolio, name)
    if not history or name in site.portfolio.buildings or any(meter.id == name for meter in site.portfolio.meters):
        return site
    raise InputError.of("not_there_then", name=name, days=days_there(history))


def days_there(history: Sequence[Dated[Any]]) -> str:
    """Return the days on which a thing was there, as from..to, an open end left out."""
    spans: list[list[dt.date | None]] = []
    for version in history:
        if spans and spans[-1][1] == version.first:
            spans[-1][1] = version.end
        else:
            spans.append([version.first, version.end])
    return ", ".join(f"{'' if first == EVER else first}..{'' if end is None else end - DAY}" for first, end in spans)


def owner_of(portfolio: Portfolio, building_id: str) -> str | None:
    """Return whose a building is, or was when it was last there; None where there never was such a building."""
    building = portfolio.buildings.get(building_id)
    if building is not None:
        return building.agency
    history = portfolio.records.history("building", building_id)
    return history[-1].value.agency if history else None
