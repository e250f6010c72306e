"""Links by mail: to set the password of an account (an invitation, a reset), and to confirm its address.

A link is good once and for a while, its secret goes into the mail alone, and it begins with the public address of the
settings: what a browser calls this server decides nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import structlog

from bkkenergy.access import Actor
from bkkenergy.adapters.delivery import DeliveryFailed, Notification
from bkkenergy.adapters.delivery.mail import send_mail
from bkkenergy.adapters.state import StateStore, StateTransaction, transaction
from bkkenergy.adapters.state.accountlinks import (
    LINK_S,
    AccountLink,
    LinkPurpose,
    end_links,
    mail_of,
    may_have_link,
    new_link,
    resets_due,
    set_mail,
    take_link,
)
from bkkenergy.adapters.state.persons import hash_of_no_password
from bkkenergy.adapters.state.users import PasswordHash, change_password, enter_audit, hashed, note, users
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.i18n import Words
from bkkenergy.recipients import Recipient
from bkkenergy.settings import Settings
from bkkenergy.usecases.accountnotices import notify_of_change
from bkkenergy.usecases.ownaccount import with_password
from bkkenergy.usecases.owndelivery import MAIL_ADDRESS, MAX_ADDRESS
from bkkenergy.usecases.people import NewUser, enter_user, reached_user
from bkkenergy.usecases.powers import use_case

LASTS_IN_S: dict[LinkPurpose, int] = {"invite": 86_400, "reset": 60, "mail": 3600}
"""In which unit a mail says how long its link is good."""
log = structlog.get_logger(__name__)


def sends_links(settings: Settings) -> bool:
    """Return whether links can be sent: that needs a mail server, and the address by which others reach the service."""
    return bool(settings.mail.host and settings.web.public_address)


@use_case("users.invite", "administer", "agency")
def invite_user(engine: StateStore, actor: Actor, user_id: int, mail: str, now: dt.datetime) -> AccountLink:
    """Make a link by which a user sets a password and confirms an address. Return it, to be sent by `mail_link`.

    The password that there is stays good until then. Raises InputError for an address that is none, and for a user
    that a link would not let in.
    """
    actor.need("administer")
    _refuse_strange(mail)
    with transaction(engine) as connection:
        name = reached_user(engine, actor, user_id)["name"]
        if not may_have_link(connection, user_id):
            raise InputError.of("link_opens_nothing", name=name)
        link = new_link(connection, user_id, "invite", mail, now)
        enter_audit(connection, actor, "invite_user", name, {}, now)
    return link


@use_case("users.add_invited", "administer", "agency")
def enter_invited(engine: StateStore, actor: Actor, new: NewUser, mail: str, now: dt.datetime) -> AccountLink:
    """Insert a user whose password no one knows, and make the link to set one. Raises InputError as both parts do."""
    new = replace(new, password=hash_of_no_password())
    with transaction(engine):
        enter_user(engine, actor, new, now)
        user_id = next(user["id"] for user in users(engine) if user["name"] == new.name)
        return invite_user(engine, actor, user_id, mail, now)


@use_case("account.mail", None, "own")
def begin_own_mail(engine: StateStore, actor: Actor, password: str, mail: str, now: dt.datetime) -> AccountLink:
    """Make a link by which one confirms an address, to be sent by `mail_link`. Raises InputError."""
    user = with_password(engine, actor, password)
    _refuse_strange(mail)
    with transaction(engine) as connection:
        link = new_link(connection, user, "mail", mail, now)
        enter_audit(connection, actor, "begin_mail", actor.name, {}, now)
    return link


@use_case("account.end_mail", None, "own")
def end_own_mail(engine: StateStore, actor: Actor, password: str, now: dt.datetime) -> None:
    """Take one's address out of the account. Raises InputError for a wrong password."""
    user = with_password(engine, actor, password)
    with transaction(engine) as connection:
        _change_mail(connection, user, "", actor, now)


