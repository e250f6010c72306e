"""Requests under the Personal Data Protection Act: what is stored of a person, and the end of an account."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.persons import erase_account, rows_of_person
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError
from bkkenergy.usecases.people import leave_one_admin, reached_user
from bkkenergy.usecases.powers import use_case


@use_case("users.personal_data", "administer", "agency")
def personal_data(engine: StateStore, actor: Actor, user_id: int, now: dt.datetime) -> dict[str, list[dict[str, Any]]]:
    """Return every row that the state has of a user, by table. That it was taken is a line of the audit log."""
    with transaction(engine) as connection:
        name = reached_user(engine, actor, user_id)["name"]
        rows = rows_of_person(connection, user_id, name)
        enter_audit(connection, actor, "personal_data", name, {"rows": sum(map(len, rows.values()))}, now)
    return rows


@use_case("users.erase", "administer", "agency")
def erase_user(engine: StateStore, actor: Actor, user_id: int, now: dt.datetime) -> None:
    """End an account for ever: password, sessions, tokens, second step, addresses, displayed name.

    Its name stays in the records of what the user did. Raises InputError for one's own account, and for the last admin.
    """
    with transaction(engine) as connection:
        before = reached_user(engine, actor, user_id)
        if user_id == actor.user_id:
            raise InputError.of("own_account")
        leave_one_admin(engine, user_id)
        erase_account(connection, user_id)
        detail = {"before": {"role": before["role"], "agencies": before["agencies"]}}
        enter_audit(connection, actor, "erase_user", before["name"], detail, now)
