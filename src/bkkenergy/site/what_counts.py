"""Which of two places counts where one thing is entered in both, and what is entered that nothing fills."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.ledger import CHANNELS
from bkkenergy.settings import FILE_NAME
from bkkenergy.site.configuration import Configuration
from bkkenergy.texts import Lang, filled

Line = tuple[str, dict[str, object]]
"""A key under [check] of the catalogues, and what fills its text."""


def what_counts(config: Configuration, day: dt.date, lang: Lang = "en") -> Iterator[str]:
    """Say in lines which source counts on a day, where there are two, and what nothing fills."""
    portfolio = config.portfolio.on(day)
    for key, values in (
        *_recipients(config, portfolio),
        *_schedules(portfolio),
        *_supplies(portfolio),
        *_channels(portfolio),
        *_terms(portfolio, day),
    ):
        yield filled(lang, f"check.{key}", values)


def _terms(portfolio: Portfolio, day: dt.date) -> Iterator[Line]:
    """Say which calendars in use have had their last term, with no yearly closures that would hold from then on."""
    used = {building.calendar for building in portfolio.buildings.values()}
    for calendar in portfolio.calendars.values():
        last = max((term.last for term in calendar.terms), default=day)
        if calendar.id in used and last < day and not calendar.closures:
            yield "terms_over", {"name": calendar.id, "day": last}


def _channels(portfolio: Portfolio) -> Iterator[Line]:
    """Say which channels are entered that no reading fills, or otherwise than the ledger has them."""
    for channel in portfolio.channels.values():
        named: dict[str, object] = {"meter": channel.meter, "name": channel.name}
        known = CHANNELS.get(channel.name)
        if known is None:
            yield "channel_unfilled", named
        elif (known.unit, known.is_additive) != (channel.unit, channel.is_additive):
            yield "channel_otherwise", named | {"has": known.unit, "unit": channel.unit}


def _recipients(config: Configuration, portfolio: Portfolio) -> Iterator[Line]:
    in_settings = len(config.settings.recipient)
    if portfolio.records.by_kind.get("recipient"):
        values: dict[str, object] = {"count": len(portfolio.recipients), "others": in_settings}
        yield "recipients_also" if in_settings else "recipients", values
    by_mail = [one.id for one in portfolio.recipients.values() if one.channel == "mail"]
    if by_mail and not config.settings.mail.host:
        yield "no_mail_server", {"where": f"{FILE_NAME}: mail.host", "names": by_mail}


def _schedules(portfolio: Portfolio) -> Iterator[Line]:
    for building in portfolio.buildings.values():
        schedules = sorted({account.schedule for account in portfolio.accounts_of(building.id)})
        values: dict[str, object] = {"building": building.id, "tariff": building.tariff}
        if len(schedules) > 1:
            yield "schedules_differ", values | {"names": schedules}
        elif schedules and schedules[0] != building.tariff:
            yield "schedule_of_account", values | {"name": schedules[0]}


def _supplies(portfolio: Portfolio) -> Iterator[Line]:
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
            yield "accounts_differ", {"building": building.id, "names": differing}
