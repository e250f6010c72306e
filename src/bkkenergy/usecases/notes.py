"""Notes on days and hours: what a person knows of a time that no meter says. Written, listed, removed, adjusted for."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, reading, transaction
from bkkenergy.adapters.state.notes import (
    DayNote,
    add_note,
    locked_note,
    mark_note_adjusted,
    mark_note_removed,
    notes_between,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.edits import Put
from bkkenergy.portfolio.values import MAX_TEXT, text_faults
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.usecases.portfolio import Changed, PortfolioState, change
from bkkenergy.usecases.powers import use_case

MIN_TEXT = 3
LONGEST = dt.timedelta(days=3660)
EARLIEST_YEAR, LATEST_YEAR = 1990, 2200
BUDDHIST_YEARS = re.compile(r"^(2[45]\d\d)(-|$)")


def instant_of(text: str, *, is_end: bool) -> dt.datetime:
    """Parse a day or an hour of Bangkok, such as 2026-11-24 or 2026-11-24T18:00. A day ends at the midnight after it.

    A year of the Buddhist era is refused by name. Raises InputError.
    """
    if BUDDHIST_YEARS.match(text.strip()):
        raise InputError.of("note_time_be", given=text)
    try:
        instant = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError.of("note_time", given=text) from None
    if not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
        raise InputError.of("note_time", given=text)
    instant = instant.replace(tzinfo=BANGKOK) if instant.tzinfo is None else instant.astimezone(BANGKOK)
    is_day = len(text.strip()) == len("2026-11-24")
    return instant + dt.timedelta(days=1) if is_day and is_end else instant


def subject_of_note(portfolio: Portfolio, name: str) -> tuple[str, str]:
    """Return the agency and the building ("" where it is of the whole agency) of an id. Raises NotThere."""
    if name in portfolio.buildings:
        return portfolio.buildings[name].agency, name
    if name in portfolio.agencies:
        return name, ""
    raise NotThere


@use_case("notes.write", "edit", "agency")
def write_note(
    state: StateStore,
    actor: Actor,
    portfolio: Portfolio,
    name: str,
    first: dt.datetime,
    end: dt.datetime,
    text: str,
    now: dt.datetime,
) -> int:
    """Write a note on a time of a building or an agency, and return its number.

    Parameters
    ----------
    name : str
        The id of a building or an agency.
    first, end : datetime
        From and until when, the end not included.
    text : str
        What happened, in a person's words; up to 2,000 characters.

    Raises
    ------
    NotThere, NotAllowed, StoreUnavailable
    InputError
        Where the time ends before it begins or is too long, or the text is no text.
    """
    agency, building = subject_of_note(portfolio, name)
    actor.need("edit", agency)
    said = text.strip()
    if len(said) < MIN_TEXT:
        raise InputError.of("note_text")
    if any(text_faults(said, "text")):
        raise InputError.of("note_text_long", count=f"{MAX_TEXT:,}")
    if not first < end:
        raise InputError.of("note_order")
    if end - first > LONGEST:
        raise InputError.of("note_long", days=LONGEST.days)
    with transaction(state) as connection:
        number = add_note(connection, agency, building, first, end, said, actor.name, now)
        detail = {"number": number, "first": first.isoformat(), "end": end.isoformat(), "text": said}
        enter_audit(connection, actor, "note_write", name, detail, now)
    return number


@use_case("notes.remove", "edit", "agency")
def remove_note(state: StateStore, actor: Actor, number: int, now: dt.datetime) -> DayNote:
    """Remove a note; the state still has it, with who removed it. Raises NotThere, NotAllowed, InputError.

    An adjustment that was entered from it stays: it is a record of the portfolio, with a history of its own.
    """
    with transaction(state) as connection:
        note = _open_note(connection, actor, number)
        mark_note_removed(connection, number, actor.name, now)
        enter_audit(
            connection, actor, "note_remove", note.building or note.agency, {"number": number, "text": note.text}, now
        )
    return note


@use_case("notes.list", "see", "agency")
def list_notes(
    state: StateStore, actor: Actor, portfolio: Portfolio, name: str, days: Period, *, with_removed: bool = False
) -> list[DayNote]:
    """Return the notes that touch some days of a building with those of its agency, or of an agency with those of all
    of its buildings, in order of time. Raises NotThere, NotAllowed, StoreUnavailable.
    """
    agency, building = subject_of_note(portfolio, name)
    actor.need("see", agency)
    return notes_seen(state, agency, [building] if building else None, days, with_removed=with_removed)


def notes_seen(
    state: StateStore, agency: str, buildings: Sequence[str] | None, days: Period, *, with_removed: bool = False
) -> list[DayNote]:
    """Return the notes of an agency, and of its buildings (None: of all), that touch some days, in order of time.

    Raises StoreUnavailable.
    """
    with reading(state) as connection:
        return notes_between(
            connection, [agency], buildings, days.start.to_pydatetime(), days.end.to_pydatetime(),
            with_removed=with_removed,
        )  # fmt: skip


@use_case("notes.adjust", "edit", "agency")
def adjust_by_note(
    state: PortfolioState,
    actor: Actor,
    number: int,
    kwh_a_day: float,
    half_width_kwh_a_day: float,
    now: dt.datetime,
) -> tuple[str, Changed]:
    """Enter what a note speaks of as a non-routine adjustment of its building, with the note as its reason.

    Parameters
    ----------
    number : int
        Of the note. It has to be of one building.
    kwh_a_day, half_width_kwh_a_day : float
        What the building used more on each of its days (less: negative), and half of its 90 % interval [kWh].

    Returns
    -------
    tuple of str and Changed
        The id of the adjustment, and what was done.

    Raises
    ------
    NotThere, NotAllowed, StoreUnavailable
    InputError
        Where the note is of a whole agency, or was adjusted for before.
    ConfigError, Conflict, ReadOnlyPortfolio
        As `usecases.portfolio.change`.
    """
    with transaction(state.engine) as connection:
        note = _open_note(connection, actor, number)
        if not note.building:
            raise InputError.of("note_of_agency")
        if note.adjustment:
            raise InputError.of("note_is_adjusted", adjustment=note.adjustment)
        key = f"{note.building}.note-{number}"  # two notes can begin on one day
        adjustment = Adjustment(
            id=key, building=note.building, first=note.first.date(), last=note.last_day, kwh_a_day=kwh_a_day,
            half_width_kwh_a_day=half_width_kwh_a_day, reason=f"note {number}: {note.text}", entered_by=actor.name,
            entered=now.date(),
        )  # fmt: skip
        body = adjustment.model_dump(mode="python", exclude_defaults=True)
        changed = change(
            state, actor, [Put("adjustment", body)], why=note.text, from_day=None, expected_revision=None, now=now
        )
        mark_note_adjusted(connection, number, key)
        detail = {"number": number, "kwh_a_day": kwh_a_day, "half_width_kwh_a_day": half_width_kwh_a_day}
        enter_audit(connection, actor, "note_adjust", note.building, detail, now)
    return key, changed


def _open_note(connection: StateTransaction, actor: Actor, number: int) -> DayNote:
    """Return a note that is the actor's to change. Raises NotThere, NotAllowed, InputError where it was removed."""
    note = locked_note(connection, number)
    if note is None:
        raise NotThere
    actor.need("edit", note.agency)
    if note.removed_at is not None:
        raise InputError.of("note_is_removed", number=number)
    return note
