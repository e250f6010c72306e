"""Ending messages to an address by the link in a mail, refusals of mailboxes, and sending again."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor, server_actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.outbox import Posted
from bkkenergy.adapters.state.standings import (
    drop_standing,
    drop_standing_of,
    is_signed,
    posted_numbered,
    set_standing,
    signature,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import NotThere
from bkkenergy.usecases.powers import use_case

UNSUBSCRIBE, PICTURE = "unsubscribe", "picture"
BY_LINK, BY_MAIL = server_actor("link"), server_actor("mail")
"""Who ends messages: one who has the link of a mail, or the server that refuses it."""
PICTURE_DAYS = 7


def unsubscribe_path(engine: StateStore, number: int) -> str:
    """Return the path of the link that ends messages to the address of one message."""
    return f"/unsubscribe/{number}/{signature(engine, UNSUBSCRIBE, str(number))}"


def message_of_link(engine: StateStore, number: int, given: str) -> Posted:
    """Return the message whose link this is. Raises NotThere for any other."""
    posted = posted_numbered(engine, number) if is_signed(engine, UNSUBSCRIBE, str(number), given) else None
    if posted is None:
        raise NotThere
    return posted


def end_by_link(engine: StateStore, number: int, given: str, now: dt.datetime) -> None:
    """Send nothing more to the address that a mail went to. Raises NotThere for a link that is not ours."""
    posted = message_of_link(engine, number, given)
    with transaction(engine) as connection:
        set_standing(connection, posted.channel, posted.recipient, "unsubscribed", "", now)
        enter_audit(connection, BY_LINK, "unsubscribe", f"message {number}", {}, now)


def begin_by_link(engine: StateStore, number: int, given: str, now: dt.datetime) -> None:
    """Send again to the address that a mail went to. Raises NotThere for a link that is not ours."""
    posted = message_of_link(engine, number, given)
    with transaction(engine) as connection:
        drop_standing_of(connection, posted.channel, posted.recipient)
        enter_audit(connection, BY_LINK, "send_again", f"message {number}", {}, now)


def note_refusal(engine: StateStore, channel: str, address: str, reason: str, now: dt.datetime) -> None:
    """Send nothing more to a mailbox that its server refuses for good, until a person lets it be tried again."""
    with transaction(engine) as connection:
        set_standing(connection, channel, address, "refused", reason, now)
        enter_audit(connection, BY_MAIL, "mailbox_refused", channel, {"reason": reason[:200]}, now)


@use_case("recipients.again", "serve", "server")
def send_again(engine: StateStore, actor: Actor, number: int, now: dt.datetime) -> None:
    """Send again to an address that refused, or was unsubscribed. Raises NotThere, NotAllowed."""
    with transaction(engine) as connection:
        if drop_standing(connection, number) is None:
            raise NotThere
        enter_audit(connection, actor, "send_again", f"recipient {number}", {}, now)


def picture_path(engine: StateStore, path: str, now: dt.datetime) -> str:
    """Return the path of a link to a picture of the archive, which opens for some days."""
    until_s = int((now + dt.timedelta(days=PICTURE_DAYS)).timestamp())
    return f"/shared/{until_s}/{signature(engine, PICTURE, f'{until_s} {path}')}/{path}"


def need_picture(engine: StateStore, until_s: int, given: str, path: str, now: dt.datetime) -> None:
    """Raise NotThere where a link to a picture is not ours, or is over."""
    if not is_signed(engine, PICTURE, f"{until_s} {path}", given) or now.timestamp() > until_s:
        raise NotThere
