"""Users and their tokens: entered, changed, listed. An agency's admin administers those of that agency alone."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bkkenergy.access import EVERY_AGENCY, ROLES, Actor, Role, TokenScope
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.identities import Grant
from bkkenergy.adapters.state.tokens import add_token, drop_token, tokens
from bkkenergy.adapters.state.users import (
    PasswordHash,
    add_user,
    change_password,
    change_user,
    enter_audit,
    locked_users,
    users,
)
from bkkenergy.errors import InputError, NotThere
from bkkenergy.usecases.accountnotices import AccountChange, notify_of_change
from bkkenergy.usecases.powers import use_case

SARA_AM = "\u0e33"
DRAWN_AS_LATIN = re.compile(
    "[\u0131\u0250-\u02af\u0370-\u052f\u0530-\u058f\u13a0-\u13ff\u1c80-\u1c8f\u1d00-\u1dbf\u1f00-\u1fff\u2c80-\u2cff\u2de0-\u2dff\ua4d0-\ua4ff\ua640-\ua69f\uab30-\uabbf]"
)
"""Letters that are drawn as Latin ones, or nearly: phonetic, Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu."""
CHANGEABLE = frozenset({"role", "agencies", "disabled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to be entered. agencies : ids, or "all". password : empty for one who is invited by mail."""

    name: str
    role: Role
    agencies: tuple[str, ...]
    password: str = ""
    display: str = ""
    language: str = "th"
    must_change: bool = True


def is_name(name: str) -> bool:
    """Return whether a text can be a user's name: none that looks like another one, and none that is not seen."""
    plain = name.replace(SARA_AM, "")  # the one letter of Thai that would be written as two
    is_seen = unicodedata.normalize("NFKC", plain) == plain and name.isprintable() and name == name.strip() != ""
    return is_seen and DRAWN_AS_LATIN.search(name) is None


def granted(groups: object, table: Sequence[str]) -> Grant | None:
    """Return what groups of a provider of sign-in give: the highest role, over the agencies of the groups that give it.

    None without one. table : lines of `web.oidc.groups`.
    """
    known = {group for group in groups if isinstance(group, str)} if isinstance(groups, list) else set()
    given: dict[str, set[str]] = {}
    for line in table:
        group, _, what = line.partition(": ")
        role, *agencies = what.split()
        if group in known:
            given.setdefault(role, set()).update(agencies)
    best = next((role for role in reversed(ROLES) if role in given), None)
    return None if best is None else Grant(best, tuple(sorted(given[best])))


@use_case("users.list", "administer", "agency")
def list_users(engine: StateStore, actor: Actor) -> list[dict[str, Any]]:
    """Return the users whose agencies are all the actor's."""
    actor.need("administer")
    return [user for user in users(engine) if _is_within(actor, user["agencies"])]


@use_case("users.add", "administer", "agency")
def enter_user(engine: StateStore, actor: Actor, new: NewUser, now: dt.datetime) -> None:
    """Insert a user. Raises InputError where the name is taken."""
    if not new.agencies:
        raise InputError.of("user_needs_agency")
    if not is_name(new.name):
        raise InputError.of("user_name")
    actor.need("administer", *new.agencies)
    password = PasswordHash.of(new.password)
    with transaction(engine):
        add_user(
            engine, new.name, password, new.role, new.agencies, now,
            display=new.display, language=new.language, must_change=new.must_change,
        )  # fmt: skip
        _note(engine, actor, "add_user", new.name, {"role": new.role, "agencies": list(new.agencies)}, now)


@use_case("users.change", "administer", "agency")
def alter_user(engine: StateStore, actor: Actor, user_id: int, values: Mapping[str, Any], now: dt.datetime) -> None:
    """Set role, agencies, or whether a user may come in. One who may not any more is signed out.

    Raises InputError for one's own account, and for the last admin of the server.
    """
    if not values or set(values) - CHANGEABLE:
        raise InputError.of("user_changeable", names=", ".join(sorted(CHANGEABLE)))
    with transaction(engine) as connection:
        every = locked_users(connection)
        before = _reached(actor, every, user_id)
        if user_id == actor.user_id:
            raise InputError.of("own_account")
        if "agencies" in values:
            if not values["agencies"]:
                raise InputError.of("user_needs_agency")
            actor.need("administer", *values["agencies"])
        _leave_one_admin(every, user_id, before | dict(values))
        change_user(engine, user_id, values)
        detail = {"before": {name: before[name] for name in values}, "after": dict(values)}
        _note(engine, actor, "change_user", before["name"], detail, now)


@use_case("users.password", "administer", "agency")
def give_password(
    engine: StateStore, actor: Actor, user_id: int, password: str, now: dt.datetime, *, must_change: bool
) -> None:
    """Set another password of a user, and end their sessions."""
    actor.need("administer")
    password = PasswordHash.of(password)
    with transaction(engine):
        name = reached_user(engine, actor, user_id)["name"]
        change_password(engine, user_id, password, now)
        if must_change:
            change_user(engine, user_id, {"must_change": 1})
        _note(engine, actor, "change_password", name, {}, now)
        _notify(engine, user_id, "password", actor, now)


