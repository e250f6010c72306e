"""Messages to the person whose a finding is: when it is given to them, and on the day on which it is due."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, transaction
from bkkenergy.adapters.state.findingwork import WorkEntry, due_entries
from bkkenergy.adapters.state.outbox import OutboxMessage, post
from bkkenergy.adapters.state.owndelivery import Wish, wishes
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Portfolio

ENDED = frozenset({"resolved", "dismissed"})
REMINDED_DAYS = 7
"""Who was away on the day itself is reminded for so long afterwards; each finding once for its date."""


def rule_name(rule: str, words: Words) -> str:
    """Return what a finding is called, an event with its day."""
    bare, _, day = rule.partition("@")
    name = words.name("insight", bare)
    return f"{name} ({words.day_year(dt.date.fromisoformat(day))})" if day else name


def post_to_new_owner(
    connection: StateTransaction,
    portfolio: Portfolio,
    entry: WorkEntry,
    before: WorkEntry | None,
    who: Actor,
    now: dt.datetime,
) -> int:
    """Put a message to a finding's new owner into the outbox, in the transaction that gives it; return how many.

    An owner is a user by name or display name who sees the agency and wants messages. One who takes a finding oneself
    needs none.
    """
    is_new = before is None or before.owner != entry.owner
    if not is_new or not entry.owner or entry.state in ENDED:
        return 0
    owners = [wish for wish in _owners(connection, entry) if wish.account.id != who.user_id]
    for wish in owners:
        _post(connection, portfolio, entry, wish, f"finding/{entry.number}", "work.mail_assigned", now)
    return len(owners)


def remind_owners(engine: StateStore, portfolio: Portfolio, now: dt.datetime) -> int:
    """Put a message for each finding that is due today, or was lately, into the outbox, once; return how many are due.

    Raises StoreUnavailable.
    """
    today = now.astimezone(BANGKOK).date()
    with transaction(engine) as connection:
        due = [
            entry for entry in due_entries(connection, today - dt.timedelta(days=REMINDED_DAYS), today) if entry.owner
        ]
        for entry in due:
            key = f"finding_due/{entry.building}/{entry.rule}/{entry.due}"
            for wish in _owners(connection, entry):
                _post(connection, portfolio, entry, wish, key, "work.mail_due", now)
    return len(due)


def _owners(connection: StateTransaction, entry: WorkEntry) -> list[Wish]:
    return [
        wish
        for wish in wishes(connection)
        if wish.delivery.findings
        and entry.owner in {wish.account.name, wish.account.display}
        and wish.account.may("see", entry.agency)
    ]


def _post(
    connection: StateTransaction,
    portfolio: Portfolio,
    entry: WorkEntry,
    wish: Wish,
    key: str,
    subject: str,
    now: dt.datetime,
) -> None:
    """Put a finding as a message in its owner's language into the outbox."""
    words = Words("en" if wish.account.language == "en" else "th")
    building = portfolio.buildings.get(entry.building)
    name = entry.building if building is None else words.either(th=building.name_th, en=building.name_en)
    lines = [f"{name}: {rule_name(entry.rule, words)}", words(f"work.state_{entry.state}")]
    if entry.cost_thb_a_month >= 1:
        lines.append(words("insight.stakes_money", thb=words.number(entry.cost_thb_a_month)))
    if entry.due is not None:
        lines.append(words("work.until", date=words.day_year(entry.due)))
    if entry.comment:
        lines.append(entry.comment)
    lines += ["", words("work.mail_by", name=entry.by), words("work.mail_end")]
    message = OutboxMessage(
        subject=words(subject, building=name, rule=rule_name(entry.rule, words)),
        text="\n".join(lines),
        data={"kind": "finding", "building": entry.building, "rule": entry.rule, "state": entry.state},
    )
    address = f"{wish.delivery.channel}/{wish.delivery.address}"
    post(
        connection, key=f"{key}/{address}", channel=wish.delivery.channel, recipient=wish.delivery.address,
        message=message, now=now,
    )  # fmt: skip
