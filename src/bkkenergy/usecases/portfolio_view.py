"""Records, revisions and differences as an actor is shown them: what is of others is left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateTransaction, reading
from bkkenergy.adapters.state.portfolio import Revision, changes_at, newest_revision, revisions
from bkkenergy.errors import NotThere
from bkkenergy.portfolio.reach import is_visible, shown_body, version_of
from bkkenergy.portfolio.records import EVER, Change, Entry, Kinds, Records, differences, entry_on
from bkkenergy.portfolio.snapshot import buildings_of
from bkkenergy.usecases.portfolio import PortfolioState
from bkkenergy.usecases.portfolio_powers import is_in_sight
from bkkenergy.usecases.powers import use_case


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """A thing as it is on a day. revision : the newest that changed it; valid_from : None where it has no first day."""

    kind: str
    key: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    revision: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeenChange:
    """What changed of a thing, from a day on: the fields that changed, before and after; None where there is none."""

    kind: str
    key: str
    valid_from: dt.date | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SeenRevision:
    """A revision. actor, why : empty where it also changed what the reader is not shown."""

    number: int
    at: dt.datetime
    actor: str
    why: str
    undoes: int | None
    changes: tuple[SeenChange, ...]


@use_case("records.list", "see", "agency")
def seen_records(records: Records, actor: Actor, kinds: Kinds, kind: str, day: dt.date) -> list[SeenRecord]:
    """Return the things of a kind that there are on a day, as far as they are the actor's. Raises NotThere."""
    actor.need("see")
    if kind not in kinds:
        raise NotThere
    entries = (entry for _, entry in records.entries_on(kind, day))
    return [_seen(records, entry, kinds, actor) for entry in entries if _is_seen(records, entry, actor)]


@use_case("records.read", "see", "agency")
def seen_record(records: Records, actor: Actor, kinds: Kinds, kind: str, key: str, day: dt.date) -> SeenRecord:
    """Return one thing as it is on a day. Raises NotThere."""
    actor.need("see")
    entry = entry_on(records.of(kind, key), day) if kind in kinds else None
    if entry is None or not _is_seen(records, entry, actor):
        raise NotThere
    return _seen(records, entry, kinds, actor)


@use_case("records.of_building", "see", "agency")
def seen_of_building(records: Records, actor: Actor, kinds: Kinds, building: str, day: dt.date) -> list[SeenRecord]:
    """Return a building with all that belongs to it on a day, and its agency's contacts, as far as they are in reach.

    Raises NotThere where the building is not there, or not the actor's.
    """
    first = seen_record(records, actor, kinds, "building", building, day)
    agency = first.value["agency"]
    entries = [
        entry
        for kind in kinds
        if kind != "building"
        for _, entry in records.entries_on(kind, day)
        if building in buildings_of(entry) or (kind == "contact" and _is_of_agency_alone(entry, agency))
    ]
    return [first, *(_seen(records, entry, kinds, actor) for entry in entries if _is_seen(records, entry, actor))]


def _is_of_agency_alone(entry: Entry, agency: str) -> bool:
    contact: Any = entry.value
    return contact.agency == agency and contact.building is None


@use_case("records.history", "see", "agency")
def seen_revisions(
    state: PortfolioState,
    actor: Actor,
    *,
    kind: str | None = None,
    key: str | None = None,
    number: int | None = None,
    limit: int = 50,
    is_against: bool = False,
) -> list[SeenRevision]:
    """Return revisions that changed anything of the actor's, the newest first. is_against : as of `seen_changes`."""
    actor.need("see")
    with reading(state.engine) as connection:
        limit = newest_revision(connection, state.book) + 1 if number is not None else limit
        heads = revisions(connection, kind=kind, key=key, limit=limit, book=state.book)
        walked = _walked(connection, state, [head for head in heads if number in (None, head.number)])
        shown = [
            _revision(head, old, new, changes, (kind, key), state.kinds, actor, is_against=is_against)
            for head, old, new, changes in walked
        ]
    return [revision for revision in shown if revision.changes or actor.sees_all]


def _walked(
    connection: StateTransaction, state: PortfolioState, heads: Sequence[Revision]
) -> Iterator[tuple[Revision, Records, Records, Sequence[Change]]]:
    """Return each revision with the records before and after it and what it changed. heads : the newest first."""
    new = state.read(connection)
    number = new.revision
    for head in heads:
        while number > head.number:
            new = new.with_changes(_turned(changes_at(connection, state.kinds, number, state.book)))
            number -= 1
        changes = changes_at(connection, state.kinds, head.number, state.book)
        old = new.with_changes(_turned(changes))
        yield head, old, new, changes


def _turned(changes: Sequence[Change]) -> list[Change]:
    return [Change(change.after, change.before) for change in changes]


