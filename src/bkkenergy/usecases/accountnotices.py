"""Mails to a user about the account: what was changed, when, from where. No one can unsubscribe from them."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Literal

from bkkenergy.adapters.state import StateTransaction, us_of
from bkkenergy.adapters.state.accountlinks import mail_of
from bkkenergy.adapters.state.outbox import OutboxMessage, post
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words

NOTICE = "account"
"""What the outbox calls these messages."""
AccountChange = Literal[
    "password", "factor_set", "factor_ended", "passkey_added", "passkey_ended", "mail", "token", "device"
]


def notify_of_change(
    connection: StateTransaction,
    user_id: int,
    change: AccountChange,
    now: dt.datetime,
    *,
    by: str,
    address: str,
    device: str = "",
) -> None:
    """Put a mail to a user into the outbox, in the transaction of a change; nothing where the user has no address.

    by : who changed it. address, device : from where, and by which browser; empty on the server itself.
    """
    mail, language = mail_of(connection, user_id)
    if not mail:
        return
    words = Words("en" if language == "en" else "th")
    lines = [
        words(f"account_notice.{change}"),
        "",
        words("account_notice.when", at=words.moment(now.astimezone(BANGKOK))),
        words("account_notice.by", name=by),
        *([words("account_notice.from", address=address)] if address else []),
        *([words("account_notice.device_is", device=device)] if device else []),
        "",
        words("account_notice.not_you"),
    ]
    message = OutboxMessage(
        subject=words("account_notice.subject_device" if change == "device" else "account_notice.subject"),
        text="\n".join(lines),
        data={"kind": NOTICE, "change": change},
    )
    key = f"{NOTICE}/{user_id}/{us_of(now)}/{secrets.token_hex(4)}"
    post(connection, key=key, channel="mail", recipient=mail, message=message, now=now)
