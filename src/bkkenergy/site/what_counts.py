"""Which of two places counts where one thing is entered in both, and what is entered that nothing fills."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.ledger import CHANNELS
from bkkenergy.settings import FILE_NAME
from bkkenergy.site.configuration import Configuration


def what_counts(config: Configuration, day: dt.date) -> Iterator[str]:
    """Say in lines which source counts on a day, where there are two, and what nothing fills."""
    portfolio = config.portfolio.on(day)
    yield from _recipients(config, portfolio)
    yield from _schedules(portfolio)
    yield from _supplies(portfolio)
    yield from _channels(portfolio)
    yield from _terms(portfolio, day)


def _terms(portfolio: Portfolio, day: dt.date) -> Iterator[str]:
    """Say which calendars in use have had their last term, with no yearly closures that would hold from then on."""
    used = {building.calendar for building in portfolio.buildings.values()}
    for calendar in portfolio.calendars.values():
        last = max((term.last for term in calendar.terms), default=day)
        if calendar.id in used and last < day and not calendar.closures:
            yield f"calendar {calendar.id!r}: its last term ended on {last}: no day is a school holiday from then on."


def _channels(portfolio: Portfolio) -> Iterator[str]:
    """Say which channels are entered that no reading fills, or otherwise than the ledger has them."""
    for channel in portfolio.channels.values():
        filled = CHANNELS.get(channel.name)
        if filled is None:
            yield f"{channel.meter}: the ledger fills no channel {channel.name!r} yet: it is shown, and has no figures."
        elif (filled.unit, filled.is_additive) != (channel.unit, channel.is_additive):
            yield f"{channel.meter}: the ledger has channel {channel.name!r} in {filled.unit}, not in {channel.unit}."


def _recipients(config: Configuration, portfolio: Portfolio) -> Iterator[str]:
    in_settings = len(config.settings.recipient)
    if portfolio.records.by_kind.get("recipient"):
        also = f" The {in_settings} of the settings do not count: remove them there." if in_settings else ""
        yield f"Recipients are those of the portfolio: {len(portfolio.recipients)} today.{also}"
    by_mail = [one.id for one in portfolio.recipients.values() if one.channel == "mail"]
    if by_mail and not config.settings.mail.host:
        yield f"No mail server is named ({FILE_NAME}: mail.host): nothing is sent to {', '.join(by_mail)}."


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