@use_case("account.password", None, "own")
def change_own_password(
    engine: StateStore, actor: Actor, password: str, now: dt.datetime, *, session: str, browser: str = ""
) -> None:
    """Set one's own password, and end one's other sessions. session, browser : the keys of this one."""
    password = PasswordHash.of(password)
    with transaction(engine):
        change_password(engine, own_id(actor), password, now, keep=session, browser=browser)
        _note(engine, actor, "change_password", actor.name, {}, now)
        _notify(engine, own_id(actor), "password", actor, now)


@use_case("account.language", None, "own")
def change_own_language(engine: StateStore, actor: Actor, language: str) -> None:
    """Set the language of one's own pages."""
    change_user(engine, own_id(actor), {"language": language})


@use_case("tokens.list", "administer", "agency")
def list_tokens(engine: StateStore, actor: Actor) -> list[dict[str, Any]]:
    """Return the tokens of the users that the actor administers."""
    reached = {user["id"] for user in list_users(engine, actor)}
    return [token for token in tokens(engine) if token["user_id"] in reached]


@use_case("tokens.add", "administer", "agency")
def enter_token(
    engine: StateStore, actor: Actor, user_id: int, name: str, scope: TokenScope, now: dt.datetime, *, days: int
) -> str:
    """Make a token of a user, and return it this once."""
    with transaction(engine):
        whose = reached_user(engine, actor, user_id)["name"]
        secret = add_token(engine, user_id, name, scope, now, days=days)
        _note(engine, actor, "add_token", name, {"user": whose, "scope": scope, "days": days}, now)
        _notify(engine, user_id, "token", actor, now)
    return secret


@use_case("tokens.end", "administer", "agency")
def end_token(engine: StateStore, actor: Actor, token_id: int, now: dt.datetime) -> dict[str, Any]:
    """Delete a token at once, and return what it was."""
    with transaction(engine):
        ended = next((token for token in tokens(engine) if token["id"] == token_id), None)
        if ended is None:
            actor.need("administer")
            raise NotThere.of("no_token", token_id=token_id)
        reached_user(engine, actor, ended["user_id"])
        drop_token(engine, token_id)
        detail = {"user": ended["user"], "name": ended["name"], "scope": ended["scope"]}
        _note(engine, actor, "drop_token", str(token_id), detail, now)
    return ended


def own_id(who: Actor) -> int:
    """Return the number of one's own account."""
    return cast("int", who.user_id)  # held by the register: `own` needs an account


def _is_within(actor: Actor, agencies: Sequence[str]) -> bool:
    """Return whether all that a user reaches is the actor's."""
    return all(actor.reaches(agency) for agency in agencies)


def reached_user(engine: StateStore, who: Actor, user_id: int) -> dict[str, Any]:
    """Return a user that someone may administer, locked until the transaction ends. Raises NotThere, NotAllowed."""
    with transaction(engine) as connection:
        return _reached(who, locked_users(connection), user_id)


def _reached(actor: Actor, every: Mapping[int, dict[str, Any]], user_id: int) -> dict[str, Any]:
    """Return a user that the actor may administer. Raises NotThere, NotAllowed."""
    actor.need("administer")
    user = every.get(user_id)
    if user is None or not _is_within(actor, user["agencies"]):
        raise NotThere
    return user


def leave_one_admin(engine: StateStore, without: int) -> None:
    """Raise InputError where a user is the last admin of the server who may come in."""
    with transaction(engine) as connection:
        every = locked_users(connection)
        _leave_one_admin(every, without, every[without] | {"disabled": 1})


def _leave_one_admin(every: Mapping[int, dict[str, Any]], user_id: int, after: Mapping[str, Any]) -> None:
    """Raise InputError where no admin of the server would be left who may come in."""
    if any(_serves(user) for number, user in every.items() if number != user_id) or _serves(after):
        return
    if _serves(every[user_id]):
        raise InputError.of("last_admin")


def _serves(user: Mapping[str, Any]) -> bool:
    return user["role"] == "admin" and EVERY_AGENCY in user["agencies"] and not user["disabled"]


def _note(
    engine: StateStore, actor: Actor, action: str, target: str, detail: Mapping[str, Any], now: dt.datetime
) -> None:
    """Write a line in the audit log, in the transaction that is open."""
    with transaction(engine) as connection:
        enter_audit(connection, actor, action, target, detail, now)


def _notify(engine: StateStore, user_id: int, change: AccountChange, who: Actor, now: dt.datetime) -> None:
    """Send a user a mail of a change of the account, in the transaction that is open."""
    with transaction(engine) as connection:
        notify_of_change(connection, user_id, change, now, by=who.name, address=who.address)
