"""The first run of a site: its first administrator, by a link that is good once; and what is left to set up."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bkkenergy.access import EVERY_AGENCY, Actor
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.users import add_user, enter_audit, locked_users, users
from bkkenergy.errors import InputError, NotThere
from bkkenergy.site import Site
from bkkenergy.site.known import lost_states, note_site
from bkkenergy.usecases.beginrecords import begin_records

MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class FirstUser:
    """Whether a first user may be made. has_users : there is one. lost : ids of states that this site had before."""

    has_users: bool
    lost: Sequence[str] = ()

    @property
    def may_be_made(self) -> bool:
        """Whether this is a site that never had a user."""
        return not self.has_users and not self.lost


def first_user_of(site: Site) -> FirstUser:
    """Return whether a first user may be made, and note the site's id where it has users. Raises StoreUnavailable."""
    if users(site.state):
        note_site(site)
        return FirstUser(has_users=True)
    return FirstUser(has_users=False, lost=lost_states(site))


def new_link_key() -> str:
    """Return a key for a link that is good once: it is in this process's memory alone."""
    return secrets.token_urlsafe(24)


def enter_first_admin(
    site: Site, name: str, password: str, address: str, now: dt.datetime, *, language: str = "th"
) -> None:
    """Make the first administrator, and move the records of a site without any into the app.

    Raises
    ------
    NotThere
        Where there is a user, or the site had a state before: then no one becomes an administrator by a link.
    InputError
        Where the name is missing or too long.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise InputError.of("first_admin_name", max=MAX_NAME)
    with transaction(site.state) as connection:
        if locked_users(connection) or lost_states(site):
            raise NotThere
        add_user(site.state, name, password, "admin", [EVERY_AGENCY], now, language=language)
        enter_audit(connection, Actor(name, address), "first_admin", name, {}, now)
    note_site(site)
    if not site.portfolio.revision and not site.portfolio.agencies:
        actor = Actor(name, address, frozenset({"portfolio", "see", "edit"}), (EVERY_AGENCY,))
        begin_records(site, actor, why="first run", now=now)


@dataclass(frozen=True, slots=True)
class SetUpStep:
    """A step of the set-up. href : where it is done."""

    name: str
    is_done: bool
    href: str


def steps_left(site: Site, today: dt.date) -> list[SetUpStep]:
    """Return the steps of the set-up in their order. today : on which the city has a plan."""
    portfolio = site.portfolio
    meters = [meter.id for meter in portfolio.meters]
    return [
        SetUpStep("admin", bool(users(site.state)), "/account"),
        SetUpStep("city", bool(portfolio.records.on("programme", today)), "/records/list/programme"),
        SetUpStep("agency", bool(portfolio.agencies), "/records/new/agency"),
        SetUpStep("list", bool(portfolio.buildings), "/records/upload/building"),
        SetUpStep("broker", bool(site.energy.seen(meters)), "#broker"),
        SetUpStep("meter", bool(meters), "/meters#unknown"),
    ]