def mail_link(settings: Settings, link: AccountLink) -> None:
    """Send a link. Raises InputError where that is not set up, or the mail server does not take it."""
    if not sends_links(settings):
        raise InputError.of("links_not_set_up")
    words = Words("en" if link.language == "en" else "th")
    address = f"{settings.web.public_address}/link/{link.secret}"
    count = round(LINK_S[link.purpose] / LASTS_IN_S[link.purpose])
    lines = [
        words(f"account_link.{link.purpose}_text", name=link.name),
        "",
        address,
        "",
        words(f"account_link.{link.purpose}_lasts", count=count),
        words("account_link.not_you"),
    ]
    message = Notification(
        key=f"link/{hashed(link.secret)}",
        subject=words(f"account_link.{link.purpose}_subject"),
        text="\n".join(lines),
    )
    try:
        send_mail(settings, Recipient(to=link.mail), message)
    except (DeliveryFailed, OSError) as error:
        log.error("link_not_sent", purpose=link.purpose, name=link.name, why=str(error))  # noqa: TRY400
        raise InputError.of("link_not_sent", why=str(error)) from error


def send_resets(engine: StateStore, settings: Settings, who: str, now: dt.datetime, *, address: str) -> int:
    """Send links to set a password to users of a name or an address. Return how many.

    The caller answers before it is done, and alike for every name: it takes time only where there is such a user. A
    mail that is not sent is a line of the audit log and of the service's log.
    """
    with transaction(engine) as connection:
        links = [new_link(connection, row.id, "reset", row.mail, now) for row in resets_due(connection, who, now)]
        for link in links:
            enter_audit(connection, Actor(link.name, address), "ask_reset", link.name, {}, now)
    count = 0
    for link in links:
        try:
            mail_link(settings, link)
            count += 1
        except BkkEnergyError:  # mail_link has logged why; an address is in no audit log
            note(engine, link.name, "link_not_sent", link.name, {}, now, address=address)
    return count


def set_password_by_link(engine: StateStore, secret: str, password: str, now: dt.datetime, *, address: str) -> bool:
    """Set a password by a link and use it up; return whether it was still good. An invitation confirms the address.

    A second factor stays: it is asked for at the next sign-in.
    """
    password_hash = PasswordHash.of(password)
    with transaction(engine) as connection:
        link = take_link(connection, secret, now, "invite", "reset")
        if link is None:
            return False
        actor = Actor(link.name, address)
        change_password(engine, link.user_id, password_hash, now)
        if link.purpose == "invite" and mail_of(connection, link.user_id)[0]:
            _change_mail(connection, link.user_id, link.mail, actor, now)  # who had the account hears of it too
        elif link.purpose == "invite":
            set_mail(connection, link.user_id, link.mail)
        enter_audit(connection, actor, "change_password", link.name, {"by": link.purpose}, now)
        notify_of_change(connection, link.user_id, "password", now, by=link.name, address=address)
    return True


def confirm_mail_by_link(engine: StateStore, secret: str, now: dt.datetime, *, address: str, user_id: int) -> bool:
    """Set a user's address by the link that was sent there; return whether it was still good.

    user_id : who is signed in where it was opened. A stranger who got it by a mistyped address confirms nothing.
    """
    with transaction(engine) as connection:
        link = take_link(connection, secret, now, "mail", user_id=user_id)
        if link is None:
            return False
        _change_mail(connection, link.user_id, link.mail, Actor(link.name, address), now)
    return True


def _change_mail(connection: StateTransaction, user_id: int, mail: str, who: Actor, now: dt.datetime) -> None:
    """Set a user's address, and say so to the address before and to the one after."""
    before, _ = mail_of(connection, user_id)
    if before == mail:
        return
    notify_of_change(connection, user_id, "mail", now, by=who.name, address=who.address)
    set_mail(connection, user_id, mail)
    end_links(connection, user_id, "mail")
    notify_of_change(connection, user_id, "mail", now, by=who.name, address=who.address)
    enter_audit(connection, who, "change_mail", who.name, {}, now)


def _refuse_strange(mail: str) -> None:
    if len(mail) > MAX_ADDRESS or not mail.isascii() or not MAIL_ADDRESS.fullmatch(mail):
        raise InputError.of("own_address", given=mail[:60])