def _revision(
    head: Revision,
    old: Records,
    new: Records,
    changes: Sequence[Change],
    of: tuple[str | None, str | None],
    kinds: Kinds,
    reader: Actor,
    *,
    is_against: bool,
) -> SeenRevision:
    """Return a revision as a reader is shown it: who and why only where all it changed is in reach."""
    kind, key = of
    chosen = [change for change in changes if kind in (None, change.identity[0]) and key in (None, change.identity[1])]
    is_whole = reader.sees_all or all(is_in_sight(reader, change, old, new) for change in changes)
    who, why = (head.actor, head.why) if is_whole else ("", "")
    shown = seen_changes(chosen, old, new, kinds, reader, is_against=is_against)
    return SeenRevision(head.number, head.at, who, why, head.undoes, tuple(shown))


@use_case("records.compare", "see", "agency")
def seen_differences(
    state: PortfolioState, actor: Actor, before: int, after: int | None = None, *, is_against: bool = False
) -> list[SeenChange]:
    """Return what differs between two revisions, the later one by default the newest. Raises NotThere.

    is_against : as of `seen_changes`.
    """
    actor.need("see")
    with reading(state.engine) as connection:
        newest = newest_revision(connection, state.book)
        numbers = (before, newest if after is None else after)
        if not all(0 <= number <= newest for number in numbers):
            raise NotThere
        old, new = (state.read(connection, number) for number in numbers)
    return seen_changes(differences(old, new), old, new, state.kinds, actor, is_against=is_against)


def seen_changes(
    changes: Sequence[Change], before: Records, after: Records, kinds: Kinds, reader: Actor, *, is_against: bool = False
) -> list[SeenChange]:
    """Return changes as a reader is shown them; those that are all of others' are left out.

    is_against : a new version of a thing is shown against what held until its first day, for people.
    """
    visible = [change for change in changes if is_in_sight(reader, change, before, after)]
    return [
        replace(
            _change(_with_neighbours(change, before, after) if is_against else change, before, after, kinds, reader),
            valid_from=None if change.identity[2] == EVER else change.identity[2],
        )
        for change in visible
    ]


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """What a thing is on some days; valid_from : None where it has no first day, valid_to : None where it lasts."""

    kind: str
    key: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    value: dict[str, Any]


def seen_versions(records: Records, reader: Actor, kinds: Kinds, changes: Sequence[Change]) -> list[SeenVersion]:
    """Return what each thing that changed is on all days, as a reader is shown it."""
    return [
        SeenVersion(seen.kind, seen.key, seen.valid_from, seen.valid_to, seen.value)
        for kind, key in dict.fromkeys(change.identity[:2] for change in changes)
        for entry in records.of(kind, key)
        if _is_seen(records, entry, reader)
        for seen in [_seen(records, entry, kinds, reader)]
    ]


def _with_neighbours(change: Change, before: Records, after: Records) -> Change:
    """Return the change of a version with what held on its first day until then, or holds there from now on."""
    kind, key, day = change.identity
    return Change(
        change.before or entry_on(before.of(kind, key), day),
        change.after or entry_on(after.of(kind, key), day),
    )


def _change(change: Change, before: Records, after: Records, kinds: Kinds, actor: Actor) -> SeenChange:
    kind, key, valid_from = change.identity
    sides = [
        None if entry is None or not _is_seen(records, entry, actor) else _body(records, entry, kinds, actor)
        for records, entry in ((before, change.before), (after, change.after))
    ]
    if change.fields:
        sides = [None if side is None else {name: side.get(name) for name in change.fields} for side in sides]
    return SeenChange(kind, key, None if valid_from == EVER else valid_from, sides[0], sides[1])


def _is_seen(records: Records, entry: Entry, actor: Actor) -> bool:
    return actor.sees_all or is_visible(version_of(records, entry), entry.kind, entry.key, records, actor.reaches)


def _body(records: Records, entry: Entry, kinds: Kinds, actor: Actor) -> dict[str, Any]:
    body = kinds[entry.kind].body_of(entry.value)
    if not actor.sees_all:
        body = shown_body(body, version_of(records, entry), entry.kind, records, actor.reaches)
    return body | {"valid_to": entry.valid_to and entry.valid_to.isoformat()}


def _seen(records: Records, entry: Entry, kinds: Kinds, actor: Actor) -> SeenRecord:
    body = _body(records, entry, kinds, actor)
    del body["valid_to"]
    return SeenRecord(
        kind=entry.kind,
        key=entry.key,
        valid_from=None if entry.valid_from == EVER else entry.valid_from,
        valid_to=version_of(records, entry).end,
        revision=max(version.revision for version in records.of(entry.kind, entry.key)),
        value=body,
    )
