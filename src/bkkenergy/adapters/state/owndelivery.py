"""Where persons want messages of their own, in the state's database: one row a user, entered by that user alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import Connection, RowMapping, delete, insert, select

from bkkenergy.access import Account
from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import own_delivery
from bkkenergy.adapters.state.tables import user
from bkkenergy.i18n import Lang
from bkkenergy.recipients import CITY, ENERGY, AttachedFormat, DocumentKind, Recipient
from bkkenergy.settings import Settings

OwnChannel = Literal["mail", "line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDelivery:
    """What a user wants: where, whether of findings that are theirs, and whose monthly reports (or "city").

    documents, formats : of the files that a mail of a month has attached.
    """

    channel: OwnChannel
    address: str
    findings: bool = True
    monthly: tuple[str, ...] = ()
    documents: tuple[DocumentKind, ...] = (ENERGY,)
    formats: tuple[AttachedFormat, ...] = ("pdf", "xlsx")


@dataclass(frozen=True, slots=True)
class Wish:
    """A user who wants messages. account : as the user is now."""

    account: Account
    delivery: OwnDelivery

    @property
    def monthly(self) -> tuple[str, ...]:
        """Whose monthly reports the user may still see: what a user no longer reaches is sent no more."""
        actor = self.account.actor()
        return tuple(
            agency
            for agency in self.delivery.monthly
            if (actor.sees_all if agency == CITY else actor.may("see", agency))
        )


def delivery_of(connection: Connection, user_id: int) -> OwnDelivery | None:
    """Return what a user wants; None where nothing was entered."""
    row = connection.execute(select(own_delivery).where(own_delivery.c.user_id == user_id)).mappings().first()
    if row is None:
        return None
    return _of_row(row)


def _of_row(row: RowMapping) -> OwnDelivery:
    return OwnDelivery(
        channel=row["channel"],
        address=row["address"],
        findings=bool(row["findings"]),
        monthly=tuple(row["monthly"]),
        documents=tuple(row["documents"]),
        formats=tuple(row["formats"]),
    )


def save_delivery(connection: Connection, user_id: int, wish: OwnDelivery | None, now: dt.datetime) -> None:
    """Store what a user wants in place of what there was; None ends it."""
    connection.execute(delete(own_delivery).where(own_delivery.c.user_id == user_id))
    if wish is not None:
        values = {
            "user_id": user_id,
            "channel": wish.channel,
            "address": wish.address,
            "findings": int(wish.findings),
            "monthly": list(wish.monthly),
            "documents": list(wish.documents),
            "formats": list(wish.formats),
            "at_us": us_of(now),
        }
        connection.execute(insert(own_delivery).values(values))


def wishes(connection: Connection) -> list[Wish]:
    """Return the users who want messages and may sign in."""
    columns = (user.c.id, user.c.name, user.c.display, user.c.role, user.c.agencies, user.c.language)
    mine = own_delivery.c
    query = select(*columns, mine.channel, mine.address, mine.findings, mine.monthly, mine.documents, mine.formats)
    query = query.join(own_delivery, mine.user_id == user.c.id).where(user.c.disabled == 0).order_by(user.c.id)
    return [
        Wish(
            Account(
                id=row["id"],
                name=row["name"],
                display=row["display"],
                role=row["role"],
                agencies=tuple(row["agencies"]),
                language=row["language"],
            ),
            _of_row(row),
        )
        for row in connection.execute(query).mappings()
    ]


def own_recipients(who: Iterable[Wish], settings: Settings) -> tuple[Recipient, ...]:
    """Return the users as recipients of months' reports, and of what is sent to them by name."""
    return tuple(
        Recipient(
            channel=wish.delivery.channel,
            to=wish.delivery.address,
            agencies=wish.monthly or (CITY,),
            reports=("month",) if wish.monthly else (),
            documents=wish.delivery.documents,
            formats=wish.delivery.formats,
            language=cast("Lang", wish.account.language),
            secret_file=settings.line.secret_file if wish.delivery.channel == "line" else None,
        )
        for wish in who
        if wish.delivery.channel == "mail" or settings.line.secret_file is not None
    )
