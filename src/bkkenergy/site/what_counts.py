"""Which of two places counts where one thing is entered in both, and what is stored that nothing reads yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from bkkenergy.portfolio import Portfolio
from bkkenergy.site.configuration import Configuration

READ_BY_NOTHING_YET = ("channel", "contact", "pv_plant")
"""Kinds of records that are stored, shown and exported, and that no figure rests on yet."""


def what_counts(config: Configuration, day: dt.date) -> Iterator[str]:
    """Say in lines which source counts on a day, where there are two, and what nothing reads."""
    portfolio = config.portfolio.on(day)
    yield from _recipients(config, portfolio)
    yield from _schedules(portfolio)
    yield from _supplies(portfolio)
    stored = [kind for kind in READ_BY_NOTHING_YET if portfolio.records.on(kind, day)]
    if stored:
        yield f"Stored, and read by no report yet: {', '.join(stored)}."


def _recipients(config: Configuration, portfolio: Portfolio) -> Iterator[str]:
    in_settings = len(config.settings.recipient)
    if portfolio.records.by_kind.get("recipient"):
        also = f" The {in_settings} of the settings do not count: remove them there." if in_settings else ""
        yield f"Recipients are those of the portfolio: {len(portfolio.recipients)} today.{also}"


def _schedules(portfolio: Portfolio) -> Iterator[str]:
    for building in portfolio.buildings.values():
        named = sorted({account.schedule for account in portfolio.accounts_of(building.id)})
        if len(named) > 1:
            yield (
                f"{building.id}: its electricity accounts name {' and '.join(named)}, so that its tariff "
                f"{building.tariff} counts."
            )
        elif named and named[0] != building.tariff:
            yield f"{building.id}: the schedule {named[0]} of its account counts, not its tariff {building.tariff}."


def _supplies(portfolio: Portfolio) -> Iterator[str]:
    """Say where accounts of a building disagree on what its bill rests on, so that none of them counts."""
    for building in portfolio.buildings.values():
        accounts = portfolio.accounts_of(building.id)
        differing = [
            name
            for name, values in (
                ("utility", {account.utility for account in accounts}),
                ("meter_side", {account.meter_side for account in accounts}),
                ("read_day", {account.read_day for account in accounts}),
            )
            if len(values) > 1
        ]
        if differing:
            named = ", ".join(differing)
            yield f"{building.id}: its electricity accounts differ in {named}: its bill follows none there."
