"""Where a user is signed in, and the second factor: looked at, set and ended by the user; ended by an administrator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.accountlinks import mail_of
from bkkenergy.adapters.state.passkeys import Passkey, drop_passkeys, passkeys_of
from bkkenergy.adapters.state.sessions import (
    OpenSession,
    confirm_secret,
    end_factor,
    end_sessions,
    factor_since,
    is_first_code,
    new_secret,
    new_spare_codes,
    open_sessions,
    spare_codes_left,
)
from bkkenergy.adapters.state.users import enter_audit, is_password_of
from bkkenergy.errors import InputError, NotThere
from bkkenergy.usecases.accountnotices import notify_of_change
from bkkenergy.usecases.people import own_id, reached_user
from bkkenergy.usecases.powers import use_case


@dataclass(frozen=True, slots=True)
class SignInState:
    """How a user signs in. sessions : the one used last first. factor_since_us : None without a second factor.

    mail : the account's address, empty without one.
    """

    sessions: Sequence[OpenSession]
    factor_since_us: int | None
    spare_codes: int
    mail: str = ""
    passkeys: Sequence[Passkey] = ()


@use_case("account.sign_in", None, "own")
def sign_in_state(engine: StateStore, actor: Actor, now: dt.datetime) -> SignInState:
    """Return where one is signed in, and since when a second factor is asked for."""
    user = own_id(actor)
    with reading(engine) as connection:
        mail, _ = mail_of(connection, user)
        keys = passkeys_of(connection, user)
    since_us = factor_since(engine, user)
    return SignInState(open_sessions(engine, user, now), since_us, spare_codes_left(engine, user), mail, keys)


@use_case("account.end_session", None, "own")
def end_own_sessions(
    engine: StateStore, actor: Actor, now: dt.datetime, *, only: str | None = None, but: str = ""
) -> int:
    """End one of one's sessions, or all but the one at hand. Raises NotThere for one that is not one's own."""
    with transaction(engine) as connection:
        count = end_sessions(engine, own_id(actor), only=only, but=but)
        if only is not None and not count:
            raise NotThere
        enter_audit(connection, actor, "end_session", actor.name, {"sessions": count}, now)
    return count


@use_case("account.begin_factor", None, "own")
def begin_factor(engine: StateStore, actor: Actor, password: str, now: dt.datetime) -> str:
    """Make the secret of a second factor, to be confirmed. Raises InputError for a wrong password, or where one is."""
    user = with_password(engine, actor, password)
    if factor_since(engine, user) is not None:
        raise InputError.of("factor_is_set")
    with transaction(engine) as connection:
        secret = new_secret(engine, user)
        enter_audit(connection, actor, "begin_factor", actor.name, {}, now)
    return secret


@use_case("account.confirm_factor", None, "own")
def confirm_factor(engine: StateStore, actor: Actor, code: str, now: dt.datetime) -> Sequence[str]:
    """Set one's second factor by its first code. Return ten spare codes. Raises InputError for a wrong code."""
    user_id = own_id(actor)
    if not is_first_code(engine, user_id, code, now):
        raise InputError.of("code_wrong")
    spare = new_spare_codes(user_id)
    with transaction(engine) as connection:
        if not confirm_secret(engine, user_id, code, now, spare):  # another request has confirmed it meanwhile
            raise InputError.of("code_wrong")
        enter_audit(connection, actor, "set_factor", actor.name, {}, now)
        notify_of_change(connection, user_id, "factor_set", now, by=actor.name, address=actor.address)
    return list(spare)


@use_case("account.end_factor", None, "own")
def end_own_factor(engine: StateStore, actor: Actor, password: str, now: dt.datetime) -> None:
    """End one's second factor. Raises InputError for a wrong password, or where there is none."""
    user = with_password(engine, actor, password)
    with transaction(engine) as connection:
        if not end_factor(engine, user):
            raise InputError.of("no_second_step")
        enter_audit(connection, actor, "end_factor", actor.name, {}, now)
        notify_of_change(connection, user, "factor_ended", now, by=actor.name, address=actor.address)


@use_case("users.end_factor", "administer", "agency")
def end_users_factor(engine: StateStore, actor: Actor, user_id: int, now: dt.datetime) -> None:
    """End the second factor of a user who lost the phone, and sign the user out everywhere."""
    with transaction(engine) as connection:
        name = reached_user(engine, actor, user_id)["name"]
        had_keys = drop_passkeys(connection, user_id) > 0
        had_one, count = end_factor(engine, user_id) or had_keys, end_sessions(engine, user_id)
        if not had_one:
            raise InputError.of("no_second_step")
        enter_audit(connection, actor, "end_factor", name, {"sessions": count}, now)
        notify_of_change(connection, user_id, "factor_ended", now, by=actor.name, address=actor.address)


@use_case("users.end_sessions", "administer", "agency")
def end_users_sessions(engine: StateStore, actor: Actor, user_id: int, now: dt.datetime) -> int:
    """Sign a user out everywhere. Return of how many browsers."""
    with transaction(engine) as connection:
        name = reached_user(engine, actor, user_id)["name"]
        count = end_sessions(engine, user_id)
        enter_audit(connection, actor, "end_session", name, {"sessions": count}, now)
    return count


def with_password(engine: StateStore, who: Actor, password: str) -> int:
    """Return someone's user. Raises InputError for another password than theirs."""
    user = own_id(who)
    if not is_password_of(engine, user, password):
        raise InputError.of("password_wrong")
    return user
