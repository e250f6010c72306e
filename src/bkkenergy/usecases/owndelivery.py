"""What a person wants sent to an address of their own: findings that are theirs, reports of months."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import cast

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.owndelivery import OwnDelivery, delivery_of, save_delivery
from bkkenergy.adapters.state.standings import standing_of
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError, NotThere
from bkkenergy.recipients import CITY
from bkkenergy.settings import Settings
from bkkenergy.usecases.powers import use_case

MAIL_ADDRESS = re.compile(r"[^\s@,;:<>\"()\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
LINE_USER = re.compile(r"U[0-9a-f]{32}")
MAX_ADDRESS = 200
MAX_MONTHLY = 100


@use_case("account.delivery", None, "own")
def choose_own_delivery(
    engine: StateStore, actor: Actor, settings: Settings, wish: OwnDelivery | None, now: dt.datetime
) -> None:
    """Store where the actor wants messages, and which; None ends them all. The audit log has no address.

    Raises InputError for an address that is none, for one that messages were ended to, and for LINE where the operator
    has set no channel; NotThere for reports of agencies that are not the actor's; StoreUnavailable.
    """
    if wish is not None:
        _refuse_strange(actor, settings, wish)
        if standing_of(engine, wish.channel, wish.address) is not None:
            raise InputError.of("own_ended")
    with transaction(engine) as connection:
        save_delivery(connection, cast("int", actor.user_id), wish, now)
        detail = {} if wish is None else {"channel": wish.channel, "monthly": list(wish.monthly)}
        enter_audit(connection, actor, "own_delivery", actor.name, detail, now)


@use_case("account.monthly", None, "own")
def want_monthly(engine: StateStore, actor: Actor, agency: str, now: dt.datetime, *, is_wanted: bool) -> None:
    """Let the monthly report of an agency (or "city") be sent to the actor, or end it.

    Raises InputError where the actor has entered no address, NotThere for what is not the actor's, StoreUnavailable.
    """
    whose = cast("int", actor.user_id)
    with transaction(engine) as connection:
        before = delivery_of(connection, whose)
        if before is None:
            raise InputError.of("own_address_none")
        if is_wanted:
            _need_reports_of(actor, agency)
        others = tuple(name for name in before.monthly if name != agency)
        monthly = (*others, agency) if is_wanted else others
        save_delivery(connection, whose, replace(before, monthly=monthly), now)
        enter_audit(
            connection, actor, "own_delivery", actor.name, {"channel": before.channel, "monthly": list(monthly)}, now
        )


def own_wish(engine: StateStore, who: Actor) -> OwnDelivery | None:
    """Return what a person has entered; None where that is nothing. Raises StoreUnavailable."""
    if who.user_id is None:
        return None
    with reading(engine) as connection:
        return delivery_of(connection, who.user_id)


def wants_monthly(engine: StateStore, who: Actor, agency: str) -> bool:
    """Return whether a person gets the monthly report of an agency (or "city"). Raises StoreUnavailable."""
    wish = own_wish(engine, who)
    return wish is not None and agency in wish.monthly


def _refuse_strange(who: Actor, settings: Settings, wish: OwnDelivery) -> None:
    pattern = MAIL_ADDRESS if wish.channel == "mail" else LINE_USER
    if wish.channel not in {"mail", "line"} or len(wish.address) > MAX_ADDRESS:
        raise InputError.of("own_address", given=wish.address[:60])
    if wish.channel == "line" and settings.line.secret_file is None:
        raise InputError.of("own_no_line")
    if not pattern.fullmatch(wish.address) or not wish.address.isascii():
        raise InputError.of("own_address" if wish.channel == "mail" else "own_line", given=wish.address[:60])
    if len(wish.monthly) > MAX_MONTHLY:
        raise InputError.of("own_monthly_many", max=MAX_MONTHLY)
    for agency in wish.monthly:
        _need_reports_of(who, agency)


def _need_reports_of(who: Actor, agency: str) -> None:
    """Raise NotThere where a person may not see an agency's reports."""
    if not (who.sees_all if agency == CITY else who.reaches(agency)):
        raise NotThere
