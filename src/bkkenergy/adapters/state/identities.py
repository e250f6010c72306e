"""Users who sign in by a provider, known by its number of a person (`iss` and `sub`) alone.

A name or an address at the provider may be given to another person, or chosen; the number may not (OpenID Connect Core
1.0, 5.7). A name counts once: when a user who was entered here, and has not come yet, comes for the first time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from bkkenergy.access import EVERY_AGENCY, Actor, Role
from bkkenergy.adapters.state import transaction, us_of
from bkkenergy.adapters.state.persons import hash_of_no_password
from bkkenergy.adapters.state.tables import provider_identity, session, user
from bkkenergy.adapters.state.users import ONE_TIME_S, PROVIDER, SignedIn, enter_audit, new_session
from bkkenergy.readings import US_PER_S


@dataclass(frozen=True, slots=True)
class Grant:
    """What the provider's groups let a person do here."""

    role: Role
    agencies: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """Return it as columns of a user."""
        return {"role": self.role, "agencies": list(self.agencies)}


@dataclass(frozen=True, slots=True)
class ProviderPerson:
    """A person as a provider of sign-in knows one. name : what it calls the person. grant : by groups."""

    issuer: str
    subject: str
    name: str
    display: str = ""
    grant: Grant | None = None


def sign_in_person(
    engine: Engine, person: ProviderPerson, now: dt.datetime, *, session_s: float, address: str, agent: str = ""
) -> SignedIn | None:
    """Start a session for a person who signed in at a provider. None where that is no user here, or one locked out.

    Where groups decide, a user is entered who is not there, and one who is there gets their role and agencies.
    """
    now_us, who = us_of(now), Actor(person.name, address)
    with transaction(engine) as connection:
        row = _bound(connection, person)
        if row is None:
            row = _invited(connection, person, now_us)
            if row is None and person.grant is not None:
                row = _entered(connection, person, person.grant, now_us)
            if row is None:
                return None
            key = {"issuer": person.issuer, "subject": person.subject}
            connection.execute(insert(provider_identity).values(**key, user_id=row.id, at_us=now_us))
            enter_audit(connection, who, "bind_identity", row.name, key, now)
        if row.disabled:
            return None
        if person.grant is not None and _differs(row, person.grant.values):
            before = {"role": row.role, "agencies": row.agencies}
            connection.execute(update(user).where(user.c.id == row.id).values(**person.grant.values))
            detail = {"before": before, "after": person.grant.values, "by": person.issuer}
            enter_audit(connection, who, "change_user", row.name, detail, now)
        row = connection.execute(select(user).where(user.c.id == row.id)).one()
        return new_session(connection, row, now_us, session_s, (address, agent), by=PROVIDER)


def _differs(row: Row[Any], values: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def _bound(connection: Connection, person: ProviderPerson) -> Row[Any] | None:
    """Return the user who was bound to the provider's number of a person."""
    is_theirs = (provider_identity.c.issuer == person.issuer, provider_identity.c.subject == person.subject)
    return connection.execute(
        select(user).join(provider_identity, provider_identity.c.user_id == user.c.id).where(*is_theirs)
    ).first()


def _invited(connection: Connection, person: ProviderPerson, now_us: int) -> Row[Any] | None:
    """Return the user of a name who was entered, or given a new one-time password, within a week, and has not come.

    Never an administrator of the server: that account is there from the start. From now on no password
    opens the account.
    """
    is_waiting = (user.c.must_change == 1, user.c.disabled == 0, user.c.password_us > now_us - ONE_TIME_S * US_PER_S)
    row = connection.execute(select(user).where(user.c.name == person.name, *is_waiting)).first()
    if row is None or (row.role == "admin" and EVERY_AGENCY in row.agencies):
        return None
    if connection.execute(select(provider_identity.c.user_id).where(provider_identity.c.user_id == row.id)).first():
        return None
    values = {"must_change": 0, "password_hash": hash_of_no_password()}
    connection.execute(update(user).where(user.c.id == row.id).values(**values))
    return row


def _entered(connection: Connection, person: ProviderPerson, grant: Grant, now_us: int) -> Row[Any] | None:
    """Insert a user who may come in by groups of the provider; None where another user has the name."""
    if connection.execute(select(user.c.id).where(func.lower(user.c.name) == person.name.lower())).first():
        return None
    values: dict[str, Any] = {
        "name": person.name,
        "display": person.display or person.name,
        "password_hash": hash_of_no_password(),
    }
    values |= {"language": "th", "created_us": now_us, "password_us": now_us} | grant.values
    return connection.execute(insert(user).values(**values).returning(user)).first()


def end_provider_sessions(
    engine: Engine, issuer: str, subject: str, now: dt.datetime, *, begun_before_s: float, address: str
) -> int:
    """End the sessions that a person began by the provider; return how many. A password's of that user go on.

    begun_before_s : seconds since 1970 UTC, of when the person signed out there: sessions that began later go on.
    """
    with transaction(engine) as connection:
        row = _bound(connection, ProviderPerson(issuer, subject, ""))
        if row is None:
            return 0
        theirs = (session.c.user_id == row.id, session.c.by == PROVIDER)
        is_older = session.c.created_us < int(begun_before_s * US_PER_S)
        ended = connection.execute(delete(session).where(*theirs, is_older)).rowcount
        if ended:
            enter_audit(connection, Actor(row.name, address), "sign_out_there", issuer, {"sessions": ended}, now)
    return ended
